// The face of the program: its commands and options, once, as CLI11 knows them. Parsing, --help, the
// completion scripts and the manual pages all follow it.
#pragma once

#include <CLI/CLI.hpp>
#include <memory>

#include "options.h"

namespace cli {

// The whole tree; what is parsed goes to `options`, which outlives it.
std::unique_ptr<CLI::App> make_surface(Options& options);

// Those of every command that opens a runtime.
void add_home_options(CLI::App& app, Options& options);
// Of them those that say which configuration holds. `example`: a key and its value.
void add_configuration_options(CLI::App& app, Options& options, const std::string& example);

// The commands of the audit log, below `root`.
void add_audit(CLI::App& root, Options& options);

// The commands of the vault, of identities and of access, below `root`.
void add_vault(CLI::App& root, Options& options);
void add_identity(CLI::App& root, Options& options);
void add_access(CLI::App& root, Options& options);

// What models took and cost, below `root`.
void add_usage(CLI::App& root, Options& options);
// The logins, below `root`.
void add_auth(CLI::App& root, Options& options);

// The memories, below `root`.
void add_memory(CLI::App& root, Options& options);

// The approvals that runs wait for, below `root`.
void add_approvals(CLI::App& root, Options& options);

// tau models and tau route, below `root`.
void add_models(CLI::App& root, Options& options);

// Those of every command that opens the vault; `makes`: it makes what is not there.
void add_key_options(CLI::App& app, Options& options, bool makes);

// tau policy and tau scan, below `root`.
void add_policy(CLI::App& root, Options& options);

// "bash", "zsh", "fish": a script that completes the commands and options of the tree. Empty for another
// shell.
std::string completion_script(const CLI::App& root, std::string_view shell);

// The manual page, in man(7) source: of the program for an empty name, else of that command. Empty for an
// unknown one.
std::string manual_page(const CLI::App& root, std::string_view command);

}  // namespace cli
