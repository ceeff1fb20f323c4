// Whole responses of Cohere's chat, both ways, and its counts: "tokens" is what the model saw, "billed_units"
// what is paid for.
#include <algorithm>

#include "wire/cohere.h"
#include "wire/error.h"
#include "wire/token_count.h"

namespace tau::wire::cohere {
namespace {

std::optional<int64_t> count_of(const json::Value& value) {
  constexpr int64_t kNone = -1;
  const int64_t n = value.as_int(kNone);  // 12.0 counts
  return n >= 0 && n <= kMostTokens ? std::optional<int64_t>(n) : std::nullopt;
}

}  // namespace

Part reasoning_part(std::string_view field) {
  Part part{Reasoning{}, {}};
  set_form(part.extras, "fields", list_json({std::string(field)}));
  mark_origin(part.extras, kCohereResponse);
  return part;
}

Message own_plain_message(const Message& message) {
  Message out = message;
  for (Part& part : out.parts) {
    const auto* reasoning = part.as<Reasoning>();
    const bool plain = reasoning != nullptr && reasoning->form == Reasoning::Form::kPlain;
    if (plain && !extras_belong(part.extras, kCohere)) part.extras = reasoning_part("thinking").extras;
  }
  return out;
}

Message own_message(const Message& message) {
  Message out = message;
  for (Part& part : out.parts) {
    const auto* reasoning = part.as<Reasoning>();
    const bool own = extras_belong(part.extras, kCohere) && !find_form(part.extras, "fields").empty();
    if (reasoning != nullptr && !own) part.extras = reasoning_part("thinking").extras;
  }
  std::erase_if(out.parts, [](const Part& part) {
    const auto* reasoning = part.as<Reasoning>();
    return reasoning != nullptr && reasoning->text.empty() && !reasoning->opaque.empty();
  });
  return out;
}

Usage decode_usage(const json::Value& value) {
  ObjectReader in(value);
  Usage usage;
  usage.known = true;
  const json::Value* tokens = in.peek("tokens");
  const bool counted = tokens != nullptr && tokens->is_object();
  const json::Value& counts = counted ? *tokens : value["billed_units"];
  const std::optional<int64_t> input = count_of(counts["input_tokens"]);
  const std::optional<int64_t> output = count_of(counts["output_tokens"]);
  usage.input = input.value_or(0);
  usage.output = output.value_or(0);
  if (counted && input && output) {
    ObjectReader inner(*tokens);
    inner.take("input_tokens");
    inner.take("output_tokens");
    in.kept("tokens", inner);
  }
  in.expect("cached_tokens");
  if (const std::optional<int64_t> cached = count_of(value["cached_tokens"])) {
    in.take("cached_tokens");
    usage.cached_input = *cached;
  }
  usage.extras = in.finish(kCohereResponse);
  return usage;
}

void write_usage(json::Writer& w, const Usage& usage) {
  ObjectWriter out(w, usage.extras, kCohereResponse);
  const bool native = extras_origin(usage.extras) == kCohereResponse;
  const std::vector<ObjectWriter::Setting> counts = {{"input_tokens", std::to_string(usage.input)},
                                                     {"output_tokens", std::to_string(usage.output)}};
  if (!native) out.settings("billed_units", counts);
  if (!native || !out.form("tokens").empty()) out.settings("tokens", counts);
  if (native ? out.wants("cached_tokens") : usage.cached_input > 0)
    out.field("cached_tokens", usage.cached_input);
  out.done();
}

FinishReason finish_reason(std::string_view text) {
  if (text == "COMPLETE" || text == "STOP_SEQUENCE") return FinishReason::kStop;
  if (text == "MAX_TOKENS") return FinishReason::kLength;
  if (text == "TOOL_CALL") return FinishReason::kToolCalls;
  if (text == "ERROR" || text == "TIMEOUT") return FinishReason::kError;
  if (text == "ERROR_TOXIC") return FinishReason::kContentFilter;
  return text.empty() ? FinishReason::kUnknown : FinishReason::kOther;
}

std::string_view finish_text(const Response& response) {
  const bool own = extras_origin(response.extras) == kCohereResponse;
  if (own && !response.finish_text.empty()) return response.finish_text;
  switch (response.finish) {
    case FinishReason::kUnknown: return {};
    case FinishReason::kLength: return "MAX_TOKENS";
    case FinishReason::kToolCalls: return "TOOL_CALL";
    case FinishReason::kContentFilter:
    case FinishReason::kRefusal: return "ERROR_TOXIC";
    case FinishReason::kError: return "ERROR";
    default: return "COMPLETE";
  }
}

StatusOr<Response> decode_response(std::string_view body, const Quirks&) {
  StatusOr<json::Value> value = json::parse(body);
  if (!value.ok()) return bad_response(format("the response is not JSON: {}", value.status().message()));
  if (!(*value)["message"].is_object()) {
    if (value->contains("message") || value->contains("error")) return stream_error_status(*value);
    return bad_response("the response has no \"message\"");
  }
  ObjectReader in(*value);
  Response response;
  in.expect("id");
  in.take_text("id", response.id);
  in.take_text("model", response.model);
  response.message = openai::decode_message(*in.take("message"), kCohereResponse, response.id, kFlavor);
  in.take_text("finish_reason", response.finish_text);
  response.finish = finish_reason(response.finish_text);
  if (const json::Value* usage = in.take_object("usage")) response.usage = decode_usage(*usage);
  in.form("whole", "true");
  response.extras = in.finish(kCohereResponse);
  return response;
}

std::string encode_response(const Response& response) {
  std::string text;
  json::Writer w(text);
  const bool native = extras_origin(response.extras) == kCohereResponse;
  ObjectWriter out(w, response.extras, kCohereResponse);
  if (!response.id.empty() || out.wants("id")) out.field("id", response.id);
  if (native && !response.model.empty()) out.field("model", response.model);
  openai::write_response_message(out.key("message"), own_message(response.message), kFlavor);
  if (const std::string_view reason = finish_text(response); !reason.empty())
    out.field("finish_reason", reason);
  if (response.usage.known) write_usage(out.key("usage"), response.usage);
  out.done();
  return text;
}

}  // namespace tau::wire::cohere
