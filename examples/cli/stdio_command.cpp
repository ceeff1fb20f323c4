// tau run --stdio: JSON lines. Each line on stdin is an op, each line on stdout an event; docs/cli.md has the
// protocol.
#include <poll.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <optional>
#include <utility>
#include <vector>

#include "commands.h"
#include "failure.h"
#include "interrupts.h"
#include "op_form.h"
#include "runner.h"
#include "terminal.h"
#include "text.h"

namespace cli {
namespace {

constexpr size_t kMaxLineBytes = 64u << 20;
constexpr std::array<std::string_view, 6> kEffects = {"pure",   "read", "write",
                                                      "egress", "exec", "irreversible"};
// The library's, docs/schema/op.json; the others are this program's.
constexpr std::array<std::string_view, 6> kRunOps = {"message",       "steer",    "tool_result",
                                                     "tool_progress", "approval", "cancel"};

// Splits what arrives on stdin into lines, without waiting for more than is there.
class LineInput {
 public:
  bool ended() const { return ended_; }

  // Reads once.
  void read_some() {
    char chunk[65536];
    const ssize_t got = read(STDIN_FILENO, chunk, sizeof chunk);
    if (got < 0 && (errno == EINTR || errno == EAGAIN)) return;
    if (got <= 0) {
      ended_ = true;
      return;
    }
    held_.append(chunk, static_cast<size_t>(got));
  }

  // The next whole line; the last one needs no line end. A line beyond the limit comes cut, with `too_long`
  // set.
  std::optional<std::string> next(bool& too_long) {
    const size_t end = held_.find('\n', searched_);
    if (end == held_.npos && held_.size() > kMaxLineBytes) {
      held_.clear();
      dropping_ = true;
    }
    searched_ = held_.size();
    if (end == held_.npos && (!ended_ || (held_.empty() && !dropping_))) return std::nullopt;
    std::string line = held_.substr(0, end);
    held_.erase(0, end == held_.npos ? end : end + 1);
    searched_ = 0;
    too_long = std::exchange(dropping_, false) || line.size() > kMaxLineBytes;
    return line;
  }

 private:
  std::string held_;
  size_t searched_ = 0;  // bytes of it that hold no line end
  bool ended_ = false;
  bool dropping_ = false;  // the rest of a line that was too long
};

class StdioHost {
 public:
  StdioHost(const Options& options, const Client& client, AgentPtr agent)
      : options_(options), client_(client), agent_(std::move(agent)) {}

  int serve();

 private:
  void take_line(const std::string& line);
  void take_op(const Json& op, const std::string& line);
  void start(const Json& op);
  void add_tool(const Json& op);
  void submit(const std::string& line);
  void take_events();
  void take_event(const tau_event& event, std::string_view body);
  void refuse(const std::string& call_id, bool approval);
  void fail(const Failure& failure, const Json& op = {});
  void emit(std::string_view line) {
    if (!write_out(std::string(line) + "\n")) quit_ = true;
  }

