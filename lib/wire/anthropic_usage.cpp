// Token counts and stop reasons of Anthropic messages. On this wire `input_tokens` leaves out what was read
// from or written to a cache; the model's `input` holds all three.
#include <algorithm>
#include <optional>

#include "wire/anthropic.h"
#include "wire/token_count.h"

namespace tau::wire::anthropic {
namespace {

bool is_number(std::string_view json) {
  return json.front() == '-' || (json.front() >= '0' && json.front() <= '9');
}
// The members as JSON; keys are as they are written.
std::string object_of(const Extras& members) {
  std::string out = "{";
  for (const auto& [key, json] : members) {
    if (out.size() > 1) out += ',';
    out.append("\"").append(key).append("\":").append(json);
  }
  return out += '}';
}

bool is_zero(std::string_view json) { return json == "0" || json == "0.0" || json == "-0.0"; }

}  // namespace

void UsageMembers::merge(const std::vector<json::CompactMember>& members) {
  known_ = true;
  const bool first = members_.empty();
  size_t bytes = 0;
  for (const auto& [key, json] : members) bytes += key.size() + json.size();
  if (first) members_.reserve(members.size(), bytes);
  for (const auto& [key, json] : members) first ? members_.add(key, json) : merge(key, json);
}

// Later counts replace earlier ones, but a null or zero does not replace a number: servers repeat the counts
// in message_delta, or fill in only there.
void UsageMembers::merge(std::string_view key, std::string_view json) {
  const std::string_view known = members_.find(key);
  if (known == json) return;
  if (known.empty()) {
    members_.add(key, json);
  } else if (json.front() == '{' && known.front() == '{') {
    UsageMembers inner;
    for (const std::string_view object : {known, json})
      for (json::CompactMembers member(object); member.next();) inner.merge(member.key(), member.json());
    members_.set(key, object_of(inner.members_));
  } else if (json != "null" && !(is_zero(json) && is_number(known))) {
    members_.set(key, json);
  }
}

void UsageMembers::decode(Usage& usage, const UsageNames& names) const {
  if (!known_) return;
  const std::optional<int64_t> input = token_count(members_.find(names.input));
  const std::optional<int64_t> output = token_count(members_.find(names.output));
  usage.known = true;
  usage.cached_input = first_token_count({members_.find(names.cache_read)});
  usage.cache_write = first_token_count({members_.find(names.cache_write)});
  usage.input = input.value_or(0) + usage.cached_input + usage.cache_write;
  usage.output = output.value_or(0);
  usage.reasoning =
      first_token_count({json::compact_member(members_.find("output_tokens_details"), "thinking_tokens")});
  Extras& extras = usage.extras;
  extras.clear();
  constexpr size_t kForms = 2;
  constexpr size_t kFormBytes = 64;
  extras.reserve(kForms, kFormBytes + members_.bytes());
  extras.add("tau:from", origin_mark(names.origin));
  if (!input) set_absent(extras, names.input);
  if (!output) set_absent(extras, names.output);
  if (!names.total.empty() && members_.find(names.total).empty()) set_absent(extras, names.total);
  extras.add("tau:caches", "true");
  std::string scratch;
  for (const auto& [key, json] : members_) {
    const bool taken = (key == names.input && input) || (key == names.output && output);
    if (!taken) add_member(extras, json::compact_key(key, scratch), json);
  }
}

void write_usage(json::Writer& w, const Usage& usage, const UsageNames& names) {
  ObjectWriter out(w, usage.extras, names.origin);
  if (out.wants(names.input)) out.field(names.input, usage.input - usage.cached_input - usage.cache_write);
  if (out.form("caches").empty()) {
    out.field(names.cache_write, usage.cache_write);
    out.field(names.cache_read, usage.cached_input);
  }
  if (out.wants(names.output)) out.field(names.output, usage.output);
  constexpr std::string_view kDetails = "output_tokens_details";
  if (usage.reasoning > 0 && names.origin == kAnthropicResponse && out.wants(kDetails))
    out.key(kDetails).begin_object().field("thinking_tokens", usage.reasoning).end_object();
  if (!names.total.empty() && out.wants(names.total)) out.field(names.total, usage.input + usage.output);
  out.done();
}

FinishReason finish_reason(std::string_view stop_reason) {
  if (stop_reason == "end_turn" || stop_reason == "stop_sequence") return FinishReason::kStop;
  if (stop_reason == "max_tokens" || stop_reason == "model_context_window_exceeded")
    return FinishReason::kLength;
  if (stop_reason == "tool_use") return FinishReason::kToolCalls;
  if (stop_reason == "pause_turn") return FinishReason::kPause;
  if (stop_reason == "refusal") return FinishReason::kRefusal;
  return stop_reason.empty() ? FinishReason::kUnknown : FinishReason::kOther;
}

std::string_view stop_reason(const Response& response) {
  const bool own = extras_origin(response.extras) == kAnthropicResponse;
  if (own && !response.finish_text.empty()) return response.finish_text;
  switch (response.finish) {
    case FinishReason::kUnknown: return {};
    case FinishReason::kLength: return "max_tokens";
    case FinishReason::kToolCalls: return "tool_use";
    case FinishReason::kContentFilter:
    case FinishReason::kRefusal: return "refusal";
    case FinishReason::kPause: return "pause_turn";
    default: return "end_turn";
  }
}

}  // namespace tau::wire::anthropic
