// tau policy, tau approvals and tau scan: their options.
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
  scan->add_flag("--with-vault", o.with_vault, "Look for every secret of the vault, too");
  add_key_options(*scan, o, /*makes=*/false);
  add_home_options(*scan, o);
}

void add_approvals(CLI::App& root, Options& o) {
  CLI::App* approvals =
      root.add_subcommand("approvals", "Calls that wait for a yes, in any process of the home");
  CLI::App* list = approvals->add_subcommand("list", "Those that wait, oldest first");
  list->add_flag("--all", o.all, "Also those that nobody waits for any more");
  CLI::App* show = approvals->add_subcommand("show", "One of them with its arguments");
  CLI::App* approve = approvals->add_subcommand("approve", "Let the call run, once");
  CLI::App* deny = approvals->add_subcommand("deny", "Refuse the call; the run goes on without it");
  for (CLI::App* command : {show, approve, deny})
    command->add_option("id", o.id, "Approval, as 'approvals list' names it")->type_name("ID")->required();
  for (CLI::App* command : {approve, deny})
    command->add_option("--note", o.note, "Why; of a refusal the model is told")->type_name("TEXT");
  for (CLI::App* command : {list, show, approve, deny}) {
    command->add_flag("--json", o.json, "As JSON");
    add_home_options(*command, o);
  }
}

}  // namespace cli
