// tau identity and tau access: their commands and their options.
#include "surface.h"

namespace cli {
namespace {

void add_statements(CLI::App& identity, Options& o) {
  CLI::App* prove =
      identity.add_subcommand("prove", "Answer a challenge (stdin, or --file); the proof goes to stdout");
  CLI::App* verify =
      identity.add_subcommand("verify", "Print a challenge, read the proof from stdin, tell whose it is");
  for (CLI::App* command : {prove, verify}) {
    command->add_option("--audience", o.audience, command == prove ? "Whom we speak to" : "Who we are")
        ->type_name("NAME")
        ->required();
    command->add_option("--purpose", o.purpose, "What the proof is for")->type_name("TEXT")->required();
  }
  CLI::App* sign = identity.add_subcommand("sign-card", "Sign an agent card (stdin, or --file)");
  sign->add_option("--expires-in", o.expires_in, "It holds for so long: 90d (default), 12w")
      ->type_name("DAYS");
  CLI::App* check =
      identity.add_subcommand("verify-card", "Tell who signed an agent card (stdin, or --file)");
  CLI::App* resolve = identity.add_subcommand("resolve", "The document of a DID and its keys");
  resolve->add_option("did", o.id, "DID; the document of a did:web is fetched, unless --file has it")
      ->type_name("DID")
      ->required();
  for (CLI::App* command : {prove, sign, check})
    command->add_option("--file", o.file, "File to read (default: stdin)")->type_name("FILE");
  resolve->add_option("--file", o.file, "File of the document (default: it is fetched)")->type_name("FILE");
  for (CLI::App* command : {verify, check}) {
    command->add_option("--did", o.did, "Who is expected")->type_name("DID");
    command->add_option("--document", o.documents, "DID document of a did:web (repeatable)")
        ->type_name("FILE")
        ->allow_extra_args(false);
  }
  for (CLI::App* command : {prove, sign})
    command->add_option("name", o.id, "Identity")->type_name("NAME")->required();
  for (CLI::App* command : {verify, check, resolve}) command->add_flag("--json", o.json, "As JSON");
}

}  // namespace

void add_identity(CLI::App& root, Options& o) {
  CLI::App* identity =
      root.add_subcommand("identity", "Keys that say who an agent is; they are in the vault");
  CLI::App* made = identity->add_subcommand("new", "Make an identity");
  made->add_option("--did", o.did, "did:web that it speaks for (default: the did:key of its key)")
      ->type_name("DID");
  CLI::App* list = identity->add_subcommand("list", "Names and DIDs");
  CLI::App* show = identity->add_subcommand("show", "Its DID document; no private key");
  CLI::App* rotate = identity->add_subcommand("rotate", "Give it a new key; the old one is erased");
  for (CLI::App* command : {made, show, rotate})
    command->add_option("name", o.id, "Name, of letters, digits, '.', '_' and '-'")
        ->type_name("NAME")
        ->required();
  for (CLI::App* command : {made, list, show, rotate}) command->add_flag("--json", o.json, "As JSON");
  add_statements(*identity, o);
  for (CLI::App* command : identity->get_subcommands([](const CLI::App*) { return true; })) {
    const std::string& name = command->get_name();
    if (name != "verify" && name != "verify-card" && name != "resolve") add_key_options(*command, o, false);
    add_home_options(*command, o);
  }
}

void add_access(CLI::App& root, Options& o) {
  CLI::App* access = root.add_subcommand("access", "The policy that says who may do what");
  CLI::App* check = access->add_subcommand("check", "Whether somebody may do something; exit code 0 or 4");
  CLI::App* explain = access->add_subcommand("explain", "Which rule allows or denies it");
  CLI::App* lint = access->add_subcommand("lint", "What is wrong with a policy");
  for (CLI::App* command : {check, explain}) {
    command->add_option("principal", o.id, "Who: alice, slack:bob")->type_name("PRINCIPAL")->required();
    command->add_option("action", o.action, "What: tool:write, session:open")
        ->type_name("ACTION")
        ->required();
    command->add_option("resource", o.resource, "Where: workspace/notes.md, session/s1")
        ->type_name("RESOURCE")
        ->required();
  }
  for (CLI::App* command : {check, explain, lint}) {
    command->add_option("--policy", o.file, "File of the policy (default: access.policy of tau.toml)")
        ->type_name("FILE");
    command->add_flag("--json", o.json, "As JSON");
    add_home_options(*command, o);
  }
}

}  // namespace cli
