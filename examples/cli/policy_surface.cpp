// tau policy and tau scan: their options.
#include "surface.h"

namespace cli {

void add_policy(CLI::App& root, Options& o) {
  CLI::App* policy = root.add_subcommand("policy", "What tool calls may do");
  CLI::App* presets = policy->add_subcommand("presets", "The table of presets");
  presets->add_flag("--json", o.json, "As JSON");
  CLI::App* show = policy->add_subcommand("show", "What is in force here, with its epoch");
  CLI::App* check =
      policy->add_subcommand("check", "Verdicts on the calls of a file; fails unless all are allowed");
  check->add_option("file", o.file, "Calls, one JSON document a line (docs/monitor.md); '-': stdin")
      ->type_name("FILE")
      ->required();
  for (CLI::App* command : {show, check}) {
    command->add_flag("--json", o.json, "As JSON");
    add_home_options(*command, o);
  }

  CLI::App* scan =
      root.add_subcommand("scan", "Find secrets in a text, and what looks like a prompt injection");
  scan->add_option("file", o.file, "File (default: stdin, also as '-')")->type_name("FILE");
  scan->add_flag("--json", o.json, "As JSON");
  scan->add_flag("--strict", o.strict, "Fail on signals of injection too, not on secrets alone");
}

}  // namespace cli
