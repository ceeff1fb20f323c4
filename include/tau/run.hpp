// Runs: one request to an agent and its events.
#ifndef TAU_RUN_HPP
#define TAU_RUN_HPP

#include <tau/run.h>

#include <tau/event.hpp>

namespace tau {
inline namespace v0 {

// Members are copied when the run starts.
struct RunOptions {
  std::string prompt = {};       // what the user says; or empty with `options.message`
  std::string options = {};      // JSON (docs/schema/run.json): message, limits, response_schema, principal
  const Queue* queue = nullptr;  // where events go; none: a queue of the run's own
  void* userdata = nullptr;      // comes back in every event
  std::string traceparent = {};  // W3C trace context of the caller
  int64_t deadline_ms = 0;       // the run ends with kDeadlineExceeded after so long; 0: no limit
  std::vector<Blob> blobs = {};  // images and files that go with the prompt
  bool resume = false;           // go on with the session's open run after a crash
  bool quiet = false;            // no events but approvals, host tool calls and the terminal one
};

// How a run ended, or that it has not; or how its replay went.
class [[nodiscard]] Outcome {
 public:
  Outcome(Text json, Error error) noexcept : json_(std::move(json)), error_(std::move(error)) {}

  // Whether the run has ended, well or not.
  bool ended() const noexcept { return !json_.empty(); }

  // Whether it ended well; of a replay: identically.
  bool ok() const noexcept { return !error_; }
  explicit operator bool() const noexcept { return ok(); }

  // The outcome as JSON (docs/schema/events.json), of a failed run too. Empty until it has ended. Of a replay
  // the report.
  std::string_view json() const& noexcept { return json_.view(); }
  std::string_view json() const&& = delete;

  // The run's failure; kDeadlineExceeded "wait_timeout" while it goes on.
  const Error& error() const& noexcept { return error_; }
  Error error() && noexcept { return std::move(error_); }

 private:
  Text json_;
  Error error_;
};

namespace detail {

template <typename Function, typename... Arguments>
Outcome outcome_of(Function function, Arguments... arguments) {
  tau_buf out{};
  tau_error* error = nullptr;
  function(arguments..., &out, &error);
  return Outcome(Text(out), Error(error));
}

// The JSON of an op, member by member.
class Op {
 public:
  Op(std::string_view name, std::string_view id) {
    add("op", name);
    if (!id.empty()) add("id", id);
  }
  Op& add(std::string_view key, std::string_view text) {
    begin(key);
    quote(text);
    return *this;
  }
  Op& add(std::string_view key, bool value) {
    begin(key);
    json_ += value ? "true" : "false";
    return *this;
  }
  std::string take() { return std::move(json_ += '}'); }

 private:
  void begin(std::string_view key) {
    json_ += json_.empty() ? '{' : ',';
    quote(key);
    json_ += ':';
  }
  // RFC 8259: what must be escaped, no more. The library refuses what is not UTF-8.
  void quote(std::string_view text) {
    constexpr const char* kHex = "0123456789abcdef";
    json_ += '"';
    for (const char c : text) {
      const auto byte = static_cast<unsigned char>(c);
      if (byte < 0x20) {
        json_ += "\\u00";
        json_ += kHex[byte >> 4];
        json_ += kHex[byte & 0xf];
        continue;
      }
      if (c == '"' || c == '\\') json_ += '\\';
      json_ += c;
    }
    json_ += '"';
  }
  std::string json_;
};

}  // namespace detail

// A request that goes on by itself; session.run() starts one. Dropped with a queue of its own it is
// cancelled; with a shared queue it goes on and its events keep coming.
//
// An `id` given to an op is acknowledged by an event: kOpAccepted once the op is durable, or kOpRejected. All
// ops fail with kFailedPrecondition "run_ended" after the end.
// Thread: any.
class Run : public detail::Handle<tau_run, tau_run_unref> {
 public:
  Run() noexcept = default;
  explicit Run(tau_run* owned) : Handle(owned), over_(std::make_shared<bool>(false)) {}

  // A view that lives as long as the run.
  std::string_view id() const& noexcept { return detail::view(tau_run_id(c())); }
  std::string_view id() const&& = delete;

  // The events of the run's queue up to the terminal event of this run, waiting at most timeout_ms for each.
  // On a shared queue those of other runs come too: event.run_id() tells. Once that was taken, a further
  // range is empty. The run must live meanwhile, so a temporary has no events.
  // Thread: owner, of the queue.
  Events events(int32_t timeout_ms = kForever) const& {
    return Events(tau_run_queue(c()), timeout_ms, id(), over_);
  }
  Events events(int32_t timeout_ms = kForever) const&& = delete;

  // The queue that its events come to, to wait on or to wake.
  Queue queue() const noexcept { return Queue(tau_queue_ref(tau_run_queue(c()))); }

  // Waits for the end (tau_run_wait). Takes no events: let another thread read them, or start the run
  // `quiet`; or call it after a loop over events(). In manual mode the wait processes the run's loop.
  Outcome wait(int32_t timeout_ms = kForever) const {
    return detail::outcome_of(tau_run_wait, c(), timeout_ms);
  }

  // Sends an op as JSON (docs/schema/op.json), `blobs` going with its message (tau_run_submit).
  // Errors: kInvalidArgument that names the member.
  Result<void> submit(std::string_view op, const std::vector<Blob>& blobs = {}) const {
    const auto list = detail::c_blobs(blobs);
    return detail::done(tau_run_submit, c(), detail::str(op), list.data(), list.size());
  }

  // Asks more; answered after the current answer. `blobs` go with it.
  Result<void> message(std::string_view text, const std::vector<Blob>& blobs = {},
                       std::string_view id = {}) const {
    return submit(detail::Op("message", id).add("text", text).take(), blobs);
  }

  // Changes course: said to the model before its next call; tool calls that have not started are skipped.
  // `blobs` go with it.
  Result<void> steer(std::string_view text, const std::vector<Blob>& blobs = {},
                     std::string_view id = {}) const {
    return submit(detail::Op("steer", id).add("text", text).take(), blobs);
  }

  // Answers a kToolCall event.
  Result<void> tool_result(std::string_view call_id, std::string_view content,
                           std::string_view id = {}) const {
    return submit(detail::Op("tool_result", id).add("call_id", call_id).add("content", content).take());
  }

  // Answers a kToolCall event with an error that the model will see. reason: a stable snake_case code.
  Result<void> tool_error(std::string_view call_id, std::string_view reason, std::string_view message,
                          std::string_view id = {}) const {
    detail::Op op("tool_result", id);
    op.add("call_id", call_id).add("content", message).add("is_error", true).add("reason", reason);
    return submit(op.take());
  }

  // Reports on a call that is still running.
  Result<void> tool_progress(std::string_view call_id, std::string_view text) const {
    return submit(detail::Op("tool_progress", {}).add("call_id", call_id).add("text", text).take());
  }

  // Answers a kApproval event: the call may run.
  Result<void> approve(std::string_view call_id, std::string_view id = {}) const {
    return submit(detail::Op("approval", id).add("call_id", call_id).add("allow", true).take());
  }

  // Answers a kApproval event: the call must not run. reason: for the model; may be empty.
  Result<void> deny(std::string_view call_id, std::string_view reason = {}, std::string_view id = {}) const {
    detail::Op op("approval", id);
    op.add("call_id", call_id).add("allow", false);
    if (!reason.empty()) op.add("reason", reason);
    return submit(op.take());
  }

  // Stops the run as soon as possible; the terminal event follows. Idempotent, async-signal-safe.
  void cancel() const noexcept { tau_run_cancel(c()); }

 private:
  std::shared_ptr<bool> over_;  // a range has taken the terminal event
};

}  // namespace v0
}  // namespace tau

#endif
