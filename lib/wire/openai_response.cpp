// Whole responses of chat completions, both ways. Choice 0 is the message; the others stay as they came.
#include "wire/choices.h"
#include "wire/error.h"
#include "wire/openai.h"
#include "wire/text_tool_calls.h"

namespace tau::wire::openai {
namespace {

bool has_call(const Message& message) {
  for (const Part& part : message.parts)
    if (is_call(part)) return true;
  return false;
}

void decode_choices(ObjectReader& in, Response& response) {
  const json::Value* first = take_first_choice(in, "choices");
  if (first == nullptr) return;
  ObjectReader choice(*first);
  if (const json::Value* message = choice.take_object("message"))
    response.message = decode_message(*message, kOpenAiResponse, response.id);
  else
    in.form("message", quoted("absent"));
  choice.take_text("finish_reason", response.finish_text);
  const json::Value* refusal = (*first)["message"].find("refusal");
  response.finish = finish_reason(response.finish_text, has_call(response.message),
                                  refusal != nullptr && !refusal->as_string().empty());
  const json::Value rest = choice.rest();
  in.form("choice", rest.is_null() ? "{}" : json::write(rest));
}

void write_choice(ObjectWriter& out, const Response& response) {
  json::Writer& w = out.out();
  w.begin_object();
  const std::string_view rest = out.form("choice");
  if (rest.empty())
    w.field("index", 0);
  else
    write_members(w, rest);
  if (out.form("message").empty()) {
    w.key("message");
    write_response_message(w, response.message);
  }
  const std::string_view finish = finish_text(response);
  if (!finish.empty())
    w.field("finish_reason", finish);
  else if (rest.empty())
    w.key("finish_reason").null();
  w.end_object();
}

}  // namespace

StatusOr<Response> decode_response(std::string_view body, const Quirks& quirks) {
  StatusOr<json::Value> value = json::parse(body);
  if (!value.ok()) return bad_response(format("the response is not JSON: {}", value.status().message()));
  const json::Value* error = value->find("error");
  if (error != nullptr && !error->is_null() && !value->contains("choices"))
    return stream_error_status(*error);
  if (!(*value)["choices"].is_array()) return bad_response("the response has no \"choices\"");
  ObjectReader in(*value);
  Response response;
  response.message.role = Role::kAssistant;
  response.message.labels = Labels::from(Source::kModel);
  for (const std::string_view key : {"id", "object", "created", "model"}) in.expect(key);
  in.take_exactly("object", "chat.completion");
  in.take_text("id", response.id);
  in.take_text("model", response.model);
  if (std::optional<int64_t> created; in.take_int("created", created)) response.created = *created;
  decode_choices(in, response);
  if (const json::Value* usage = in.take_object("usage")) {
    const std::string text = json::write(*usage);
    if (json::Compactor compactor; compactor.make(text)) response.usage = decode_usage(compactor.members());
  }
  // Marks the origin even when nothing else is to be kept: finish_text is this dialect's own.
  in.form("whole", "true");
  response.extras = in.finish(kOpenAiResponse);
  if (quirks.text_tool_calls) extract_text_tool_calls(response);
  return response;
}

std::string encode_response(const Response& response) {
  std::string text;
  json::Writer w(text);
  ObjectWriter out(w, response.extras, kOpenAiResponse);
  if (!response.id.empty() || out.wants("id")) out.field("id", response.id);
  if (out.wants("object")) out.field("object", "chat.completion");
  if (out.wants("created")) out.field("created", response.created);
  if (!response.model.empty() || out.wants("model")) out.field("model", response.model);
  if (out.wants("choices")) write_choices(out, "choices", [&] { write_choice(out, response); });
  if (response.usage.known) write_usage(out.key("usage"), response.usage);
  out.done();
  return text;
}

}  // namespace tau::wire::openai
