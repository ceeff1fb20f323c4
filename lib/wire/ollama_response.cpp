// Whole answers of Ollama's chat, both ways.
#include <algorithm>

#include "base/base.h"
#include "wire/error.h"
#include "wire/ollama.h"
#include "wire/text_tool_calls.h"
#include "wire/token_count.h"

namespace tau::wire::ollama {
namespace {

bool take_count(ObjectReader& in, std::string_view key, int64_t& count) {
  const json::Value* v = in.peek(key);
  const std::optional<int64_t> n = v == nullptr ? std::nullopt : token_count(json::write(*v));
  in.expect(key);
  if (!n) return false;
  in.take(key);
  count = *n;
  return true;
}

bool has_calls(const Message& message) {
  return std::any_of(message.parts.begin(), message.parts.end(),
                     [](const Part& part) { return part.as<ToolCall>() != nullptr; });
}

std::string_view done_reason(const Response& response) {
  const bool own = extras_origin(response.extras) == kOllamaResponse;
  if (own && !response.finish_text.empty()) return response.finish_text;
  if (response.finish == FinishReason::kUnknown) return {};
  return response.finish == FinishReason::kLength ? "length" : "stop";
}

}  // namespace

FinishReason finish_reason(std::string_view done_reason, bool has_calls) {
  if (done_reason == "stop") return has_calls ? FinishReason::kToolCalls : FinishReason::kStop;
  if (done_reason == "length") return FinishReason::kLength;
  return done_reason.empty() ? FinishReason::kUnknown : FinishReason::kOther;
}

std::string call_prefix(std::string_view created_at) {
  std::string out;
  for (const char c : created_at.substr(0, 40))
    if ((c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z')) out += c;
  return out;
}

StatusOr<Response> decode_response(std::string_view body, const Quirks& quirks) {
  StatusOr<json::Value> value = json::parse(body);
  if (!value.ok()) return bad_response(format("the response is not JSON: {}", value.status().message()));
  const json::Value* error = value->find("error");
  if (error != nullptr && !error->is_null() && !value->contains("message"))
    return stream_error_status(*error);
  if (!(*value)["message"].is_object()) return bad_response("the response has no \"message\"");
  ObjectReader in(*value);
  Response response;
  for (const std::string_view key : {"model", "created_at", "done", "done_reason"}) in.expect(key);
  in.take_text("model", response.model);
  const std::string_view created_at = (*value)["created_at"].as_string();
  response.created = parse_utc(created_at);
  in.take_true("done");
  in.take_text("done_reason", response.finish_text);
  response.message =
      openai::decode_message(*in.take("message"), kOllamaResponse, call_prefix(created_at), kFlavor);
  response.finish = finish_reason(response.finish_text, has_calls(response.message));
  const bool given = take_count(in, "prompt_eval_count", response.usage.input);
  const bool made = take_count(in, "eval_count", response.usage.output);
  response.usage.known = given || made;
  in.form("whole", "true");
  response.extras = in.finish(kOllamaResponse);
  if (quirks.text_tool_calls) extract_text_tool_calls(response);
  return response;
}

void write_rest(ObjectWriter& out, const Response& response) {
  if (!response.model.empty() || out.wants("model")) out.field("model", response.model);
  if (out.wants("created_at")) out.field("created_at", utc_text(response.created));
  if (out.wants("done")) out.field("done", true);
  if (const std::string_view reason = done_reason(response); !reason.empty())
    out.field("done_reason", reason);
  if (!response.usage.known) return;
  if (out.wants("prompt_eval_count")) out.field("prompt_eval_count", response.usage.input);
  if (out.wants("eval_count")) out.field("eval_count", response.usage.output);
}

std::string encode_response(const Response& response) {
  std::string text;
  json::Writer w(text);
  ObjectWriter out(w, response.extras, kOllamaResponse);
  openai::write_response_message(out.key("message"), response.message, kFlavor);
  write_rest(out, response);
  out.done();
  return text;
}

}  // namespace tau::wire::ollama
