// Whole responses of Bedrock Converse, both ways.
#include "wire/bedrock.h"
#include "wire/error.h"

namespace tau::wire::bedrock {

FinishReason finish_reason(std::string_view stop_reason) {
  if (stop_reason == "guardrail_intervened" || stop_reason == "content_filtered")
    return FinishReason::kContentFilter;
  if (stop_reason.starts_with("malformed_")) return FinishReason::kError;
  return anthropic::finish_reason(stop_reason);
}

std::string_view stop_reason(const Response& response) {
  const bool own = extras_origin(response.extras) == kBedrockResponse;
  if (own && !response.finish_text.empty()) return response.finish_text;
  switch (response.finish) {
    case FinishReason::kUnknown: return {};
    case FinishReason::kLength: return "max_tokens";
    case FinishReason::kToolCalls: return "tool_use";
    case FinishReason::kContentFilter:
    case FinishReason::kRefusal: return "content_filtered";
    case FinishReason::kError: return "malformed_model_output";
    default: return "end_turn";
  }
}

StatusOr<Response> decode_response(std::string_view body, const Quirks&) {
  StatusOr<json::Value> value = json::parse(body);
  if (!value.ok()) return bad_response(format("the response is not JSON: {}", value.status().message()));
  const json::Value& output = (*value)["output"];
  const json::Value& message = output["message"];
  if (!message["content"].is_array()) {
    if (value->contains("message") || value->contains("Message")) return stream_error_status(*value);
    return bad_response("the response has no \"output\" with a message");
  }
  ObjectReader in(*value);
  Response response;
  response.message.role = Role::kAssistant;
  response.message.labels = Labels::from(Source::kModel);
  for (const std::string_view key : {"stopReason", "usage", "metrics"}) in.expect(key);
  ObjectReader inner(message);
  inner.expect("role");
  inner.take_exactly("role", "assistant");
  for (const json::Value& block : inner.take("content")->as_array())
    response.message.parts.push_back(decode_block(block, kBedrockResponse));
  response.message.extras = inner.finish(kBedrockResponse);
  ObjectReader outer(output);
  outer.take("message");
  in.nested("output", outer);
  in.take("output");
  in.take_text("stopReason", response.finish_text);
  response.finish = finish_reason(response.finish_text);
  if (const json::Value* given = in.take_object("usage")) {
    anthropic::UsageMembers usage;
    const std::string text = json::write(*given);
    if (json::Compactor compactor; compactor.make(text)) usage.merge(compactor.members());
    usage.decode(response.usage, kUsageNames);
  }
  in.form("whole", "true");
  response.extras = in.finish(kBedrockResponse);
  return response;
}

std::string encode_response(const Response& response) {
  std::string text;
  json::Writer w(text);
  ObjectWriter out(w, response.extras, kBedrockResponse);
  out.key("output").begin_object().key("message");
  ObjectWriter message(w, response.message.extras, kBedrockResponse);
  if (message.wants("role")) message.field("role", "assistant");
  message.key("content").begin_array();
  for (const Part& part : response.message.parts)
    if (can_write(part) || is_thought(part)) write_block(w, part);
  w.end_array();
  message.done();
  out.nested("output");
  w.end_object();
  if (const std::string_view stop = stop_reason(response); !stop.empty()) out.field("stopReason", stop);
  if (response.usage.known) anthropic::write_usage(out.key("usage"), response.usage, kUsageNames);
  if (out.wants("metrics")) out.key("metrics").begin_object().field("latencyMs", 0).end_object();
  out.done();
  return text;
}

}  // namespace tau::wire::bedrock
