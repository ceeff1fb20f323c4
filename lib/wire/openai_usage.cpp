// Token counts and finish reasons of chat completions.
#include <algorithm>
#include <optional>

#include "wire/openai.h"
#include "wire/token_count.h"

namespace tau::wire::openai {
namespace {

// The members that are read of a usage object.
struct Counts {
  Counts(const std::vector<json::CompactMember>& members, const UsageNames& names) {
    for (const auto& [key, json] : members) {
      std::string_view* const out = key == names.input                     ? &prompt
                                    : key == names.output                  ? &completion
                                    : key == "total_tokens"                ? &total
                                    : key == names.input_details           ? &prompt_details
                                    : key == names.output_details          ? &completion_details
                                    : key == "prompt_cache_hit_tokens"     ? &cache_hit
                                    : key == "cache_read_input_tokens"     ? &cache_read
                                    : key == "cache_creation_input_tokens" ? &cache_creation
                                    : key == "reasoning_tokens"            ? &reasoning
                                                                           : nullptr;
      if (out != nullptr) *out = json;
    }
  }
  std::string_view prompt;
  std::string_view completion;
  std::string_view total;
  std::string_view prompt_details;
  std::string_view completion_details;
  std::string_view cache_hit;
  std::string_view cache_read;
  std::string_view cache_creation;
  std::string_view reasoning;
};

// Chat completions leaves out details that are zero.
void write_details(ObjectWriter& out, const Usage& usage, const UsageNames& names) {
  const bool all = names.origin != kOpenAiResponse;
  if ((all || usage.cached_input > 0 || usage.cache_write > 0) && out.wants(names.input_details)) {
    json::Writer& w = out.key(names.input_details).begin_object();
    w.field("cached_tokens", usage.cached_input);
    if (usage.cache_write > 0) w.field("cache_write_tokens", usage.cache_write);
    w.end_object();
  }
  if ((all || usage.reasoning > 0) && out.wants(names.output_details))
    out.key(names.output_details).begin_object().field("reasoning_tokens", usage.reasoning).end_object();
}

}  // namespace

Usage decode_usage(const std::vector<json::CompactMember>& members, const UsageNames& names) {
  Usage usage;
  const Counts counts(members, names);
  const std::optional<int64_t> input = token_count(counts.prompt);
  const std::optional<int64_t> output = token_count(counts.completion);
  constexpr size_t kForms = 2;
  size_t bytes = 64;  // of the forms
  for (const auto& [key, json] : members) bytes += key.size() + json.size();
  Extras& extras = usage.extras;
  extras.reserve(members.size() + kForms, bytes);
  extras.add("tau:from", origin_mark(names.origin));
  if (!input) set_absent(extras, names.input);
  if (!output) set_absent(extras, names.output);
  if (counts.total.empty()) set_absent(extras, "total_tokens");
  extras.add("tau:details", "true");
  usage.known = true;
  usage.input = input.value_or(0);
  usage.output = output.value_or(0);
  const std::string_view cached = json::compact_member(counts.prompt_details, "cached_tokens");
  const std::string_view written = json::compact_member(counts.prompt_details, "cache_write_tokens");
  const std::string_view within = json::compact_member(counts.completion_details, "reasoning_tokens");
  usage.cached_input = first_token_count({cached, counts.cache_hit, counts.cache_read});
  usage.cache_write = first_token_count({written, counts.cache_creation});
  usage.reasoning = first_token_count({within, counts.reasoning});
  // xAI counts reasoning beside the completion, the others within it; the total tells.
  if (usage.reasoning > 0 &&
      json::compact_int(counts.total) == usage.input + usage.output + usage.reasoning) {
    usage.output += usage.reasoning;
    set_form(extras, "reasoning_beside", "true");
  }
  std::string scratch;
  for (const auto& [key, json] : members) {
    const bool taken = (key == names.input && input) || (key == names.output && output);
    if (!taken) add_member(extras, json::compact_key(key, scratch), json);
  }
  return usage;
}

void write_usage(json::Writer& w, const Usage& usage, const UsageNames& names) {
  ObjectWriter out(w, usage.extras, names.origin);
  const bool beside = !out.form("reasoning_beside").empty();
  if (out.wants(names.input)) out.field(names.input, usage.input);
  if (out.wants(names.output)) out.field(names.output, usage.output - (beside ? usage.reasoning : 0));
  if (out.wants("total_tokens")) out.field("total_tokens", usage.input + usage.output);
  if (out.form("details").empty()) write_details(out, usage, names);
  out.done();
}

FinishReason finish_reason(std::string_view text, bool has_calls, bool has_refusal) {
  if (text == "stop" || text == "tool_calls" || text == "function_call" || text == "eos" ||
      text == "end_turn") {
    if (has_calls) return FinishReason::kToolCalls;
    return has_refusal ? FinishReason::kRefusal : FinishReason::kStop;
  }
  if (text == "length" || text == "max_tokens" || text == "model_length") return FinishReason::kLength;
  if (text == "content_filter") return FinishReason::kContentFilter;
  if (text == "refusal") return FinishReason::kRefusal;
  if (text == "error") return FinishReason::kError;
  return text.empty() ? FinishReason::kUnknown : FinishReason::kOther;
}

std::string_view finish_text(const Response& response) {
  const bool own = extras_origin(response.extras) == kOpenAiResponse;
  if (own && !response.finish_text.empty()) return response.finish_text;
  switch (response.finish) {
    case FinishReason::kUnknown: return {};
    case FinishReason::kLength: return "length";
    case FinishReason::kToolCalls: return "tool_calls";
    case FinishReason::kRefusal: {
      const std::vector<Part>& parts = response.message.parts;
      if (std::any_of(parts.begin(), parts.end(), is_refusal)) return "stop";
      return "content_filter";
    }
    case FinishReason::kContentFilter: return "content_filter";
    case FinishReason::kError: return "error";
    default: return "stop";
  }
}

}  // namespace tau::wire::openai
