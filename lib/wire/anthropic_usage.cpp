// Token counts and stop reasons of Anthropic messages. On this wire `input_tokens` leaves out what was read
// from or written to a cache; the model's `input` holds all three.
#include <optional>

#include "wire/anthropic.h"

namespace tau::wire::anthropic {

Usage decode_usage(const json::Value& value) {
  Usage usage;
  if (!value.is_object()) return usage;
  ObjectReader in(value);
  std::optional<int64_t> input;
  std::optional<int64_t> output;
  if (!in.take_int("input_tokens", input)) in.absent("input_tokens");
  if (!in.take_int("output_tokens", output)) in.absent("output_tokens");
  in.form("caches", "true");
  usage.known = true;
  usage.cached_input = value["cache_read_input_tokens"].as_int();
  usage.cache_write = value["cache_creation_input_tokens"].as_int();
  usage.input = input.value_or(0) + usage.cached_input + usage.cache_write;
  usage.output = output.value_or(0);
  usage.reasoning = value["output_tokens_details"]["thinking_tokens"].as_int();
  usage.extras = in.finish(kAnthropicResponse);
  return usage;
}

void write_usage(json::Writer& w, const Usage& usage) {
  ObjectWriter out(w, usage.extras, kAnthropicResponse);
  if (out.wants("input_tokens"))
    out.field("input_tokens", usage.input - usage.cached_input - usage.cache_write);
  if (out.form("caches").empty()) {
    out.field("cache_creation_input_tokens", usage.cache_write);
    out.field("cache_read_input_tokens", usage.cached_input);
  }
  if (out.wants("output_tokens")) out.field("output_tokens", usage.output);
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
