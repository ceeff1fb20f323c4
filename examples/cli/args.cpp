#include "args.h"

#include <CLI/CLI.hpp>

#include "env_table.h"
#include "failure.h"
#include "text.h"

namespace cli {
namespace {

constexpr std::string_view kCommands[] = {"chat",   "config", "help",     "init",
                                          "replay", "run",    "sessions", "version"};
constexpr std::string_view kSessionCommands[] = {"export", "fork", "list", "resume", "rm", "show"};
constexpr std::string_view kConfigCommands[] = {"show"};

std::string footer() {
  std::string out = "Exit codes:\n";
  for (const ExitRow& row : kExitTable)
    out.append("  ").append(padded(std::to_string(row.code), 4)).append(row.meaning).append("\n");
  return out + "\nEnvironment:\n" + variables_help();
}

void add_home_options(CLI::App& app, Options& o) {
  app.add_option("--home", o.home, "Home directory (default: $TAU_HOME, else $XDG_DATA_HOME/tau)")
      ->type_name("DIR");
  app.add_option("--workspace", o.workspace, "Directory that tools work in (default: the current one)")
      ->type_name("DIR");
  app.add_option("--profile", o.profile, "Profile of tau.toml to overlay")->type_name("NAME");
  app.add_option("--set", o.settings, "Any configuration key: limits.max_turns=3 (repeatable)")
      ->type_name("KEY=VALUE")
      ->allow_extra_args(false);
}

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
  run->add_flag("--stdio", o.stdio, "Speak JSON lines on stdin and stdout (docs/cli.md)")
      ->excludes(schema, json, quiet, resume, abandon);
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
      ->check(CLI::Range(1, 1000))
      ->type_name("N");
  list->add_flag("--json", o.json, "As JSON");
  add("show", "The conversation as text", true)->add_flag("--json", o.json, "Its description as JSON");
  add("export", "The whole conversation as JSON", true);
  CLI::App* fork = add("fork", "A new session that begins with this one's messages", true);
  fork->add_option("--at", o.entry, "Last entry to keep, an id of 'sessions export'")->type_name("ENTRY");
  fork->add_option("--as", o.fork_id, "Id of the new session")->type_name("ID");
  add("rm", "Remove and erase it", true);
  CLI::App* resume = add("resume", "Go on with its run that was cut off", true);
  resume->add_flag("--json", o.json, "Every event as a line of JSON on stdout");
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

// The words of the chosen commands: "sessions list".
std::string chosen(const CLI::App& root) {
  std::string path;
  for (const CLI::App* app = &root; !app->get_subcommands().empty();) {
    app = app->get_subcommands().front();
    path += (path.empty() ? "" : " ") + app->get_name();
  }
  return path;
}

const CLI::App& deepest(const CLI::App& root) {
  const CLI::App* app = &root;
  while (!app->get_subcommands().empty()) app = app->get_subcommands().front();
  return *app;
}

// What the parser could not place: the first unknown option, else the first word too many.
Failure unexpected(const CLI::App& root, std::string hint) {
  std::vector<std::string> names;
  for (const CLI::Option* option : deepest(root).get_options())
    for (const std::string& name : option->get_lnames()) names.push_back("--" + name);
  const std::vector<std::string_view> known(names.begin(), names.end());
  const std::vector<std::string> words = root.remaining(true);
  for (const std::string& word : words) {
    if (!word.starts_with('-') || word == "-") continue;
    const std::string option = word.substr(0, word.find('='));
    const std::string_view meant = nearest(option, known);
    if (!meant.empty()) hint = "did you mean " + std::string(meant) + "?";
    return usage_failure("unknown option " + one_line(option, 64), std::move(hint));
  }
  if (chosen(root) == "run") hint = "a prompt of several words stands in quotes";
  const std::string first = words.empty() ? std::string() : one_line(words.front(), 64);
  return usage_failure("unexpected argument '" + first + "'", std::move(hint));
}

// A first word that is no command: said before the parser calls it an unexpected argument.
std::optional<Failure> check_word(std::string_view what, std::string_view word,
                                  std::span<const std::string_view> known) {
  if (word.starts_with('-') || std::find(known.begin(), known.end(), word) != known.end())
    return std::nullopt;
  const std::string_view meant = nearest(word, known);
  std::string hint = meant.empty() ? "see 'tau help'" : "did you mean '" + std::string(meant) + "'?";
  return usage_failure("unknown " + std::string(what) + " '" + one_line(word, 64) + "'", std::move(hint));
}

std::optional<Failure> check_words(int argc, char** argv) {
  if (argc < 2) return std::nullopt;
  const std::string_view first = argv[1];
  if (first == "session") return std::nullopt;
  if (auto failure = check_word("command", first, kCommands)) return failure;
  if (argc < 3) return std::nullopt;
  if (first == "help") return check_word("command", argv[2], kCommands);
  if (first == "sessions") return check_word("command of 'tau sessions'", argv[2], kSessionCommands);
  if (first == "config") return check_word("command of 'tau config'", argv[2], kConfigCommands);
  return std::nullopt;
}

// Text reaches the library as UTF-8; bytes that are none would be altered on the way.
std::optional<Failure> check_bytes(int argc, char** argv) {
  for (int i = 1; i < argc; ++i)
    if (!is_utf8(argv[i]))
      return input_failure("invalid_utf8",
                           "argument " + std::to_string(i) + " is no UTF-8: " + one_line(argv[i], 64));
  return std::nullopt;
}

// "tau help run" is "tau run --help".
std::vector<std::string> words_of(int argc, char** argv) {
  std::vector<std::string> words(argv + 1, argv + argc);
  if (!words.empty() && words.front() == "help") {
    words.erase(words.begin());
    words.emplace_back("--help");
  }
  std::reverse(words.begin(), words.end());  // as CLI11 wants them
  return words;
}

}  // namespace

std::optional<int> parse_arguments(int argc, char** argv, Options& options) {
  if (const auto failure = check_bytes(argc, argv)) return report(*failure);
  if (const auto failure = check_words(argc, argv)) return report(*failure);
  CLI::App root("An agent in the terminal, on libtau.", "tau");
  root.set_help_flag("-h,--help", "Print this help");
  root.footer(footer);
  root.require_subcommand(1);
  add_run(root, options);
  add_others(root, options);
  add_sessions(root, options);
  for (CLI::App* group : {root.get_subcommand("sessions"), root.get_subcommand("config")})
    group->require_subcommand(1);
  root.set_version_flag("--version", std::string("tau ") + tau_version(), "Print the version");
  try {
    root.parse(words_of(argc, argv));
  } catch (const CLI::Success& answer) {  // help, version
    root.exit(answer);
    return kExitOk;
  } catch (const CLI::ParseError& error) {
    const std::string command = chosen(root);
    std::string hint = "see 'tau " + (command.empty() ? "" : command + " ") + "--help'";
    if (dynamic_cast<const CLI::ExtrasError*>(&error) != nullptr)
      return report(unexpected(root, std::move(hint)));
    return report(usage_failure(error.what(), std::move(hint)));
  }
  options.command = chosen(root);
  return std::nullopt;
}

}  // namespace cli
