// tau: an agent in the terminal. A thin program on the public C API of libtau.
#include <fcntl.h>
#include <signal.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <string>

#include "args.h"
#include "commands.h"
#include "env_table.h"
#include "failure.h"
#include "interrupts.h"
#include "terminal.h"

namespace {

struct CommandRow {
  std::string_view name;
  int (*run)(const cli::Options& options);
  bool handles_interrupts = false;  // else a signal ends the program at once
};

constexpr CommandRow kTable[] = {
    {"access check", cli::command_access_check},
    {"access explain", cli::command_access_explain},
    {"access lint", cli::command_access_lint},
    {"approvals approve", cli::command_approvals_approve},
    {"approvals deny", cli::command_approvals_deny},
    {"approvals list", cli::command_approvals_list},
    {"approvals show", cli::command_approvals_show},
    {"audit head", cli::command_audit_head},
    {"audit summary", cli::command_audit_summary},
    {"audit tail", cli::command_audit_tail},
    {"audit verify", cli::command_audit_verify},
    {"auth login", cli::command_auth_login},
    {"auth logout", cli::command_auth_logout},
    {"auth refresh", cli::command_auth_refresh},
    {"auth status", cli::command_auth_status},
    {"backup", cli::command_backup},
    {"chat", cli::command_chat, /*handles_interrupts=*/true},
    {"completion", cli::command_completion},
    {"config show", cli::command_config_show},
    {"doctor", cli::command_doctor},
    {"identity list", cli::command_identity_list},
    {"identity new", cli::command_identity_new},
    {"identity prove", cli::command_identity_prove},
    {"identity resolve", cli::command_identity_resolve},
    {"identity rotate", cli::command_identity_rotate},
    {"identity show", cli::command_identity_show},
    {"identity sign-card", cli::command_identity_sign_card},
    {"identity verify", cli::command_identity_verify},
    {"identity verify-card", cli::command_identity_verify_card},
    {"init", cli::command_init},
    {"man", cli::command_man},
    {"memory add", cli::command_memory_add},
    {"memory consolidate", cli::command_memory_consolidate},
    {"memory export", cli::command_memory_export},
    {"memory extract", cli::command_memory_extract},
    {"memory forget", cli::command_memory_forget},
    {"memory graph", cli::command_memory_graph},
    {"memory import", cli::command_memory_import},
    {"memory ingest", cli::command_memory_ingest},
    {"memory list", cli::command_memory_list},
    {"memory maintain", cli::command_memory_maintain},
    {"memory model", cli::command_memory_model},
    {"memory model install", cli::command_memory_model_install},
    {"memory path", cli::command_memory_path},
    {"memory purge", cli::command_memory_purge},
    {"memory relate", cli::command_memory_relate},
    {"memory restore", cli::command_memory_restore},
    {"memory search", cli::command_memory_search},
    {"memory show", cli::command_memory_show},
    {"memory stats", cli::command_memory_stats},
    {"memory tree", cli::command_memory_tree},
    {"memory unrelate", cli::command_memory_unrelate},
    {"models", cli::command_models},
    {"models list", cli::command_models_list},
    {"models show", cli::command_models_show},
    {"policy check", cli::command_policy_check},
    {"policy presets", cli::command_policy_presets},
    {"policy show", cli::command_policy_show},
    {"prune", cli::command_prune},
    {"replay", cli::command_replay},
    {"restore", cli::command_restore},
    {"route list", cli::command_route_list},
    {"route test", cli::command_route_test, /*handles_interrupts=*/true},
    {"run", cli::command_run, /*handles_interrupts=*/true},
    {"scan", cli::command_scan},
    {"sessions export", cli::command_sessions_export},
    {"sessions fork", cli::command_sessions_fork},
    {"sessions list", cli::command_sessions_list},
    {"sessions resume", cli::command_sessions_resume, /*handles_interrupts=*/true},
    {"sessions rm", cli::command_sessions_rm},
    {"sessions show", cli::command_sessions_show},
    {"usage", cli::command_usage},
    {"vault add-key", cli::command_vault_add_key},
    {"vault check", cli::command_vault_check},
    {"vault expire", cli::command_vault_expire},
    {"vault get", cli::command_vault_get},
    {"vault import", cli::command_vault_import},
    {"vault init", cli::command_vault_init},
    {"vault list", cli::command_vault_list},
    {"vault put", cli::command_vault_put},
    {"vault revoke", cli::command_vault_revoke},
    {"vault rm", cli::command_vault_rm},
    {"vault rm-key", cli::command_vault_rm_key},
    {"vault rotate", cli::command_vault_rotate},
    {"vault update", cli::command_vault_update},
    {"verify", cli::command_verify},
    {"version", cli::command_version},
};

// A standard stream that the caller closed would become the next file, pipe or socket that is opened, and be
// read or written as if it were the stream. What stands in its place ends at once and takes nothing.
void fill_standard_streams() {
  while (true) {
    const int fd = open("/dev/null", O_RDONLY);
    if (fd > STDERR_FILENO) close(fd);
    if (fd < 0 || fd > STDERR_FILENO) return;
  }
}

// A disk that is full is told; a reader that went away knows.
int finish(int exit_code) {
  const int error = cli::output_error();
  if (error == 0 || error == EPIPE) return exit_code;
  return cli::report({cli::kExitFailed, "output_failed", std::string("stdout: ") + std::strerror(error), {}});
}

}  // namespace

int main(int argc, char** argv) {
  fill_standard_streams();
  cli::Options options;
  // These two answer before anything is set up.
  const std::string_view first = argc == 2 ? argv[1] : "";
  if (first == "--version" || first == "version") return cli::command_version(options);
  if (first == "--print-env-example")
    return cli::write_out(cli::env_example()) ? cli::kExitOk : cli::kExitFailed;
  if (const auto exit_code = cli::parse_arguments(argc, argv, options)) return *exit_code;
  signal(SIGPIPE, SIG_IGN);
  signal(SIGXFSZ, SIG_IGN);  // a limit on the size of files is told as a full disk is
  for (const CommandRow& row : kTable) {
    if (row.name != options.command) continue;
    if (row.handles_interrupts) cli::install_interrupts();
    return finish(row.run(options));
  }
  return cli::report(cli::usage_failure("no command was given", "see 'tau help'"));
}
