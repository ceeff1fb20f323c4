// Event names, the JSON bodies of events, and the digest of effects.
#include <algorithm>
#include <bit>
#include <iterator>

#include "agent/agent.h"

namespace tau::agent {
namespace {

constexpr std::string_view kNames[] = {
    "none",      "run_started", "turn_started",    "text",          "reasoning",   "message",
    "tool_call", "approval",    "tool_started",    "tool_progress", "tool_result", "attempt",
    "turn_done", "op_accepted", "op_rejected",     "snapshot",      "run_done",    "held_text",
    "route",     "model_call",  "model_call_over", "recalled",
};

constexpr char kBase32[] = "0123456789abcdefghjkmnpqrstvwxyz";  // Crockford's

void optional(json::Writer& w, std::string_view key, std::string_view text) {
  if (!text.empty()) w.field(key, text);
}

// Names that are separated by commas, as a list.
void names(json::Writer& w, std::string_view key, std::string_view text) {
  if (text.empty()) return;
  w.key(key).begin_array();
  while (!text.empty()) {
    const size_t comma = std::min(text.find(','), text.size());
    w.string(text.substr(0, comma));
    text.remove_prefix(std::min(comma + 1, text.size()));
  }
  w.end_array();
}

// Arguments come from a model: they are embedded as JSON only when they are JSON.
void arguments(json::Writer& w, std::string_view text) {
  if (json::parse(text).ok()) {
    w.field_raw("arguments", text);
  } else {
    w.field("arguments_text", text);
  }
}

void body_fields(json::Writer& w, const Event& e) {
  switch (e.kind) {
    case EventKind::kRunStarted: w.field("model", e.name).field("session", e.json); break;
    case EventKind::kTurnStarted: w.field("turn", e.number); break;
    case EventKind::kText:
    case EventKind::kReasoning:
    case EventKind::kSnapshot:
    case EventKind::kToolProgress: w.field("text", e.text); break;
    case EventKind::kMessage:
      w.field("text", e.shown_text());
      if (e.response != nullptr) {
        w.field("finish", wire::finish_reason_name(e.response->finish));
        w.field("model", e.response->model);
        w.field_raw("message", wire::to_json(e.response->message));
        w.field_raw("usage", wire::to_json(e.response->usage));
      }
      break;
    case EventKind::kToolCall:
    case EventKind::kToolStarted:
      w.field("tool", e.text);
      arguments(w, e.json);
      if (e.flag) w.field("not_sandboxed", true);
      break;
    case EventKind::kApproval:
      w.field("tool", e.text).field("effect", e.name).field("reason", e.reason);
      arguments(w, e.json);
      if (e.flag) w.field("not_sandboxed", true);
      w.field("policy_epoch", e.number);
      optional(w, "binding", e.binding);
      optional(w, "scope", e.scope);
      break;
    case EventKind::kToolResult:
      w.field("tool", e.name).field("content", e.text).field("is_error", e.flag);
      optional(w, "reason", e.reason);
      optional(w, "held", e.binding);
      names(w, "signals", e.json);
      break;
    case EventKind::kHeldText:
      optional(w, "id", e.name);
      w.field("handle", e.binding).field("text", e.text).field_raw("labels", e.json);
      break;
    case EventKind::kAttempt:
      w.field("attempt", e.number);
      optional(w, "reason", e.reason);
      optional(w, "message", e.text);
      break;
    case EventKind::kRoute:
      w.field("decision", e.binding).field("reason", e.reason).field("attempt", e.number);
      optional(w, "upstream", e.name);
      if (!e.json.empty()) w.field_raw("wait_ms", e.json);
      optional(w, "message", e.text);
      break;
    case EventKind::kModelCall:
      w.field("model", e.text).field("request_id", e.name).field("timeout_ms", e.number);
      if (e.binding.empty()) {
        w.field_raw("request", e.json);
      } else {
        w.field("path", e.binding).field("body", e.json);
      }
      break;
    case EventKind::kModelCallOver: w.field("model", e.text).field("answered", e.flag); break;
    case EventKind::kRecalled: w.field_raw("recall", e.json); break;
    case EventKind::kTurnDone:
      w.field("turn", e.number).field_raw("usage", e.json);
      if (!e.scope.empty()) w.field_raw("prompt_bytes", e.scope).field_raw("prompt_prefix_bytes", e.binding);
      break;
    case EventKind::kOpAccepted: w.field("id", e.name); break;
    case EventKind::kOpRejected:
      optional(w, "id", e.name);
      w.field("reason", e.reason).field("message", e.text);
      break;
    case EventKind::kRunDone: w.field_raw("outcome", e.json); break;
  }
}

// Sums fields up, each on top of those before it.
class Sum {
 public:
  uint64_t value() const { return sum_; }
  void text(std::string_view s) { sum_ = crypto::checksum64(s, sum_); }
  void number(int64_t n) { sum_ = std::rotl((sum_ ^ static_cast<uint64_t>(n)) * kOdd, 32); }

