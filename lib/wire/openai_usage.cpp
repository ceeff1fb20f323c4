// Token counts and finish reasons of chat completions.
#include <optional>

#include "wire/openai.h"

namespace tau::wire::openai {
namespace {

// The first of these paths that holds a number.
int64_t first_int(const json::Value& usage,
                  std::initializer_list<std::pair<std::string_view, std::string_view>> paths) {
  for (const auto& [outer, inner] : paths) {
    const json::Value& v = inner.empty() ? usage[outer] : usage[outer][inner];
    if (v.is_integer()) return v.as_int();
  }
  return 0;
}

void write_details(ObjectWriter& out, const Usage& usage) {
  if (usage.cached_input > 0 && out.wants("prompt_tokens_details"))
    out.key("prompt_tokens_details").begin_object().field("cached_tokens", usage.cached_input).end_object();
  if (usage.reasoning > 0 && out.wants("completion_tokens_details"))
    out.key("completion_tokens_details")
        .begin_object()
        .field("reasoning_tokens", usage.reasoning)
        .end_object();
}

}  // namespace

Usage decode_usage(const json::Value& value, std::string_view origin) {
  Usage usage;
  if (!value.is_object()) return usage;
  ObjectReader in(value);
  std::optional<int64_t> input;
  std::optional<int64_t> output;
  if (!in.take_int("prompt_tokens", input)) in.absent("prompt_tokens");
  if (!in.take_int("completion_tokens", output)) in.absent("completion_tokens");
  in.expect("total_tokens");
  in.form("details", "true");
  usage.known = true;
  usage.input = input.value_or(0);
  usage.output = output.value_or(0);
  usage.cached_input = first_int(value, {{"prompt_tokens_details", "cached_tokens"},
                                         {"prompt_cache_hit_tokens", ""},
                                         {"cache_read_input_tokens", ""}});
  usage.cache_write = first_int(
      value, {{"prompt_tokens_details", "cache_write_tokens"}, {"cache_creation_input_tokens", ""}});
  usage.reasoning =
      first_int(value, {{"completion_tokens_details", "reasoning_tokens"}, {"reasoning_tokens", ""}});
  // xAI counts reasoning beside the completion, the others within it; the total tells.
  if (usage.reasoning > 0 && value["total_tokens"].as_int() == usage.input + usage.output + usage.reasoning) {
    usage.output += usage.reasoning;
    in.form("reasoning_beside", "true");
  }
  usage.extras = in.finish(origin);
  return usage;
}

void write_usage(json::Writer& w, const Usage& usage) {
  ObjectWriter out(w, usage.extras, kOpenAiResponse);
  const bool beside = !out.form("reasoning_beside").empty();
  if (out.wants("prompt_tokens")) out.field("prompt_tokens", usage.input);
  if (out.wants("completion_tokens"))
    out.field("completion_tokens", usage.output - (beside ? usage.reasoning : 0));
  if (out.wants("total_tokens")) out.field("total_tokens", usage.input + usage.output);
  if (out.form("details").empty()) write_details(out, usage);
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
    case FinishReason::kContentFilter:
    case FinishReason::kRefusal: return "content_filter";
    case FinishReason::kError: return "error";
    default: return "stop";
  }
}

}  // namespace tau::wire::openai
