// Manual pages: one of the program, one of each of its commands.
#include <string>
#include <vector>

#include "env_table.h"
#include "exit_codes.h"
#include "handles.h"
#include "surface.h"

namespace cli {
namespace {

// Text as man(7) source: hyphens that may be copied, and no line that reads as a request.
std::string roff(std::string_view text) {
  std::string out;
  bool start = true;
  for (const char c : text) {
    if (start && (c == '.' || c == '\'')) out += "\\&";
    if (c == '\\') {
      out += "\\e";
    } else if (c == '-') {
      out += "\\-";
    } else {
      out += c;
    }
    start = c == '\n';
  }
  return out;
}

std::string upper(std::string text) {
  for (char& c : text)
    if (c >= 'a' && c <= 'z') c = static_cast<char>(c - 'a' + 'A');
  return text;
}

std::string heading(const std::string& name, std::string_view about) {
  return ".TH " + upper(roff(name)) + " 1 \"\" \"tau " + std::string(tau_version()) +
         "\" \"User Commands\"\n" + ".SH NAME\n" + roff(name) + " \\- " + roff(about) + "\n";
}

bool is_positional(const CLI::Option& option) {
  return option.get_snames().empty() && option.get_lnames().empty();
}

std::string synopsis(const CLI::App& app, const std::string& command) {
  std::string out = ".B " + roff(command) + "\n[\\fIOPTIONS\\fR]";
  for (const CLI::Option* option : app.get_options()) {
    if (!is_positional(*option)) continue;
    const std::string name = "\\fI" + roff(option->get_type_name()) + "\\fR";
    out += option->get_required() ? " " + name : " [" + name + "]";
  }
  return out + "\n";
}

std::string options_text(const CLI::App& app) {
  std::string out;
  for (const CLI::Option* option : app.get_options()) {
    std::string names;
    for (const std::string& name : option->get_snames())
      names += (names.empty() ? "" : ", ") + ("\\fB\\-" + roff(name) + "\\fR");
    for (const std::string& name : option->get_lnames())
      names += (names.empty() ? "" : ", ") + ("\\fB\\-\\-" + roff(name) + "\\fR");
    const bool takes_value = option->get_items_expected_max() > 0;
    if (takes_value) names += (names.empty() ? "" : " ") + ("\\fI" + roff(option->get_type_name()) + "\\fR");
    out += ".TP\n" + names + "\n" + roff(option->get_description()) + "\n";
  }
  return out;
}

std::string exit_status() {
  std::string out = ".SH EXIT STATUS\n";
  for (const ExitRow& row : kExitTable)
    out += ".TP\n" + std::to_string(row.code) + "\n" + roff(row.meaning) + "\n";
  return out;
}

std::vector<const CLI::App*> children_of(const CLI::App& app) {
  return app.get_subcommands([](const CLI::App*) { return true; });
}

std::string see_also(const CLI::App& root, std::string_view but) {
  std::string out = ".SH SEE ALSO\n";
  if (!but.empty()) out += ".BR tau (1)";
  for (const CLI::App* command : children_of(root)) {
    if (command->get_name() == but) continue;
    out += out.ends_with('\n') ? "" : ",\n";
    out += ".BR tau\\-" + roff(command->get_name()) + " (1)";
  }
  return out + "\n";
}

// The commands below one, and what is below those: the lines of the synopsis, and what each does.
void append_below(const CLI::App& app, const std::string& path, std::string& lines, std::string& commands) {
  for (const CLI::App* child : children_of(app)) {
    const std::string words = path + " " + child->get_name();
    lines += synopsis(*child, words) + ".br\n";
    commands += ".SS " + roff(words) + "\n" + roff(child->get_description()) + "\n" + options_text(*child);
    append_below(*child, words, lines, commands);
  }
}

std::string program_page(const CLI::App& root) {
  std::string out = heading("tau", root.get_description());
  out += ".SH SYNOPSIS\n.B tau\n\\fICOMMAND\\fR [\\fIOPTIONS\\fR]\n.SH COMMANDS\n";
  for (const CLI::App* command : children_of(root))
    out += ".TP\n.B " + roff(command->get_name()) + "\n" + roff(command->get_description()) + "\n";
  out += ".SH OPTIONS\n" + options_text(root) + exit_status();
  out += ".SH ENVIRONMENT\n.nf\n" + roff(variables_help()) + ".fi\n";
  out += ".SH FILES\n.TP\n.I $XDG_DATA_HOME/tau\nThe home: tau.db, tau.toml, history.\n";
  out += ".TP\n.I .tau/tau.toml\nConfiguration of a workspace.\n";
  return out + see_also(root, "");
}

}  // namespace

std::string manual_page(const CLI::App& root, std::string_view command) {
  if (command.empty()) return program_page(root);
  for (const CLI::App* app : children_of(root)) {
    if (app->get_name() != command) continue;
    const std::string name(command);
    std::string out = heading("tau-" + name, app->get_description());
    const auto below = children_of(*app);
    out += ".SH SYNOPSIS\n";
    if (below.empty()) out += synopsis(*app, "tau " + name) + ".SH OPTIONS\n" + options_text(*app);
    std::string commands;
    append_below(*app, "tau " + name, out, commands);
    if (!below.empty()) out += ".SH COMMANDS\n" + commands;
    return out + exit_status() + see_also(root, command);
  }
  return {};
}

}  // namespace cli
