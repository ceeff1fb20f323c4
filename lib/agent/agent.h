// The public face of agent: the run engine, a pure state machine. Inputs go in, effects come out; no thread,
// no clock, no I/O, no randomness. Whatever could differ between two runs arrives inside an input, and every
// input is journaled, so that the same inputs always give the same effects: that is resume, replay and
// simulation.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "base/base.h"
#include "crypto/crypto.h"
#include "json/json.h"
#include "wire/wire.h"

namespace tau::agent {

// Grows when the same inputs would give other effects, or another journal form or digest. Rows of another
// version are never re-fed: see Continued.
inline constexpr int64_t kLogicVersion = 6;

struct Limits {  // 0 = no limit
  int64_t max_turns = 50;
  int64_t max_tokens = 0;  // input and output of the whole run
  int64_t max_cost_usd_micros = 0;
  int64_t max_wall_ms = 0;
  int64_t max_prompt_bytes = 64 << 20;  // memory that the conversation may take
  int64_t max_parallel_tools = 8;
  int64_t max_calls_per_turn = 64;
  int64_t approval_timeout_ms = 300'000;
  int64_t structured_retries = 1;
};

struct RunConfig {
  SharedString run_id;
  SharedString session_id;
  SharedString principal;
  SharedString model;  // "provider/model", for the record
  Limits limits;
  std::string response_schema;  // JSON Schema text; empty: free text
};

// ---- inputs ---------------------------------------------------------------------------------------------

struct Start {
  RunConfig config;
  wire::Message message;
};
// Before Start: what was remembered that may matter to its message.
struct Recalled {
  wire::Message message;  // one marked block, labelled as recalled; goes before that of Start
  std::string report;     // for the host, {"memories":[…],…}: see TAU_EVENT_RECALLED
};
struct PromptReady {
  int64_t call = 0;
  int64_t input_tokens = 0;  // estimate
  int64_t prompt_bytes = 0;
  int64_t stable_prefix_bytes = 0;
  int64_t cost_bound_usd_micros = 0;  // of the call, 0: unknown
  // What the request says: a digest of what stands before the history, and the last entry of that. One text
  // in the journal, with a colon between.
  SharedString prefix_digest;
  SharedString head_entry;
};
struct ModelDone {
  int64_t call = 0;
  std::shared_ptr<const wire::Response> response;  // tool-call ids are unique within the run
  int64_t cost_usd_micros = 0;
  int64_t prompt_bytes = 0;         // as sent; 0: unknown
  int64_t prompt_prefix_bytes = 0;  // of them, the same as in the call before
};
struct ModelFailed {
  int64_t call = 0;
  ErrorInfo error;
  std::shared_ptr<const wire::Response> partial;  // never null
  int64_t cost_usd_micros = 0;
};
struct ModelCut {  // the answer to CancelModel
  int64_t call = 0;
  std::shared_ptr<const wire::Response> partial;  // never null
  int64_t cost_usd_micros = 0;
};
struct Verdict {
  enum class Decision : uint8_t { kAllow, kAsk, kDeny };
  std::string call_id;
  Decision decision = Decision::kDeny;
  std::string effect;  // of the manifest: "read"
  bool pure = false;
  bool idempotent = false;
  bool parallel = false;
  bool sandboxed = false;
  SharedString reason;  // "unknown_tool", "invalid_arguments", "denied_by_policy", "allowed_by_default", …
  std::string message;  // what the model is told on deny
  int64_t policy_epoch = 0;
  SharedString binding;  // of kAsk: what an approval is bound to; may be empty
  SharedString scope;    // of kAsk: what a standing permission would be for, "POST https://…"; may be empty
};
// What a tool answered and the model is not shown: `message` of its ToolDone tells of the handle in its
// place.
struct HeldResult {
  SharedString handle;
  wire::Message message;  // role tool, one ToolResult part; with the labels of the answer
};
// What a call itself asked of a model. It counts to the run.
struct ModelUse {
  int64_t input_tokens = 0;
  int64_t output_tokens = 0;
  int64_t cached_tokens = 0;
  int64_t unreported_tokens = 0;  // estimated where the provider gave no count; they count towards the limit
  int64_t cost_usd_micros = 0;
  bool any() const { return (input_tokens | output_tokens | unreported_tokens | cost_usd_micros) != 0; }
};
struct ToolDone {
  std::string call_id;
  wire::Message message;             // role tool, one ToolResult part
  std::string reason;                // of an error
  std::string details;               // JSON for the host; may be empty
  std::string signals;               // of injection and of personal data: names, separated by commas
  std::shared_ptr<HeldResult> held;  // null: the message is what the tool answered
  ModelUse use;
};
struct HostOp {
  enum class Kind : uint8_t { kMessage, kSteer, kApproval };
  Kind kind = Kind::kMessage;
  std::string op_id;      // acknowledged when not empty
  wire::Message message;  // kMessage, kSteer
  std::string call_id;    // kApproval
  bool allow = false;
  std::string reason;
  std::string binding;   // kApproval: as the event had it, or empty: of the call, whatever that is
  SharedString decider;  // kApproval: a principal, when it was not the host that answered
};
struct Timer {
  std::string name;  // as in SetTimer
};
// Begins the name of the timer of a call that waits for an approval; its id follows. It is cancelled as soon
// as the call waits no more, but for when it fired.
inline constexpr std::string_view kApprovalTimer = "approval:";
struct Cancel {
  ErrorInfo why;  // kCancelled from the host; or what made the driver give up (deadline, memory, store)
};
// The driver re-fed the journal after a crash and nothing is in flight any more.
struct Resumed {};
// Goes on with a run whose rows so far were written by an engine of another version, which closed its open
// turn: the conversation holds all that was durable. The first input of a new engine, like Start; from this
// row on the run can be re-fed.
struct Continued {
  RunConfig config;
  int64_t turn = 0;  // counters of the run so far
  int64_t call = 0;
  int64_t input_tokens = 0;
  int64_t output_tokens = 0;
  int64_t cached_tokens = 0;
  int64_t cost_usd_micros = 0;
  int64_t structured_failures = 0;
  std::shared_ptr<const wire::Response> answer;  // the last turn's, when nothing is left but to give it
  std::shared_ptr<const ErrorInfo> stop;         // why the run ends here, when it was cancelled
};

using InputBody = std::variant<Start, PromptReady, ModelDone, ModelFailed, ModelCut, Verdict, ToolDone,
                               HostOp, Timer, Cancel, Resumed, Continued, Recalled>;
struct Input {
  int64_t seq = 0;      // in the journal of the run; grows, not always by one
  int64_t time_ms = 0;  // wall clock
  InputBody body;
};

const SharedString& input_kind(const InputBody& body);  // "start", "model_done", …; lives for ever
// Kind of the rows that hold a message which the engine made: {"message":…}, not an input.
inline constexpr std::string_view kMessageRow = "message";
std::string input_to_json(const InputBody& body);
void input_to_json(const InputBody& body, std::string& out);  // appends
StatusOr<InputBody> input_from_json(std::string_view kind, std::string_view text);
// The conversation message inside a journaled body: inputs have it as "message", as do rows of kind
// "message".
StatusOr<wire::Message> message_of_row(std::string_view body);
// The same, and the result that is held in the place of it, if one is.
struct RowMessage {
  wire::Message message;
  std::string signals;  // of a result: as in ToolDone
  std::shared_ptr<HeldResult> held;
};
StatusOr<RowMessage> row_message(std::string_view body);

// ---- effects --------------------------------------------------------------------------------------------

// One table for kinds: the ABI's enumerators, names in JSON and the documentation follow it.
enum class EventKind : uint8_t {
  kRunStarted = 1,
  kTurnStarted = 2,
  kText = 3,
  kReasoning = 4,
  kMessage = 5,
  kToolCall = 6,
  kApproval = 7,
  kToolStarted = 8,
  kToolProgress = 9,
  kToolResult = 10,
  kAttempt = 11,
  kTurnDone = 12,
  kOpAccepted = 13,
  kOpRejected = 14,
  kSnapshot = 15,
  kRunDone = 16,
  kHeldText = 17,
  kRoute = 18,
  kModelCall = 19,
  kModelCallOver = 20,
  kRecalled = 21,
};
std::string_view event_name(EventKind kind);

struct Event {
  EventKind kind = EventKind::kRunStarted;
  std::string call_id;
  std::string text;
  // What the JSON body is made of, by kind; see event.cpp.
  SharedString name;  // tool, model or op id
  SharedString reason;
  // Arguments, outcome, usage, labels or a request: complete JSON; of kRunStarted the session; of kToolResult
  // the signals, as in ToolDone.
  SharedString json;
  // Of kApproval; of kToolResult and kHeldText the handle; of kRoute the decision; of kModelCall the path of
  // a body; of kTurnDone the prompt's bytes that are the same as before, a number.
  SharedString binding;
  SharedString scope;  // of kApproval, may be empty: what a standing permission would be for; of kTurnDone
                       // the prompt's bytes, empty when they are unknown
  int64_t number = 0;  // turn, attempt; of kApproval the policy epoch
  bool flag = false;   // is_error, not_sandboxed
  std::shared_ptr<const wire::Response> response;