  const Options& options_;
  const Client& client_;
  AgentPtr agent_;
  SessionPtr session_;
  RunPtr run_;
  std::optional<Watched> watched_;
  LineInput input_;
  std::vector<std::pair<std::string, bool>>
      waiting_;  // calls that this side owes an answer; true: an approval
  bool quit_ = false;
  int exit_ = kExitOk;
};

// An event of this program, not of the library: what was wrong with a line.
void StdioHost::fail(const Failure& failure, const Json& op) {
  Json event = Json::object();
  event.set("event", Json::string("error"));
  if (op["id"].is_string()) event.set("id", op["id"]);
  event.set("reason", Json::string(failure.reason));
  event.set("message", Json::string(failure.message));
  emit(event.dump());
}

void StdioHost::take_line(const std::string& line) {
  if (line.find_first_not_of(" \t\r") == line.npos) return;
  if (!is_utf8(line)) return fail(input_failure("invalid_utf8", "the line is no UTF-8"));
  size_t where = 0;
  const auto op = Json::parse(line, &where);
  if (!op || !op->is_object() || !(*op)["op"].is_string())
    return fail(input_failure("bad_line",
                              "expected one JSON object with a string \"op\" in each line" +
                                  (op ? std::string() : ", the fault is at byte " + std::to_string(where))));
  take_op(*op, line);
}

void StdioHost::take_op(const Json& op, const std::string& line) {
  const std::string& name = op["op"].as_string();
  if (name == "quit") {
    quit_ = true;
  } else if (name == "add_tool") {
    add_tool(op);
  } else if (name == "run") {
    start(op);
  } else if (run_ != nullptr) {
    submit(line);  // the library knows its ops
  } else if (std::ranges::find(kRunOps, name) != std::end(kRunOps)) {
    fail(input_failure("no_run", "there is no run that \"" + one_line(name, 64) + "\" could be for"), op);
  } else {
    fail(input_failure("unknown_op", "there is no op \"" + one_line(name, 64) + "\""), op);
  }
}

void StdioHost::start(const Json& op) {
  const auto refuse_run = [&](const Failure& failure) {
    exit_ = failure.exit;
    fail(failure, op);
  };
  if (run_ != nullptr)
    return refuse_run({kExitBusy, "run_active", "one run at a time: wait for its run_done", {}});
  if (const auto failure = check_members(op, run_members())) return refuse_run(*failure);
  const std::string& wanted =
      op["session"].as_string().empty() ? options_.session : op["session"].as_string();
  if (session_ == nullptr || (!wanted.empty() && wanted != view(tau_session_id(session_.get())))) {
    auto session = Client::session(agent_.get(), wanted);
    if (!session.ok()) return refuse_run(session.failure());
    session_ = *std::move(session);
  }
  RunRequest request;
  request.prompt = op["prompt"].as_string();
  if (!op["options"].is_null()) request.options_json = op["options"].dump();
  if (op["resume"].as_bool()) request.flags |= TAU_RUN_RESUME;
  const auto deadline = deadline_of(options_);
  request.deadline_ms = deadline.ok() ? *deadline : 0;
  auto run = start_run(session_.get(), client_.queue(), request);
  if (!run.ok()) return refuse_run(run.failure());
  run_ = *std::move(run);
  watched_.emplace(run_.get());
}

void StdioHost::add_tool(const Json& op) {
  if (const auto failure = check_members(op, tool_members())) return fail(*failure, op);
  tau_tool tool = TAU_TOOL_INIT;
  const std::string& name = op["name"].as_string();
  const std::string parameters = op["parameters"].is_null() ? std::string() : op["parameters"].dump();
  const std::string destinations = op["destinations"].is_null() ? std::string() : op["destinations"].dump();
  tool.name = to_tau(name);
  tool.destinations = to_tau(destinations);
  tool.description = to_tau(op["description"].as_string());
  tool.parameters = to_tau(parameters);
  tool.timeout_ms = op["timeout_ms"].as_int();
  if (op["ask"].as_bool()) tool.flags |= TAU_TOOL_ASK;
  if (op["parallel"].as_bool()) tool.flags |= TAU_TOOL_PARALLEL;
  if (op["idempotent"].as_bool()) tool.flags |= TAU_TOOL_IDEMPOTENT;
  if (!op["effect"].is_null()) {
    const auto at = std::find(kEffects.begin(), kEffects.end(), op["effect"].as_string());
    if (at == kEffects.end())
      return fail(input_failure("bad_value",
                                "op add_tool: \"effect\" should be one of pure, read, write, egress, "
                                "exec, irreversible"),
                  op);
    tool.effect = static_cast<tau_tool_effect>(at - kEffects.begin());
  }
  tau_error* error = nullptr;
  const tau_status status = tau_agent_add_tool(agent_.get(), &tool, &error);
  if (status != TAU_OK) return fail(library_failure(status, error), op);
  Json event = Json::object();
  event.set("event", Json::string("tool_added"));
  if (op["id"].is_string()) event.set("id", op["id"]);
  event.set("tool", Json::string(name));
  emit(event.dump());
}

void StdioHost::submit(const std::string& line) {
  const auto op = Json::parse(line);
  tau_error* error = nullptr;
  const tau_status status = tau_run_submit(run_.get(), to_tau(line), nullptr, 0, &error);
  if (status != TAU_OK) return fail(library_failure(status, error), op ? *op : Json());
  if (op)
    std::erase_if(waiting_, [&](const auto& call) { return call.first == (*op)["call_id"].as_string(); });
}

// After the end of input nobody can answer any more.
void StdioHost::refuse(const std::string& call_id, bool approval) {
  Json op = Json::object();
  op.set("op", Json::string(approval ? "approval" : "tool_result"));
  op.set("call_id", Json::string(call_id));
  if (approval) {
    op.set("allow", Json::boolean(false));
  } else {
    op.set("content", Json::string("the host has closed its input"));
    op.set("is_error", Json::boolean(true));
  }
  op.set("reason", Json::string("input_closed"));
  const std::string text = op.dump();
  tau_run_submit(run_.get(), to_tau(text), nullptr, 0, nullptr);
}

void StdioHost::take_event(const tau_event& event, std::string_view body) {
  emit(body);
  const bool approval = event.kind == TAU_EVENT_APPROVAL;
  if (approval || event.kind == TAU_EVENT_TOOL_CALL) {
    if (input_.ended()) return refuse(std::string(view(event.call_id)), approval);
    waiting_.emplace_back(view(event.call_id), approval);
  }
  if (event.kind != TAU_EVENT_RUN_DONE) return;
  const auto document = Json::parse(body);
  const Json outcome = document ? (*document)["outcome"] : Json();
  exit_ = outcome["status"].as_string() == "done" ? kExitOk : outcome_failure(outcome).exit;
  waiting_.clear();
  watched_.reset();
  Buffer settled;  // the session takes its next run once this returns
  tau_run_wait(run_.get(), -1, settled.out(), nullptr);
  run_.reset();
}

void StdioHost::take_events() {
  for (;;) {
    tau_event event{};
    event.struct_size = sizeof event;
    const tau_status status = tau_queue_next(client_.queue(), 0, &event, nullptr);
    if (status == TAU_AGAIN) return;
    if (status != TAU_OK) {
      quit_ = true;
      return;
    }
    tau_str body{};
    tau_event_json(client_.queue(), &event, &body, nullptr);
    take_event(event, view(body));
  }
}

int StdioHost::serve() {
  while (!(quit_ || interrupted()) && !(input_.ended() && run_ == nullptr)) {
    pollfd fds[3] = {{input_.ended() ? -1 : STDIN_FILENO, POLLIN, 0},
                     {tau_queue_fd(client_.queue()), POLLIN, 0},
                     {interrupt_fd(), POLLIN, 0}};
    if (poll(fds, 3, -1) < 0 && errno != EINTR) break;
    if (fds[1].revents != 0) take_events();
    if (fds[0].revents == 0) continue;
    input_.read_some();
    bool too_long = false;
    while (const auto line = input_.next(too_long)) {
      if (too_long) {
        fail(input_failure("too_large", "a line has more than " + std::to_string(kMaxLineBytes) + " bytes"));
      } else {
        take_line(*line);
      }
    }
    if (!input_.ended() || run_ == nullptr) continue;
    for (const auto& [call_id, approval] : waiting_) refuse(call_id, approval);
    waiting_.clear();
  }
  // What still runs is cancelled, and its last events are shown.
  tau_run_cancel(run_.get());
  while (run_ != nullptr) {
    pollfd fd = {tau_queue_fd(client_.queue()), POLLIN, 0};
    if (poll(&fd, 1, -1) < 0 && errno != EINTR) break;
    take_events();
  }
  return interrupted() ? kExitCancelled : exit_;
}

}  // namespace

int command_stdio(const Options& options) {
  if (options.has_prompt)
    return report(
        usage_failure("--stdio takes no prompt", "send {\"op\":\"run\",\"prompt\":\"…\"} on stdin"));
  const auto deadline = deadline_of(options);
  if (!deadline.ok()) return report(deadline.failure());
  const auto client = Client::open(options);
  if (!client.ok()) return report(client.failure());
  auto agent = (*client).agent();
  if (!agent.ok()) return report(agent.failure());
  return StdioHost(options, *client, *std::move(agent)).serve();
}

}  // namespace cli
