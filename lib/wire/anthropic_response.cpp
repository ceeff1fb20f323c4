// Whole responses of Anthropic messages, both ways.
#include "wire/anthropic.h"
#include "wire/error.h"
#include "wire/turns.h"

namespace tau::wire::anthropic {

StatusOr<Response> decode_response(std::string_view body, const Quirks&) {
  StatusOr<json::Value> value = json::parse(body);
  if (!value.ok()) return bad_response(format("the response is not JSON: {}", value.status().message()));
  if ((*value)["type"].as_string() == "error" ||
      ((*value)["error"].is_object() && !value->contains("content")))
    return stream_error_status(*value);
  if (!(*value)["content"].is_array()) return bad_response("the response has no \"content\"");
  ObjectReader in(*value);
  Response response;
  response.message.role = Role::kAssistant;
  response.message.labels = Labels::from(Source::kModel);
  for (const std::string_view key : {"id", "type", "role", "model", "stop_reason", "stop_sequence"})
    in.expect(key);
  in.take_exactly("type", "message");
  in.take_exactly("role", "assistant");
  in.take_text("id", response.id);
  in.take_text("model", response.model);
  for (const json::Value& block : in.take("content")->as_array())
    response.message.parts.push_back(decode_block(block, kAnthropicResponse));
  in.take_text("stop_reason", response.finish_text);
  response.finish = finish_reason(response.finish_text);
  if (const json::Value* given = in.take_object("usage")) {
    UsageMembers usage;
    const std::string text = json::write(*given);
    if (json::Compactor compactor; compactor.make(text)) usage.merge(compactor.members());
    usage.decode(response.usage);
  }
  in.form("whole", "true");
  response.extras = in.finish(kAnthropicResponse);
  return response;
}

std::string encode_response(const Response& response) {
  std::string text;
  json::Writer w(text);
  ObjectWriter out(w, response.extras, kAnthropicResponse);
  if (!response.id.empty() || out.wants("id")) out.field("id", response.id);
  if (out.wants("type")) out.field("type", "message");
  if (out.wants("role")) out.field("role", "assistant");
  if (!response.model.empty() || out.wants("model")) out.field("model", response.model);
  out.key("content").begin_array();
  for (const Part& part : response.message.parts)
    if (can_write(part) || is_thought(part)) write_block(w, part);
  w.end_array();
  if (const std::string_view stop = stop_reason(response); !stop.empty())
    out.field("stop_reason", stop);
  else if (out.wants("stop_reason"))
    out.key("stop_reason").null();
  if (out.wants("stop_sequence")) out.key("stop_sequence").null();
  if (response.usage.known) write_usage(out.key("usage"), response.usage);
  out.done();
  return text;
}

}  // namespace tau::wire::anthropic
