#include "surface.h"

#include "env_table.h"
#include "exit_codes.h"
#include "handles.h"
#include "text.h"

namespace cli {
namespace {

std::string footer() {
  std::string out = "Exit codes:\n";
  for (const ExitRow& row : kExitTable)
    out.append("  ").append(padded(std::to_string(row.code), 4)).append(row.meaning).append("\n");
  return out + "\nEnvironment:\n" + variables_help();
}

}  // namespace

void add_home_options(CLI::App& app, Options& o) {
  app.add_option("--workspace", o.workspace, "Directory that tools work in (default: the current one)")
      ->type_name("DIR");
  add_configuration_options(app, o, "limits.max_turns=3");
}

void add_configuration_options(CLI::App& app, Options& o, const std::string& example) {
  app.add_option("--home", o.home, "Home directory (default: $TAU_HOME, else $XDG_DATA_HOME/tau)")
      ->type_name("DIR");
  app.add_option("--profile", o.profile, "Profile of tau.toml to overlay")->type_name("NAME");
  app.add_option("--principal", o.principal, "Who acts (default: access.principal of tau.toml, else local)")
      ->type_name("NAME");
  app.add_option("--set", o.settings, "Any configuration key: " + example + " (repeatable)")
      ->type_name("KEY=VALUE")
      ->allow_extra_args(false);
}

namespace {

void add_agent_options(CLI::App& app, Options& o) {
  app.add_option("-m,--model", o.model, "Model to ask")->type_name("PROVIDER/MODEL");
  app.add_option("--system", o.system, "System prompt")->type_name("TEXT");
  auto* tools = app.add_option("--tools", o.tools, "Built-in tools to offer: read,grep")->type_name("LIST");
  app.add_flag("--no-tools", o.no_tools, "Offer no built-in tool")->excludes(tools);
  app.add_option("--allow", o.allow, "Tool that needs no approval (repeatable)")
      ->type_name("TOOL")
      ->delimiter(',')
      ->allow_extra_args(false);
  app.add_option("--deny", o.deny, "Tool that is never called (repeatable)")
      ->type_name("TOOL")
      ->delimiter(',')
      ->allow_extra_args(false);
  app.add_option("--max-turns", o.max_turns, "Model calls of one run")->type_name("N");
  app.add_option("--max-tokens", o.max_tokens, "Input and output tokens of one run")->type_name("N");
  app.add_option("--max-cost-usd", o.max_cost_usd, "Cost of one run, 0.25")->type_name("DOLLARS");
  app.add_option("--timeout", o.timeout_seconds, "Duration of one run")->type_name("SECONDS");
  app.add_option("-s,--session", o.session, "Session to go on with, or to make by that name")
      ->type_name("ID");
  app.add_flag("--no-store", o.no_store, "Keep nothing: no file is written");
}

CLI::Option* add_await(CLI::App& app, Options& o) {
  return app.add_flag("--await-approvals", o.await_approvals,
                      "Ask nobody here: wait until 'tau approvals' of another process decides");
}

void add_run(CLI::App& root, Options& o) {
  CLI::App* run = root.add_subcommand("run", "Ask once; the answer streams to stdout");
  run->add_option("prompt", o.prompt, "What to ask; '-' or nothing reads it from stdin")
      ->type_name("PROMPT")
      ->each([&o](const std::string&) { o.has_prompt = true; });
  add_home_options(*run, o);
  add_agent_options(*run, o);
  auto* schema =
      run->add_option("--schema", o.schema_file, "JSON Schema of the answer; stdout is then that JSON alone")
          ->type_name("FILE");
  auto* json = run->add_flag("--json", o.json, "Every event as a line of JSON on stdout");
  auto* quiet = run->add_flag("-q,--quiet", o.quiet, "Only the final answer and errors")->excludes(json);
  auto* resume = run->add_flag("--resume", o.resume, "Go on with the session's run that was cut off");
  auto* abandon =
      run->add_flag("--abandon", o.abandon, "Give up the session's run that was cut off")->excludes(resume);
  auto* await = add_await(*run, o);
  run->add_flag("--stdio", o.stdio, "Speak JSON lines on stdin and stdout (docs/cli.md)")
      ->excludes(schema, json, quiet, resume, abandon, await);
}

void add_sessions(CLI::App& root, Options& o) {
  CLI::App* sessions = root.add_subcommand("sessions", "Stored conversations")->alias("session");
  const auto add = [&](const char* name, const char* help, bool takes_id) {
    CLI::App* command = sessions->add_subcommand(name, help);
    if (takes_id) command->add_option("id", o.id, "Session")->type_name("ID")->required();
    add_home_options(*command, o);
    return command;
  };
  CLI::App* list = add("list", "Sessions, newest first", false);
  list->add_option("--limit", o.limit, "At most so many (default 50)")
      ->check(CLI::Range(1, 1'000'000))
      ->type_name("N");
  auto* json = list->add_flag("--json", o.json, "As JSON");
  list->add_flag("--ids", o.ids, "Only their ids, one a line")->excludes(json);
  add("show", "The conversation as text", true)->add_flag("--json", o.json, "Its description as JSON");
  add("export", "The whole conversation as JSON", true);
  CLI::App* fork = add("fork", "A new session that begins with this one's messages", true);
  fork->add_option("--at", o.entry, "Last entry to keep, an id of 'sessions export'")->type_name("ENTRY");
  fork->add_option("--as", o.fork_id, "Id of the new session")->type_name("ID");
  add("rm", "Remove and erase it", true);
  CLI::App* resume = add("resume", "Go on with its run that was cut off", true);
  resume->add_flag("--json", o.json, "Every event as a line of JSON on stdout");
  add_await(*resume, o);
}

void add_others(CLI::App& root, Options& o) {
  CLI::App* chat = root.add_subcommand("chat", "Talk with the model");
  add_home_options(*chat, o);
  add_agent_options(*chat, o);
  CLI::App* replay = root.add_subcommand("replay", "Run a recorded run again and compare");
  replay->add_option("run", o.id, "Id of the run")->type_name("RUN")->required();
  replay->add_flag("--json", o.json, "The report as JSON");
  add_home_options(*replay, o);
  CLI::App* init = root.add_subcommand("init", "Make the home and a commented tau.toml");
  add_home_options(*init, o);
  CLI::App* config = root.add_subcommand("config", "The configuration");
  CLI::App* show = config->add_subcommand("show", "Every value in force and where it comes from");
  show->add_flag("--json", o.json, "As JSON");
  show->add_option("-m,--model", o.model, "As with this model")->type_name("PROVIDER/MODEL");
  add_home_options(*show, o);
  root.add_subcommand("version", "Versions of program, library and ABI");
}

void add_upkeep(CLI::App& root, Options& o) {
  CLI::App* doctor = root.add_subcommand("doctor", "What is wrong here, and how to mend it");
  doctor->add_flag("--json", o.json, "As JSON");
  add_home_options(*doctor, o);

  CLI::App* backup = root.add_subcommand("backup", "Copy the home to a new directory; runs go on meanwhile");
  backup->add_option("directory", o.directory, "Directory to make")->type_name("DIR")->required();
  CLI::App* restore = root.add_subcommand("restore", "Put a backup in the place of the home");
  restore->add_option("directory", o.directory, "Backup")->type_name("DIR")->required();
  restore->add_flag("--replace", o.replace, "Move a database that is there aside");
  CLI::App* verify = root.add_subcommand("verify", "Check the home, or a backup; changes nothing");
  verify->add_option("directory", o.directory, "Home or backup (default: the home)")->type_name("DIR");
  CLI::App* prune = root.add_subcommand("prune", "Remove the sessions that did not change for longest");
  prune->add_option("--older-than", o.older_than, "Those that did not change for so long: 30d, 4w")
      ->type_name("DAYS");
  prune->add_option("--max-size", o.max_size, "Until the database takes no more: 500M, 2G")
      ->type_name("SIZE");
  prune->add_flag("-n,--dry-run", o.dry_run, "Change nothing, tell what would go");
  for (CLI::App* command : {backup, restore, verify, prune}) {
    command->add_flag("--json", o.json, "The report as JSON");
    add_home_options(*command, o);
  }

  CLI::App* completion =
      root.add_subcommand("completion", "A completion script: eval \"$(tau completion bash)\"");
  completion->add_option("shell", o.shell, "bash, zsh or fish")->type_name("SHELL")->required();
  CLI::App* man = root.add_subcommand("man", "A manual page as source: tau man run | man -l -");
  man->add_option("command", o.topic, "Command (default: the program)")->type_name("COMMAND");
}

}  // namespace

std::unique_ptr<CLI::App> make_surface(Options& options) {
  auto root = std::make_unique<CLI::App>("An agent in the terminal, on libtau.", "tau");
  root->set_help_flag("-h,--help", "Print this help");
  root->footer(footer);
  root->require_subcommand(1);
  add_run(*root, options);
  add_others(*root, options);
  add_sessions(*root, options);
  add_models(*root, options);
  add_upkeep(*root, options);
  add_audit(*root, options);
  add_auth(*root, options);
  add_vault(*root, options);
  add_policy(*root, options);
  add_identity(*root, options);
  add_access(*root, options);
  add_approvals(*root, options);
  add_usage(*root, options);
  add_memory(*root, options);
  for (const char* group : {"sessions", "config", "audit", "auth", "vault", "policy", "identity", "access",
                            "approvals", "memory", "route"})
    root->get_subcommand(group)->require_subcommand(1);
  root->set_version_flag("--version", std::string("tau ") + tau_version(), "Print the version");
  return root;
}

}  // namespace cli
