// tau vault: its commands and their options.
#include "surface.h"

namespace cli {

// What opens the vault: one of these, else what the configuration names, else a passphrase that is asked for.
void add_key_options(CLI::App& app, Options& o, bool makes) {
  app.add_option("--vault", o.vault,
                 "File of the vault (default: vault.path of tau.toml, else vault in the home)")
      ->type_name("FILE");
  KeyOptions& k = o.key;
  auto* file =
      app.add_option("--key-file", k.file,
                     makes ? "Key file that opens it; made when there is none" : "Key file that opens it")
          ->type_name("FILE");
  auto* variable = app.add_option("--key-env", k.variable, "Environment variable that holds the key")
                       ->type_name("NAME")
                       ->excludes(file);
  auto* keyring =
      app.add_option("--keyring", k.keyring,
                     makes ? "Entry of the user keyring that holds the key; made when there is none"
                           : "Entry of the user keyring that holds the key")
          ->type_name("ENTRY")
          ->excludes(file, variable);
  auto* words =
      app.add_option("--passphrase-file", k.passphrase_file, "File that holds the passphrase; '-': stdin")
          ->type_name("FILE")
          ->excludes(file, variable, keyring);
  auto* fd =
      app.add_option("--passphrase-fd", k.passphrase_fd, "Open descriptor that the passphrase is read from")
          ->check(CLI::Range(0, 1'000'000))
          ->type_name("N")
          ->excludes(file, variable, keyring, words);
  app.add_flag("--passphrase", k.passphrase, "Ask for the passphrase")
      ->excludes(file, variable, keyring, words, fd);
}

namespace {

void add_new_key_options(CLI::App& app, Options& o) {
  KeyOptions& k = o.new_key;
  auto* file =
      app.add_option("--new-key-file", k.file, "New key file; made when there is none")->type_name("FILE");
  auto* variable = app.add_option("--new-key-env", k.variable, "Environment variable that holds the new key")
                       ->type_name("NAME")
                       ->excludes(file);
  auto* keyring =
      app.add_option("--new-keyring", k.keyring, "New entry of the user keyring; made when there is none")
          ->type_name("ENTRY")
          ->excludes(file, variable);
  auto* words = app.add_option("--new-passphrase-file", k.passphrase_file,
                               "File that holds the new passphrase; '-': stdin")
                    ->type_name("FILE")
                    ->excludes(file, variable, keyring);
  app.add_flag("--new-passphrase", k.passphrase, "Ask for a new passphrase")
      ->excludes(file, variable, keyring, words);
  app.add_option("--label", o.label, "Name of the new key in the vault (default: its kind)")
      ->type_name("LABEL");
}

void add_value_options(CLI::App& app, Options& o) {
  app.add_option("--file", o.file, "File that holds the value (default: stdin, or it is asked for)")
      ->type_name("FILE");
  app.add_option("--expires-in", o.expires_in, "It may be used for so long: 90d, 12w")->type_name("DAYS");
}

void add_secrets(CLI::App& vault, Options& o) {
  CLI::App* put = vault.add_subcommand("put", "Store a secret, in the place of all its versions");
  auto* origin = put->add_option("--origin", o.origin, "Origin that alone may see it: https://api.openai.com")
                     ->type_name("URL");
  put->add_flag("--local", o.local, "No origin may see it: for programs that ask the vault")
      ->excludes(origin);
  add_value_options(*put, o);
  CLI::App* update = vault.add_subcommand("update", "Give a secret a new value");
  update->add_option("--grace", o.grace, "The old value can be read by its version for so long: 2d")
      ->type_name("DAYS");
  add_value_options(*update, o);
  CLI::App* get = vault.add_subcommand("get", "Write a secret to a file or a pipe");
  get->add_option("--origin", o.origin, "Origin that it is bound to (default: local use)")->type_name("URL");
  auto* output =
      get->add_option("-o,--output", o.output, "File to make, closed to others")->type_name("FILE");
  get->add_flag("--reveal", o.reveal, "Show it, also on a terminal")->excludes(output);
  CLI::App* expire = vault.add_subcommand("expire", "Say until when a secret may be used");
  auto* days = expire->add_option("--expires-in", o.expires_in, "For so long: 90d, 12w")->type_name("DAYS");
  expire->add_flag("--never", o.never, "For ever")->excludes(days);
  CLI::App* revoke = vault.add_subcommand("revoke", "Erase a secret; its name stays, so that users are told");
  CLI::App* rm = vault.add_subcommand("rm", "Erase a secret and its name");
  for (CLI::App* command : {put, update, get, expire, revoke, rm})
    command->add_option("name", o.id, "Name: provider/openai, or a reference secret://…")
        ->type_name("NAME")
        ->required();
  for (CLI::App* command : {put, update, expire, revoke, rm})
    command->add_flag("--json", o.json, "What the vault tells of it, as JSON");
}

void add_keys(CLI::App& vault, Options& o) {
  CLI::App* add = vault.add_subcommand("add-key", "Add a way to open the vault");
  add_new_key_options(*add, o);
  CLI::App* rm = vault.add_subcommand("rm-key", "Remove a way to open the vault");
  rm->add_option("label", o.label, "Name of the key in the vault")->type_name("LABEL")->required();
  CLI::App* rotate = vault.add_subcommand(
      "rotate",
      "Change the keys of the vault; what opened it, or the new key, opens it from now on, nothing else");
  add_new_key_options(*rotate, o);
  rotate->add_flag("--keep-master", o.keep_master,
                   "Only encrypt the secrets anew; goes on with a rotation that was cut off");
  for (CLI::App* command : {add, rm, rotate}) command->add_flag("--json", o.json, "As JSON");
}

}  // namespace

void add_vault(CLI::App& root, Options& o) {
  CLI::App* vault = root.add_subcommand("vault", "Secrets, encrypted, each for one origin");
  CLI::App* init = vault->add_subcommand("init", "Make the vault");
  init->add_flag("--json", o.json, "What is in it, as JSON");
  CLI::App* list = vault->add_subcommand("list", "Names, origins, states; no value");
  list->add_flag("--json", o.json, "All that the vault tells of itself, as JSON");
  add_secrets(*vault, o);
  add_keys(*vault, o);
  CLI::App* import = vault->add_subcommand("import", "Take over a credential file of Tau");
  import->add_option("file", o.file, "The file")->type_name("FILE")->required();
  import
      ->add_option("--old-passphrase-file", o.old_passphrase_file,
                   "File that holds its passphrase; '-': stdin")
      ->type_name("FILE");
  import
      ->add_option("--origin-of", o.origins,
                   "Origin of one that is not known: provider/mine=https://… (repeatable)")
      ->type_name("NAME=URL")
      ->allow_extra_args(false);
  import->add_flag("--json", o.json, "The report as JSON");
  CLI::App* check = vault->add_subcommand("check", "What is wrong with it, and how to mend it");
  check->add_flag("--json", o.json, "As JSON");
  for (CLI::App* command : vault->get_subcommands([](const CLI::App*) { return true; })) {
    add_key_options(*command, o, command == init);
    add_home_options(*command, o);
  }
}

}  // namespace cli