  // `text`, or what the response says where the event has one and no text of its own.
  std::string_view shown_text() const;
  // Of an event that is empty: moves, and looks only at what there is.
  void take(Event&& other);
  // Leaves an empty event; the strings keep their memory.
  void clear();
};
// The body of an event, as the C ABI shows it.
std::string event_json(const Event& event, std::string_view run_id);

struct AssemblePrompt {
  int64_t call = 0;
};
struct CallModel {
  int64_t call = 0;
  SharedString request_id;
};
struct CancelModel {
  int64_t call = 0;
};
struct AskPolicy {
  wire::ToolCall call;
};
struct CallTool {
  std::string call_id;
  // What the call may use up of a model, within the limits of the run; negative: there is no limit.
  int64_t tokens_left = -1;
  int64_t cost_left_usd_micros = -1;
};
struct CancelTool {
  std::string call_id;
};
// Everything before is durable before anything after is performed.
struct Commit {};
// Adds a message to the conversation: the one in the journal row `seq`, or a new one made here.
struct Append {
  int64_t seq = 0;
  std::optional<wire::Message> message;
};
struct Emit {
  Event event;
};
struct SetTimer {
  std::string name;
  int64_t delay_ms = 0;
};
struct CancelTimer {
  std::string name;
};
// A turn is over: the driver may store snapshot() with the rows so far. It keeps here, from the step to the
// performance, what it took and the first journal row that this does not cover.
struct TurnBoundary {
  std::string snapshot;
  int64_t seq = 0;
};
// The run is over; its terminal event has been emitted.
struct Finish {
  Code code = Code::kOk;
  SharedString outcome;
};

using Effect = std::variant<AssemblePrompt, CallModel, CancelModel, AskPolicy, CallTool, CancelTool, Commit,
                            Append, Emit, SetTimer, CancelTimer, TurnBoundary, Finish>;
using Effects = std::vector<Effect>;

// Stands for every field of every effect that two runs could disagree about: a 64-bit checksum in Crockford
// base 32, 13 characters. It finds divergence; it is the hash chain of the journal that keeps it from being
// edited.
std::string digest_of(const Effects& effects);

// ---- the engine -----------------------------------------------------------------------------------------

class Engine {
 public:
  Engine();
  ~Engine();
  Engine(Engine&&) noexcept;
  Engine& operator=(Engine&&) noexcept;

