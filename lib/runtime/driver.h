// The driver of one run: performs what the engine asks for, journals what comes back. All of it happens on
// one loop; every seam to the world is an interface, so the simulator runs this very code.
#pragma once

#include <atomic>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "agent/agent.h"
#include "base/base.h"
#include "net/net.h"
#include "provider/provider.h"
#include "runtime/config.h"
#include "runtime/conversation.h"
#include "runtime/held_reader.h"
#include "runtime/redaction.h"
#include "store/store.h"
#include "tool/tool.h"

namespace tau::runtime {

class RunAudit;
class WaitingCalls;
class AccessControl;

// Where the events of a run go. On the run's loop.
class EventOutput {
 public:
  virtual ~EventOutput() = default;
  // The terminal event needs no memory.
  virtual void emit(agent::Event&& event) = 0;
  // Before the run is over: its terminal event will tell of an outcome of so many bytes, and is to be shown
  // without memory, too. One that tells of a lack of memory is expected at any time.
  virtual void expect_end(size_t outcome_bytes) = 0;
  virtual void delta(agent::EventKind kind, std::string_view call_id, std::string_view text) = 0;
  // True while the reader is too far behind: the run waits until Driver::unpark().
  virtual bool parked() const = 0;
};

struct DriverSeams {
  net::Loop& loop;
  Clock& clock;
  store::Store& store;
  provider::Model& model;
  EventOutput& output;
};

// What the conversation and its records are shared as between the session and its run.
struct SessionState {
  store::SessionRecord record;
  store::Lease lease;  // epoch 0: none yet
  Conversation conversation;
};

// The outcome of a run that ended for lack of memory, as JSON. Only the first call allocates.
const SharedString& out_of_memory_outcome();

// The effects of one step of the engine, of which `next` is performed next.
struct Performance {
  agent::Effects effects;
  size_t next = 0;
};

// A tool call between its verdict and its result.
struct OpenCall {
  std::string id;
  std::string name;
  std::optional<tool::Call> prepared;  // until it is executed
  std::optional<tool::Reply> reply;    // the host's to complete
  std::string result_op;               // to acknowledge once the host's result is durable
  std::string progress;                // the end of what the host told of it
  int64_t tokens_left = -1;            // as in agent::CallTool
  int64_t cost_left_usd_micros = -1;
};

// What was decided of a call before a crash: what it may run as now must be the same.
struct EarlierVerdict {
  std::string call_id;
  Labels labels;  // of the call, when it was decided
  int64_t policy_epoch = 0;
  SharedString binding;  // empty: nobody had to approve
};

// The message of an input that waits for its place in the conversation.
struct Unappended {
  int64_t seq = 0;
  wire::Message message;
  std::string signals = {};  // of a result that the model will be shown
};

// Memory that drivers work in, one after the other.
struct Scratch {
  agent::Engine engine;
  agent::Effects effects;  // of the step being taken
  StableQueue<Performance> performances;
  store::Batch batch;  // what was not handed to the store yet
  std::vector<OpenCall> open_calls;
  std::vector<Unappended> unappended;  // by journal seq
};

class Driver final : public std::enable_shared_from_this<Driver>,
                     private provider::CallSink,
                     private provider::HostModelPort,
                     private tool::HostCalls {
 public:
  struct Setup {
    agent::RunConfig config;
    std::shared_ptr<SessionState> session;
    std::shared_ptr<const tool::Registry> tools;
    std::string traceparent;
    std::string options_json;
    int64_t policy_epoch = 0;
    // Whose results the model is not shown; null: nobody's. Outlives the driver.
    const QuarantineConfig* quarantine = nullptr;
    const safety::Screening* screening = nullptr;  // null: nothing is looked for; else outlives the driver
    RunAudit* audit = nullptr;                     // null: nothing is recorded; else outlives the driver
    std::unique_ptr<Scratch> scratch;              // null: its own
    // Other processes see the calls that wait for an approval, and may answer.
    bool shares_approvals = false;
    const AccessControl* access = nullptr;  // what those are held to; null: nothing. Outlives the driver
    bool durable = true;  // false: nothing survives the process, so nothing is handed to the store early
    // Calls of models that the events are to answer; null: none can be.
    std::shared_ptr<provider::HostReplies> replies;
    // Before the terminal event becomes visible: the session is free for its next run.
    UniqueFunction<void()> on_last;
    UniqueFunction<void()> on_end;  // after it; the driver may be dropped then
  };
  // Makes the run's executor, which hands calls of host tools back to `host`.
  using MakeExecutor =
      std::function<std::unique_ptr<tool::Executor>(const tool::Registry& tools, tool::HostCalls& host)>;

  Driver(DriverSeams seams, Setup&& setup, const MakeExecutor& make_executor);
  ~Driver() override;

  // On the loop, all that follow.
  // `recalled`: what goes before the message.
  void start(wire::Message message, std::optional<agent::Recalled> recalled = std::nullopt);
  // Re-feeds the open turn of a run that was cut off, then goes on; `cancel` ends it instead.
  void resume(const store::RunRecord& run, const std::vector<store::JournalEntry>& journal, bool cancel);
  // Goes on with a run that an engine of another version recorded: its open turn is closed with what was
  // durable. `journal`: all its rows; `appended`: the seqs of those that the conversation holds.
  void go_on(const store::RunRecord& run, const std::vector<store::JournalEntry>& journal,
             const std::vector<int64_t>& appended, bool cancel);
  void submit(agent::HostOp op);
  // The host's answer to a TOOL_CALL event; op_id is acknowledged when the result is durable.
  void tool_result(const std::string& call_id, tool::Result result, const std::string& op_id);
  void tool_progress(const std::string& call_id, std::string text);
  // Shows the host the text behind a handle, or rejects the op.
  void read_held(std::string_view handle, const std::string& op_id);
  void cancel(ErrorInfo why);
  void unpark();
  // Work on behalf of this run failed for lack of memory: it ends. Allocates nothing.
  void out_of_memory() noexcept;

  bool ended() const { return ended_; }
  bool waits_for_store() const { return committing_; }
  const SharedString& outcome() const { return outcome_; }
  Code outcome_code() const { return outcome_code_; }
  std::string_view run_id() const { return setup_.config.run_id; }
  // For the next driver; this one is at its end.
  std::unique_ptr<Scratch> take_scratch();

 private:
  struct NamedTimer {
    std::string name;
    net::TimerId id = 0;
  };

  const Redaction* redaction();
  void feed(agent::InputBody&& body);
  bool refeed(const store::JournalEntry& entry);
  void announce();
  void account_open_turn(const std::vector<store::JournalEntry>& journal);
  void step(agent::Input&& input);
  void queue(int64_t seq);
  void account(const agent::InputBody& body);
  void note_usage(const agent::Input& input);
  void record_answer(const agent::InputBody& body);
  void record_event(const agent::Event& event);
  void show_waiting(const agent::Event& event);
  void timer_fired(const std::string& name);
  void stops_waiting(std::string_view timer);
  void journal(const agent::Input& input);
  void keep_message(agent::InputBody& body, int64_t seq);
  void hold_unappended(const std::vector<store::JournalEntry>& journal);
  void pump();
  void pump_end();
  bool perform(agent::Effect& effect);  // false: wait, and come back to the same effect
  bool emit(agent::Event& event);
  void assemble(const agent::AssemblePrompt& effect);
  void call_model(agent::CallModel& effect);
  void cancel_model(const agent::CancelModel& effect);
  void ask_policy(const wire::ToolCall& tool_call);
  void call_tool(const agent::CallTool& effect);
  void cancel_tool(const std::string& call_id);
  void tool_finished(const std::string& call_id, tool::Result result);
  tool::Prepared prepare(const wire::ToolCall& tool_call, const Labels& labels);
  void remember_verdict(const agent::InputBody& body);
  tool::Prepared prepare_again(const wire::ToolCall& tool_call);
  bool commit();
  void journal_message(agent::Append& effect, int64_t seq);
  OpenCall* find_call(std::string_view call_id);
  OpenCall& open_call(const std::string& call_id);
  void close_call(std::string_view call_id);
  void append(agent::Append& effect);
  void set_timer(const agent::SetTimer& effect);
  void cancel_timer(const std::string& name);
  void turn_boundary(agent::TurnBoundary& effect);
  void finish(const agent::Finish& effect);
  void flush(bool barrier);
  void flushed(const Status& status, bool barrier);
  void die(const Status& status);
  void give_up(const Status& status);
  void die_of_memory() noexcept;
  void cut_model() noexcept;
  void end(agent::Event&& last);
  void reject(const std::string& op_id, const std::string& call_id, std::string_view reason,
              std::string_view text);
  void update_session_record();
  const provider::Route& route() const { return answering_ != nullptr ? *answering_ : seams_.model.route(); }
  int64_t cost(const wire::Usage& usage) const;
  int64_t cost_of_answer(const wire::Response& response) const;  // what was not counted is estimated
  std::shared_ptr<const wire::Response> labelled(wire::Response&& response) const;
  void show_delta(wire::StreamEvent::Kind kind, std::string_view text);
  void show_rest_of_deltas();
  void show_held_soon();
  store::Provenance provenance(const wire::Message* message, const agent::HeldResult* held = nullptr) const;
  agent::ToolDone tool_done(const std::string& call_id, std::string_view name, tool::Result result) const;
  void hold_back(agent::ToolDone& done, std::string_view tool, bool from_held) const;

  // provider::CallSink
  void on_event(const wire::StreamEvent& event) override;
  void on_attempt(int attempt, const Status& previous) override;
  void on_decision(const provider::RouteDecision& decision) override;
  void on_prompt(const provider::PromptSize& size) override { prompt_ = size; }
  void on_response(wire::Response response) override;
  void on_failure(const Status& status, wire::Response partial) override;
  // provider::HostModelPort
  void model_called(const provider::HostCall& call, std::shared_ptr<provider::HostReply> reply) override;
  void model_call_over(const provider::HostCall& call, bool answered) override;
  // tool::HostCalls
  void call(const tool::Call& call, tool::Reply reply) override;
  void progress(const tool::Call& call, std::string text) override;
  void ask_model(const tool::Call& call, tool::HeldQuestion question, tool::Reply reply) override;

  DriverSeams seams_;
  Setup setup_;
  HeldReader reader_;
  std::unique_ptr<tool::Executor> executor_;
  std::unique_ptr<Scratch> scratch_;
  bool pumping_ = false;
  bool committing_ = false;   // a barrier waits for the store
  bool commit_done_ = false;  // it answered
  bool refeeding_ = false;
  bool cancel_requested_ = false;
  bool ended_ = false;
  bool told_ = false;  // the terminal event was delivered

  int64_t next_seq_ = 0;
  bool flush_soon_ = false;
  // Of what is durable; null when nothing is. What the store's thread tells without a task, for which memory
  // may be short.
  struct Durability {
    const net::Owner owner = net::OwnerScope::current();
    std::atomic<int64_t> unknown{0};          // appends whose outcome is not known yet
    std::atomic<bool> barrier_passed{false};  // the one that is waited for
  };
  std::shared_ptr<Durability> durability_;
  store::RunRecord record_;

  Redaction redaction_;  // as of redaction_version_
  uint64_t redaction_version_ = 0;
  DeltaCleaner deltas_;
  net::TimerId held_timer_ = 0;  // of what deltas_ holds
  int64_t held_since_ns_ = 0;    // the last delta came

  provider::CallId model_call_ = 0;
  provider::PromptSize prompt_;  // of the model call under way
  int64_t model_number_ = 0;
  SharedString model_call_id_;
  std::vector<NamedTimer> timers_;
  std::vector<agent::SetTimer> refed_timers_;
  std::vector<EarlierVerdict> earlier_verdicts_;
  std::shared_ptr<WaitingCalls> waiting_calls_;  // null: none was ever asked about

  SharedString outcome_;
  Code outcome_code_ = Code::kOk;

  // Of a model that is a route: who answers, and who failed last. They live as long as the model.
  const provider::Route* answering_ = nullptr;
  const provider::Route* failed_ = nullptr;
};

}  // namespace tau::runtime
