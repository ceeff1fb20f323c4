// tau audit: its commands and their options.
#include "surface.h"

namespace cli {

void add_audit(CLI::App& root, Options& o) {
  CLI::App* audit = root.add_subcommand("audit", "Who did what under which verdict: the log of the home");
  CLI::App* verify = audit->add_subcommand("verify", "Check every record, the chain and the signed head");
  verify->add_option("--head", o.file, "File with a head that was kept elsewhere")->type_name("FILE");
  verify->add_option("--public-key", o.public_key, "Key that must have signed: 64 hexadecimal digits")
      ->type_name("HEX");
  CLI::App* tail = audit->add_subcommand("tail", "The last records");
  tail->add_option("-n,--lines", o.limit, "So many (default 50)")
      ->check(CLI::Range(0, 10'000))
      ->type_name("N");
  tail->add_flag("-f,--follow", o.follow, "Go on with those that come");
  CLI::App* summary =
      audit->add_subcommand("summary", "Sums by tool, provider and reason; also of Tau's own logs");
  summary->add_option("paths", o.paths, "Files, folders of logs, homes; '-': stdin (default: the home)")
      ->type_name("PATH");
  CLI::App* head = audit->add_subcommand("head", "The newest signed head, to keep where the log is not");
  head->add_option("-o,--output", o.output, "File to make, closed to others")->type_name("FILE");
  for (CLI::App* command : {verify, tail, head})
    command->add_option("directory", o.directory, "Home, or folder of a log (default: the home)")
        ->type_name("DIR");
  for (CLI::App* command : {verify, tail, summary}) command->add_flag("--json", o.json, "As JSON");
  for (CLI::App* command : {verify, tail, summary, head}) add_home_options(*command, o);
}

}  // namespace cli
