// tau auth: its commands and their options.
#include "surface.h"

namespace cli {

void add_auth(CLI::App& root, Options& o) {
  CLI::App* auth =
      root.add_subcommand("auth", "Logins at authorization servers; their tokens are in the vault");
  CLI::App* login = auth->add_subcommand("login", "Log in, in a browser or with a code");
  CLI::App* refresh = auth->add_subcommand("refresh", "Get a new token now");
  CLI::App* logout = auth->add_subcommand("logout", "Give the token back, and erase it");
  CLI::App* status = auth->add_subcommand("status", "Which logins there are, and how they stand");
  for (CLI::App* command : {login, refresh, logout, status}) {
    CLI::Option* const name = command->add_option("name", o.id, "Login: a NAME of [auth.NAME] in tau.toml");
    name->type_name("NAME");
    if (command != status) name->required();
    command->add_flag("--json", o.json, "As JSON");
    add_home_options(*command, o);
  }
  login->add_flag("--device", o.device, "With a code that is typed on another device");
  login->add_flag("--no-browser", o.no_browser, "Only print the page to open");
}

}  // namespace cli
