// The engine's state and the one step over it. A step works on a copy that is swapped in at its end: that is
// the strong exception guarantee, and it is cheap because everything large is shared and immutable, and the
// memory of the copy before last is used again.
#pragma once

#include <memory>
#include <set>
#include <string>
#include <vector>

#include "agent/agent.h"

namespace tau::agent {

// One tool call of the current turn.
struct CallState {
  enum class Phase : uint8_t {
    kAsked,    // waits for the verdict
    kWaiting,  // waits for the host's approval
    kReady,    // may start when its turn comes
    kRunning,  // started, no result yet
    kDone,
  };
  size_t index = 0;  // among the parts of the response
  Phase phase = Phase::kAsked;
  bool pure = false;
  bool idempotent = false;
  bool parallel = false;
  bool sandboxed = false;
  bool reported = false;                        // its TOOL_RESULT event was emitted and its message appended
  int64_t result_seq = 0;                       // journal row of the result; 0: it is `result`
  std::shared_ptr<const std::string> text;      // of a result that is not reported in the step that brings it
  std::shared_ptr<const wire::Message> result;  // of a call that did not run: it is made here
  bool is_error = false;
  SharedString reason;
  SharedString binding;  // of kWaiting
  SharedString handle;   // of a result that is held back
  SharedString signals;  // of a result
};

struct PendingMessage {
  int64_t seq = 0;
  bool steer = false;
};

enum class Phase : uint8_t { kNew, kAssembling, kModel, kCutting, kTools, kFinished };

struct Engine::State {
  std::shared_ptr<const RunConfig> config;
  std::shared_ptr<const json::Schema> schema;  // of config->response_schema
  Phase phase = Phase::kNew;
  std::string recall_report;  // of Recalled, until Start
  int64_t turn = 0;
  int64_t call = 0;  // number of the current model call
  int64_t input_tokens = 0;
  int64_t output_tokens = 0;
  int64_t cached_tokens = 0;
  int64_t prompt_tokens = 0;      // of the call under way, as estimated
  int64_t unreported_tokens = 0;  // estimated where providers gave no count; they count towards the limit
  int64_t cost_usd_micros = 0;
  int64_t prompt_bytes = 0;  // of the last call; 0: unknown
  int64_t prompt_prefix_bytes = 0;
  int64_t structured_failures = 0;
  std::vector<PendingMessage> pending;
  std::shared_ptr<const wire::Response> response;  // of the current turn
  std::vector<CallState> calls;
  bool steered = false;                       // skip calls that have not started
  std::shared_ptr<const ErrorInfo> stopping;  // set once a Cancel or a limit ends the run

  void clear() noexcept;
};

// Applies one input to a state, collecting effects. One object per step.
class Step {
 public:
  // `text` is memory to write JSON in.
  Step(Engine::State& state, const Input& input, Effects& effects, std::string& text)
      : s_(state), input_(input), effects_(effects), text_(text) {}
  void run();

 private:
  // run.cpp: the turn
  void on(const Start& in);
  void on(const Recalled& in);
  void on(const PromptReady& in);
  void on(const ModelDone& in);
  void on(const ModelFailed& in);
  void on(const ModelCut& in);
  void on(const HostOp& in);
  void on(const Timer& in);
  void on(const Cancel& in);
  void on(const Resumed& in);
  void on(const Continued& in);
  bool configure(const RunConfig& config);
  void begin_turn();
  bool limit_reached();
  int64_t tokens_used() const;
  void account(const wire::Response& response, int64_t cost);
  void answer_complete();
  bool structured_answer_accepted();
  bool append_pending(bool steering_only);
  void append_partial(const wire::Response& partial);
  void stop(ErrorInfo why);
  void finish_stopped();
  void finish(Code code, std::string_view reason, std::string_view message);
  void call_model();
  void write_usage(json::Writer& w) const;
  void emit_turn_done();

  // calls.cpp: the tool calls of a turn
  void on(const Verdict& in);
  void on(const ToolDone& in);
  void begin_calls();
  void advance_calls();
  bool may_start(size_t i) const;
  void start_call(CallState& call);
  void refuse(CallState& call, std::string_view reason, std::string_view message);
  void report_results();
  void settle_unstarted(std::string_view reason, std::string_view message);
  void approve(CallState& call, const HostOp& in);
  void interrupt_calls();
  CallState* find_call(std::string_view call_id);
  static std::string result_text(const wire::Message& message);
  const wire::ToolCall& tool_call(const CallState& call) const;

  // A new effect, made where it will be performed.
  template <class E>
  E& add() {
    return std::get<E>(effects_.emplace_back(std::in_place_type<E>));
  }
  Event& emit(EventKind kind) {
    Event& event = add<Emit>().event;
    event.kind = kind;
    return event;
  }
  void append_row(int64_t seq) { add<Append>().seq = seq; }
  void append_message(wire::Message message) { add<Append>().message = std::move(message); }
  void set_timer(std::string name, int64_t delay_ms);
  void cancel_timer(std::string name) { add<CancelTimer>().name = std::move(name); }

  Engine::State& s_;
  const Input& input_;
  Effects& effects_;
  std::string& text_;
};

inline constexpr std::string_view kDeadlineTimer = "deadline";

}  // namespace tau::agent
