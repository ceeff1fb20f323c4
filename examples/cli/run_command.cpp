// tau run: one request, its answer on stdout.
#include <memory>

#include "client.h"
#include "commands.h"
#include "failure.h"
#include "files.h"
#include "runner.h"
#include "terminal.h"
#include "text.h"

namespace cli {
namespace {

constexpr size_t kMaxPromptBytes = 64u << 20;
constexpr size_t kMaxSchemaBytes = 1u << 20;

// From the argument, or from stdin for "-" and for a pipe. Who only gives a run up needs none: then it is
// empty.
Result<std::string> read_prompt(const Options& options) {
  if (options.has_prompt && options.prompt != "-") return options.prompt;
  const bool may_be_empty = options.abandon && !options.has_prompt;
  if (may_be_empty && stdin_is_terminal()) return std::string();
  if (!options.has_prompt && stdin_is_terminal())
    return usage_failure("a prompt is needed", "tau run \"What does this project do?\"");
  auto text = read_stdin(kMaxPromptBytes);
  if (!text.ok()) return text;
  while (text->ends_with('\n') || text->ends_with('\r')) text->pop_back();
  if (text->empty() && !may_be_empty) return usage_failure("the prompt on stdin is empty");
  return text;
}

Result<std::string> run_options(const Options& options) {
  if (options.schema_file.empty()) return std::string();
  auto text = read_file(options.schema_file, kMaxSchemaBytes);
  if (!text.ok()) return text;
  size_t where = 0;
  auto schema = Json::parse(*text, &where);
  if (!schema || !schema->is_object())
    return input_failure(
        "bad_schema",
        options.schema_file + ": expected a JSON object, the fault is at byte " + std::to_string(where));
  if (const std::string twice = schema->duplicate_key(); !twice.empty())
    return input_failure("duplicate_key", options.schema_file + ": \"" + one_line(twice, 64) +
                                              "\" occurs twice in one object");
  Json document = Json::object();
  document.set("response_schema", *std::move(schema));
  return document.dump();
}

std::unique_ptr<EventView> make_view(const Options& options) {
  if (options.json) return std::make_unique<JsonView>();
  if (options.quiet || !options.schema_file.empty()) return std::make_unique<AnswerView>();
  return std::make_unique<TextView>();
}

Result<RunRequest> make_request(const Options& options) {
  RunRequest request;
  auto deadline = deadline_of(options);
  if (!deadline.ok()) return deadline.failure();
  request.deadline_ms = *deadline;
  auto extra = run_options(options);
  if (!extra.ok()) return extra.failure();
  request.options_json = *extra;
  if (options.resume) request.flags |= TAU_RUN_RESUME;
  if (options.quiet) request.flags |= TAU_RUN_QUIET;
  if (options.resume) return request;
  auto prompt = read_prompt(options);
  if (!prompt.ok()) return prompt.failure();
  request.prompt = *prompt;
  return request;
}

std::optional<Failure> check(const Options& options) {
  if (options.resume && options.has_prompt)
    return usage_failure("--resume goes on with what was asked; it takes no prompt");
  if ((options.resume || options.abandon) && options.session.empty())
    return usage_failure("--resume and --abandon need --session ID", "'tau sessions list' marks open runs");
  if ((options.resume || options.abandon) && options.no_store)
    return usage_failure("--no-store keeps nothing that could be resumed or abandoned");
  if (options.await_approvals && options.no_store)
    return usage_failure("--await-approvals needs a store: nobody else could see what waits");
  return check_tool_names(options);
}

struct Conversation {
  AgentPtr agent;
  SessionPtr session;
};

Result<Conversation> open_conversation(const Client& client, const Options& options,
                                       std::string_view config) {
  auto agent = client.agent(config);
  if (!agent.ok()) return agent.failure();
  auto session = Client::session((*agent).get(), options.session);
  if (!session.ok()) return session.failure();
  return Conversation{*std::move(agent), *std::move(session)};
}

// A run that was cut off goes on with the model that it began with, unless the command names another.
Result<Conversation> open_conversation(const Client& client, const Options& options) {
  auto opened = open_conversation(client, options, {});
  if (!opened.ok() || !options.resume) return opened;
  const auto named = configuration_of(options);
  if (!named.ok()) return named.failure();
  if (const auto document = Json::parse(*named); document && !(*document)["model"].is_null()) return opened;
  const auto session = json_of(tau_session_describe, (*opened).session.get());
  if (!session.ok()) return session.failure();
  const auto agent = json_of(tau_agent_describe, (*opened).agent.get());
  if (!agent.ok()) return agent.failure();
  const std::string& begun_with = (*session)["model"].as_string();
  if (begun_with.empty() || begun_with == (*agent)["model"].as_string()) return opened;
  Json config = Json::object();
  config.set("model", Json::string(begun_with));
  (*opened).session.reset();
  return open_conversation(client, options, config.dump());
}

}  // namespace

int command_run(const Options& options) {
  if (options.stdio) return command_stdio(options);
  if (const auto failure = check(options)) return report(*failure);
  const auto request = make_request(options);
  if (!request.ok()) return report(request.failure());
  const auto client = Client::open(options);
  if (!client.ok()) return report(client.failure());
  const auto opened = open_conversation(*client, options);
  if (!opened.ok()) return report(opened.failure());
  const auto& [agent, session] = *opened;
  if (!options.json && !options.quiet) warn_of_missing_tools(agent.get());
  tau_queue* const queue = (*client).queue();
  if (options.abandon) {
    const auto abandoned = abandon_open_run(session.get(), queue);
    if (!abandoned.ok()) return report(abandoned.failure());
    if ((*request).prompt.empty()) return kExitOk;
  }
  const std::unique_ptr<EventView> events = make_view(options);
  Approver approver(options.await_approvals ? Approver::Whom::kOthers : Approver::Whom::kTerminal);
  return run_to_end(session.get(), queue, *request, *events, approver);
}

int command_sessions_resume(const Options& options) {
  Options run = options;
  run.session = options.id;
  run.resume = true;
  return command_run(run);
}

}  // namespace cli
