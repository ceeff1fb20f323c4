// Completion scripts. What is completed follows the type of the argument: directories for DIR, files for
// FILE, the sessions of the home for ID.
#include <map>
#include <string>
#include <vector>

#include "surface.h"
#include "text.h"

namespace cli {
namespace {

constexpr std::string_view kSessionIds = "tau sessions list --limit 200 --ids 2>/dev/null";

// One option, or one positional argument (no names), of one command.
struct Argument {
  std::vector<std::string> names;  // "--home", "-s"
  std::string help;
  std::string type;  // empty: takes no value
};

struct Command {
  std::string path;  // "sessions list"; empty: the program itself
  std::string help;
  std::vector<std::string> children;
  std::vector<Argument> arguments;
};

Argument argument_of(const CLI::Option& option) {
  Argument argument{{}, option.get_description(), {}};
  for (const std::string& name : option.get_snames()) argument.names.push_back("-" + name);
  for (const std::string& name : option.get_lnames()) argument.names.push_back("--" + name);
  if (option.get_items_expected_max() > 0) argument.type = option.get_type_name();
  return argument;
}

void collect(const CLI::App& app, const std::string& path, std::vector<Command>& out) {
  Command command{path, app.get_description(), {}, {}};
  for (const CLI::Option* option : app.get_options()) command.arguments.push_back(argument_of(*option));
  const auto children = app.get_subcommands([](const CLI::App*) { return true; });
  for (const CLI::App* child : children) command.children.push_back(child->get_name());
  out.push_back(std::move(command));
  for (const CLI::App* child : children)
    collect(*child, path.empty() ? child->get_name() : path + " " + child->get_name(), out);
}

std::vector<Command> commands_of(const CLI::App& root) {
  std::vector<Command> commands;
  collect(root, "", commands);
  return commands;
}

std::string replaced(std::string_view text, char from, std::string_view to) {
  std::string out;
  for (const char c : text) c == from ? (void)(out += to) : (void)(out += c);
  return out;
}

// Within single quotes of a POSIX shell.
std::string shell_quoted(std::string_view text) { return "'" + replaced(text, '\'', "'\\''") + "'"; }

// "sessions list" as part of a function's name.
std::string joined_path(const std::string& path, char separator) {
  return replaced(path, ' ', std::string(1, separator));
}

// ---- bash -------------------------------------------------------------------------------------------------

std::string bash_values(const std::string& type) {
  if (type == "DIR") return "COMPREPLY=($(compgen -d -- \"$cur\"))";
  if (type == "FILE") return "COMPREPLY=($(compgen -f -- \"$cur\"))";
  if (type == "ID") return "COMPREPLY=($(compgen -W \"$(" + std::string(kSessionIds) + ")\" -- \"$cur\"))";
  if (type == "SHELL") return "COMPREPLY=($(compgen -W 'bash zsh fish' -- \"$cur\"))";
  return "COMPREPLY=()";
}

// The words that may stand after a command, and how its positional argument is completed.
std::string bash_case(const Command& command) {
  std::string words;
  std::string positional;
  for (const Argument& argument : command.arguments) {
    for (const std::string& name : argument.names) words += " " + name;
    if (argument.names.empty()) positional = argument.type;
  }
  for (const std::string& child : command.children) words += " " + child;
  if (command.path.empty()) words += " help";
  const std::string path = command.path.empty() ? "''" : "'" + command.path + "'";
  std::string out = "    " + path + ")\n";
  if (!positional.empty())
    out += "      if [[ $cur != -* ]]; then " + bash_values(positional) + "; return; fi\n";
  return out + "      words=" + shell_quoted(words.empty() ? words : words.substr(1)) + " ;;\n";
}

std::string bash_script(const std::vector<Command>& commands) {
  std::map<std::string, std::string> by_type;  // type -> "--home|--workspace"
  std::string paths;
  for (const Command& command : commands) {
    if (!command.path.empty()) paths += (paths.empty() ? "'" : "|'") + command.path + "'";
    for (const Argument& argument : command.arguments)
      for (const std::string& name : argument.names)
        if (!argument.type.empty() &&
            ("|" + by_type[argument.type] + "|").find("|" + name + "|") == std::string::npos)
          by_type[argument.type] += (by_type[argument.type].empty() ? "" : "|") + name;
  }
  std::string out =
      "# Completion of tau for bash. Made by: tau completion bash\n"
      "_tau() {\n"
      "  local cur=${COMP_WORDS[COMP_CWORD]} prev=${COMP_WORDS[COMP_CWORD-1]} path='' words='' next i\n"
      "  COMPREPLY=()\n"
      "  for ((i = 1; i < COMP_CWORD; ++i)); do\n"
      "    next=\"${path:+$path }${COMP_WORDS[i]}\"\n"
      "    case $next in " +
      paths +
      ") path=$next ;; esac\n"
      "  done\n"
      "  case $prev in\n";
  for (const auto& [type, names] : by_type)
    if (!names.empty()) out += "    " + names + ") " + bash_values(type) + "; return ;;\n";
  out += "  esac\n  case $path in\n";
  for (const Command& command : commands) out += bash_case(command);
  return out +
         "  esac\n"
         "  COMPREPLY=($(compgen -W \"$words\" -- \"$cur\"))\n"
         "}\n"
         "complete -o filenames -F _tau tau\n";
}

// ---- zsh --------------------------------------------------------------------------------------------------

std::string zsh_values(const std::string& type) {
  if (type == "DIR") return "_files -/";
  if (type == "FILE") return "_files";
  if (type == "ID") return "{ local -a ids=(${(f)\"$(" + std::string(kSessionIds) + ")\"}); compadd -a ids }";
  if (type == "SHELL") return "(bash zsh fish)";
  return " ";
}

// A description within '[…]' of _arguments, or after ':' of _describe.
std::string zsh_text(std::string_view text) {
  std::string out;
  for (const char c : text) {
    if (c == '[' || c == ']' || c == ':' || c == '\\') out += '\\';
    out += c;
  }
  return out;
}

std::string zsh_argument(const Argument& argument) {
  const std::string value =
      argument.type.empty() ? "" : ":" + argument.type + ":" + zsh_values(argument.type);
  if (argument.names.empty())
    return "    " + shell_quoted("::" + argument.type + ":" + zsh_values(argument.type)) + " \\\n";
  std::string out;
  for (const std::string& name : argument.names)
    out += "    " + shell_quoted("*" + name + "[" + zsh_text(argument.help) + "]" + value) + " \\\n";
  return out;
}

std::string zsh_function(const Command& command, const std::vector<Command>& all) {
  const std::string name = "_tau" + (command.path.empty() ? "" : "_" + joined_path(command.path, '_'));
  std::string out = name + "() {\n  local line state\n";
  if (!command.children.empty()) out += "  local -a commands=(\n";
  for (const std::string& child : command.children) {
    const std::string path = command.path.empty() ? child : command.path + " " + child;
    for (const Command& other : all)
      if (other.path == path) out += "    " + shell_quoted(child + ":" + zsh_text(other.help)) + "\n";
  }
  if (!command.children.empty()) out += "  )\n";
  out += "  _arguments -s -S -C \\\n";
  for (const Argument& argument : command.arguments) out += zsh_argument(argument);
  if (command.children.empty()) return out + "    && return\n}\n";
  out +=
      "    '1: :->command' '*:: :->rest' && return\n  case $state in\n"
      "    command) _describe command commands ;;\n    rest) case $line[1] in\n";
  for (const std::string& child : command.children)
    out += "      " + child + ") " + name + "_" + child + " ;;\n";
  return out + "    esac ;;\n  esac\n}\n";
}

std::string zsh_script(const std::vector<Command>& commands) {
  std::string out = "#compdef tau\n# Completion of tau for zsh. Made by: tau completion zsh\n";
  for (const Command& command : commands) out += zsh_function(command, commands);
  return out + "if [[ $funcstack[1] = _tau ]]; then _tau \"$@\"; else compdef _tau tau; fi\n";
}

// ---- fish -------------------------------------------------------------------------------------------------

std::string fish_quoted(std::string_view text) {
  return "'" + replaced(replaced(text, '\\', "\\\\"), '\'', "\\'") + "'";
}

// True on the command line of this command, and of no command below it.
std::string fish_condition(const Command& command) {
  std::string out;
  for (const std::string& word : split(command.path, ' '))
    if (!word.empty()) out += (out.empty() ? "" : "; and ") + ("__fish_seen_subcommand_from " + word);
  if (command.children.empty()) return out;
  std::string below;
  for (const std::string& child : command.children) below += " " + child;
  return out + (out.empty() ? "" : "; and ") + "not __fish_seen_subcommand_from" + below;
}

std::string fish_values(const std::string& type) {
  if (type == "DIR") return " -x -a '(__fish_complete_directories)'";
  if (type == "FILE") return " -r -F";
  if (type == "ID") return " -x -a " + fish_quoted("(" + std::string(kSessionIds) + ")");
  if (type == "SHELL") return " -x -a 'bash zsh fish'";
  return type.empty() ? "" : " -x";
}

std::string fish_argument(const Argument& argument, const std::string& where) {
  std::string out = "complete -c tau" + where;
  for (const std::string& name : argument.names)
    out += name.starts_with("--") ? " -l " + name.substr(2) : " -s " + name.substr(1);
  return out + fish_values(argument.type) + " -d " + fish_quoted(argument.help) + "\n";
}

std::string fish_script(const std::vector<Command>& commands) {
  std::string out = "# Completion of tau for fish. Made by: tau completion fish\ncomplete -c tau -f\n";
  for (const Command& command : commands) {
    const std::string condition = fish_condition(command);
    const std::string where = condition.empty() ? "" : " -n " + fish_quoted(condition);
    for (const std::string& child : command.children) {
      const std::string path = command.path.empty() ? child : command.path + " " + child;
      for (const Command& other : commands)
        if (other.path == path)
          out += "complete -c tau" + where + " -a " + child + " -d " + fish_quoted(other.help) + "\n";
    }
    for (const Argument& argument : command.arguments) out += fish_argument(argument, where);
  }
  return out;
}

}  // namespace

std::string completion_script(const CLI::App& root, std::string_view shell) {
  const std::vector<Command> commands = commands_of(root);
  if (shell == "bash") return bash_script(commands);
  if (shell == "zsh") return zsh_script(commands);
  return shell == "fish" ? fish_script(commands) : std::string();
}

}  // namespace cli
