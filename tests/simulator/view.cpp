// What one host may expect from its run, event by event.
#include <functional>

#include "simulator/ledger.h"

namespace tau::sim {

constexpr int64_t kSlackNs = 300 * kMs;      // latencies of disk and loop
constexpr int64_t kEarlierNs = 2'000 * kMs;  // of the calls of one turn whose results come first
constexpr int64_t kGraceNs = 2'000 * kMs;    // of a cancelled tool

void View::event(const agent::Event& event) {
  if (terminal_events_ > 0) ledger_.violate("an event after the terminal one");
  switch (event.kind) {
    case agent::EventKind::kApproval:
      asked_ns_[event.call_id] = clock_.now_ns;
      waiting_.insert(event.call_id);
      break;
    case agent::EventKind::kAttempt:
      if (!shown_.empty()) ledger_.violate("an attempt after the host saw part of an answer");
      break;
    case agent::EventKind::kOpRejected: ledger_.answer_refused(event.call_id); break;
    case agent::EventKind::kOpAccepted: ledger_.accepted(event.name.str()); break;
    case agent::EventKind::kMessage: message(event); break;
    case agent::EventKind::kToolResult: result(event); break;
    case agent::EventKind::kRunDone: done(event); break;
    default: break;
  }
}

void View::delta(agent::EventKind kind, std::string_view text) {
  if (terminal_events_ > 0) ledger_.violate("text after the terminal event");
  if (kind == agent::EventKind::kText) shown_ += text;
}

void View::message(const agent::Event& event) {
  if (event.shown_text() != shown_) ledger_.violate("the message is not what was streamed");
  shown_.clear();
  if (!expected_.empty()) ledger_.violate("a turn began before all results were in");
  for (const wire::Part& part : event.response->message.parts)
    if (const auto* call = part.as<wire::ToolCall>()) expected_.push_back(call->id);
}

void View::result(const agent::Event& event) {
  // Calls of an answer that an earlier process saw are not known here.
  if (!expected_.empty()) {
    if (expected_.front() != event.call_id) ledger_.violate("results out of order");
    expected_.pop_front();
  }
  const auto asked = asked_ns_.find(event.call_id);
  if (event.reason == "approval_timeout" && asked != asked_ns_.end() &&
      clock_.now_ns - asked->second < limits_.approval_timeout_ms * kMs - kSlackNs)
    ledger_.violate("an approval timed out before its time");
  if (waiting_.erase(event.call_id) != 0 && !paused_ &&
      clock_.now_ns - asked->second >
          limits_.approval_timeout_ms * kMs + kEarlierNs + kGraceNs + kSlackNs + lag_ns_)
    ledger_.violate("an approval waited for longer than it may");
}

void View::done(const agent::Event& event) {
  if (++terminal_events_ > 1) ledger_.violate("a second terminal event");
  end_reason_ = event.reason;
  const int64_t took_ns = clock_.now_ns - boot_ns_;
  const int64_t most_ns = limits_.max_wall_ms * kMs + kGraceNs + kSlackNs + lag_ns_;
  if (paused_) return;
  if (took_ns > most_ns) ledger_.violate("the run took longer than it may");
  // In a run that was resumed the time may have been over before.
  if (event.reason == "max_wall_time" && !resumed_ && took_ns < limits_.max_wall_ms * kMs)
    ledger_.violate("the run was ended before its time was over");
}

void View::check_end() {
  if (!ledger_.run_is_over()) ledger_.violate("the terminal event came before it was durable");
  if (!expected_.empty()) ledger_.violate("the run ended without a result for " + expected_.front());
  if (!shown_.empty()) ledger_.owe(shown_);
  ledger_.run_ended();
}

// A call that is repeated under the same id is the same call.
void View::called_model(std::string_view request_id, std::string_view body) {
  const uint64_t digest = std::hash<std::string_view>()(body);
  const auto [at, fresh] = requests_.emplace(request_id, digest);
  if (!fresh && at->second != digest) ledger_.violate("one request id for two requests");
}

void View::tool_starts(const tool::Call& call, const tool::Manifest& manifest) {
  ledger_.acts(call, manifest);
  if (std::cmp_greater_equal(running_.size(), limits_.max_parallel_tools))
    ledger_.violate("more tools at once than are allowed");
  for (const auto& [id, other] : running_)
    if (!other.parallel || !manifest.parallel)
      ledger_.violate("a tool runs beside another that must be alone");
  running_[call.id] = {manifest.parallel, clock_.now_ns + manifest.timeout_ms * kMs + kGraceNs};
}

void View::tool_ended(const std::string& call_id) {
  const auto at = running_.find(call_id);
  if (at == running_.end()) return;
  if (clock_.now_ns > at->second.until_ns && !paused_) ledger_.violate("a tool ran for longer than it may");
  running_.erase(at);
}

}  // namespace tau::sim
