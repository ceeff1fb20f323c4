// Every environment variable that the program itself reads. The library's own table comes from
// tau_build_info; both feed --help and .env.example.
#pragma once

#include <array>
#include <string>
#include <string_view>

namespace cli {

struct Variable {
  std::string_view name;
  std::string_view help;
};

inline constexpr std::array<Variable, 3> kVariables = {{
    {"NO_COLOR", "No colours and no spinner when it is set and not empty."},
    {"TAU_EXEC_HELPER", "The program tau-exec, when it is not installed beside the library."},
    {"TAU_HOME", "The home directory: sessions, tau.toml, history. Without it: $XDG_DATA_HOME/tau."},
}};

// What the language bindings read: .env.example covers the whole package.
inline constexpr std::array<Variable, 1> kBindingVariables = {{
    {"TAU_LIBRARY", "Where the Python package finds libtau.so."},
}};

// The value of a variable of the table; empty when it is unset.
std::string read_variable(std::string_view name);

// The table and the library's own, as the text of --help and as .env.example.
std::string variables_help();
std::string env_example();

}  // namespace cli