  void operator()(const AssemblePrompt& e) { number(e.call); }
  void operator()(const CallModel& e) { number(e.call), text(e.request_id); }
  void operator()(const CancelModel& e) { number(e.call); }
  void operator()(const AskPolicy& e) { text(e.call.id), text(e.call.name), text(e.call.arguments); }
  void operator()(const CallTool& e) {
    text(e.call_id), number(e.tokens_left), number(e.cost_left_usd_micros);
  }
  void operator()(const CancelTool& e) { text(e.call_id); }
  void operator()(const Commit&) {}
  void operator()(const Append& e) {
    number(e.seq);
    text(e.message ? wire::to_json(*e.message) : std::string());
  }
  // Most members of most events are at their default: a bit says of each whether it is.
  void operator()(const Emit& e) {
    const Event& event = e.event;
    const std::string_view texts[] = {event.call_id, event.shown_text(), event.name, event.reason,
                                      event.json,    event.binding,      event.scope};
    auto head = static_cast<int64_t>(event.kind) << 8 | (event.flag ? 0x80 : 0);
    for (size_t i = 0; i < std::size(texts); ++i) head |= texts[i].empty() ? 0 : int64_t{1} << i;
    number(head);
    number(event.number);
    for (const std::string_view t : texts)
      if (!t.empty()) text(t);
  }
  void operator()(const SetTimer& e) { text(e.name), number(e.delay_ms); }
  void operator()(const CancelTimer& e) { text(e.name); }
  void operator()(const TurnBoundary&) {}
  void operator()(const Finish& e) { number(static_cast<int64_t>(e.code)), text(e.outcome); }

 private:
  static constexpr uint64_t kOdd = 0x9e3779b97f4a7c15u;
  uint64_t sum_ = kOdd;
};

}  // namespace

std::string_view event_name(EventKind kind) {
  const auto i = static_cast<size_t>(kind);
  return i < std::size(kNames) ? kNames[i] : kNames[0];
}

std::string event_json(const Event& event, std::string_view run_id) {
  std::string out;
  json::Writer w(out);
  w.begin_object();
  w.key("event").string(event_name(event.kind));
  w.key("run").string(run_id);
  optional(w, "call_id", event.call_id);
  body_fields(w, event);
  w.end_object();
  return out;
}

std::string_view Event::shown_text() const {
  if (!text.empty() || response == nullptr) return text;
  const std::string* sole = response->message.sole_text();
  return sole != nullptr ? std::string_view(*sole) : std::string_view();
}

void Event::take(Event&& other) {
  kind = other.kind;
  if (!other.call_id.empty()) call_id = std::move(other.call_id);
  if (!other.text.empty()) text = std::move(other.text);
  name = std::move(other.name);
  reason = std::move(other.reason);
  json = std::move(other.json);
  binding = std::move(other.binding);
  scope = std::move(other.scope);
  number = other.number;
  flag = other.flag;
  response = std::move(other.response);
}

void Event::clear() {
  call_id.clear();
  text.clear();
  name.clear();
  reason.clear();
  json.clear();
  binding.clear();
  scope.clear();
  number = 0;
  flag = false;
  response = nullptr;
}

std::string digest_of(const Effects& effects) {
  Sum all;
  for (const Effect& effect : effects) {
    all.number(static_cast<int64_t>(effect.index()));
    std::visit(all, effect);
  }
  uint64_t sum = all.value();
  std::string out(13, '0');
  for (auto at = out.rbegin(); at != out.rend(); ++at, sum >>= 5) *at = kBase32[sum & 31];
  return out;
}

}  // namespace tau::agent