  // Appends to `effects`, which keep their memory. Strong exception guarantee: when it throws bad_alloc the
  // engine has not changed. Inputs that do not fit the state (a late result, an answer for an unknown call)
  // are ignored or rejected, never fatal.
  void step(const Input& input, Effects& effects);
  Effects step(const Input& input) {
    Effects effects;
    step(input, effects);
    return effects;
  }

  // As new, but for its memory.
  void reset() noexcept;
  bool finished() const;
  // The state at a turn boundary, as JSON; restore() goes on from it with the inputs that followed.
  std::string snapshot() const;
  static StatusOr<Engine> restore(std::string_view snapshot);

  // What is in flight: model call (0: none), and tool calls that were started without a result.
  int64_t open_model_call() const;
  std::vector<std::string> open_tool_calls() const;

  struct State;  // private to the module: state.h

 private:
  std::unique_ptr<State> state_;
  std::unique_ptr<State> spare_;  // where a step works; its memory is reused
  std::string text_;              // likewise, for JSON
};

// The oldest journal row that going on from a snapshot needs: `snapshot_seq`, or that of a message that
// waits.
int64_t first_needed_seq(std::string_view snapshot, int64_t snapshot_seq);

// ---- prompt assembly ------------------------------------------------------------------------------------

struct PromptParts {
  std::string base;          // the host's system prompt; empty: libtau's own
  std::string instructions;  // AGENTS.md of the workspace; may be empty
  bool instructions_cut = false;
  std::string workspace_note;  // one line on where tools work; may be empty
};
inline constexpr size_t kMaxInstructionsBytes = 32 * 1024;

// The system messages, byte-identical for equal parts: nothing in them depends on time or order of arrival.
std::vector<wire::Message> system_messages(const PromptParts& parts);

// Finds the JSON value in a model's answer: the whole text, or the first fenced block. Empty when there is
// none.
std::string_view find_json_answer(std::string_view text);

// ---- results of calls that did not give one ---------------------------------------------------------------

// An error result of a call as a message of role tool, said by the system.
wire::Message tool_error_message(const wire::ToolCall& call, std::string_view text);
inline constexpr std::string_view kOutcomeUnknown =
    "interrupted: the program stopped while this call ran; whether it took effect is unknown";

}  // namespace tau::agent
