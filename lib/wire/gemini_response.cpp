// Whole responses of Gemini, both ways. Candidate 0 is the message; the others stay as they came.
#include <algorithm>
#include <cctype>

#include "wire/choices.h"
#include "wire/error.h"
#include "wire/gemini.h"

namespace tau::wire::gemini {
namespace {

void keep_rest(ObjectReader& in, std::string_view name, const ObjectReader& inner) {
  const json::Value rest = inner.rest();
  in.form(name, rest.is_null() ? "{}" : json::write(rest));
}

void decode_content(const json::Value& content, Response& response, bool with_parts) {
  ObjectReader in(content);
  Calls calls(response.id);
  in.expect("role");
  in.take_exactly("role", "model");
  if (with_parts) in.expect("parts");
  if (const json::Value* parts = with_parts ? in.take_array("parts") : nullptr)
    for (const json::Value& part : parts->as_array())
      response.message.parts.push_back(decode_part(part, kGeminiResponse, calls));
  response.message.extras = in.finish(kGeminiResponse);
}

void decode_candidate(ObjectReader& in, const json::Value& candidate, Response& response, bool with_parts) {
  ObjectReader inner(candidate);
  if (const json::Value* content = inner.take_object("content"))
    decode_content(*content, response, with_parts);
  else
    in.form("message", quoted("absent"));
  inner.take_text("finishReason", response.finish_text);
  keep_rest(in, "choice", inner);
}

void write_candidate(ObjectWriter& out, const Response& response, bool last) {
  json::Writer& w = out.out();
  w.begin_object();
  if (out.form("message").empty()) {
    w.key("content");
    ObjectWriter content(w, response.message.extras, kGeminiResponse);
    const std::vector<Part>& parts = response.message.parts;
    if (last) {
      content.key("parts").begin_array().begin_object().field("text", "").end_object().end_array();
    } else if (std::any_of(parts.begin(), parts.end(), can_answer) || content.wants("parts")) {
      content.key("parts").begin_array();
      for (const Part& part : parts)
        if (can_answer(part)) write_answer_part(w, part);
      w.end_array();
    }
    if (content.wants("role")) content.field("role", "model");
    content.done();
  }
  const std::string_view rest = out.form("choice");
  if (rest.empty())
    w.field("index", 0);
  else
    write_members(w, rest);
  if (const std::string_view finish = finish_text(response); !finish.empty()) w.field("finishReason", finish);
  w.end_object();
}

}  // namespace

std::string_view block_reason(const json::Value& response) {
  return response["promptFeedback"]["blockReason"].as_string();
}

void decode_members(const json::Value& value, Response& response, bool with_parts) {
  ObjectReader in(value);
  for (const std::string_view key : {"candidates", "responseId", "modelVersion"}) in.expect(key);
  in.take_text("responseId", response.id);
  in.take_text("modelVersion", response.model);
  const json::Value* first = take_first_choice(in, "candidates");
  if (first != nullptr) decode_candidate(in, *first, response, with_parts);
  response.finish = finish_reason(response.finish_text, response.message);
  if (first == nullptr && !block_reason(value).empty()) {
    response.finish = FinishReason::kContentFilter;
    response.finish_text = block_reason(value);
  }
  if (const json::Value* usage = in.take_object("usageMetadata")) response.usage = decode_usage(*usage);
  // Marks the origin even when nothing else is to be kept: finish_text is this dialect's own.
  in.form("whole", "true");
  response.extras = in.finish(kGeminiResponse);
}

void write_response(json::Writer& w, const Response& response, bool last) {
  ObjectWriter out(w, response.extras, kGeminiResponse);
  if (out.wants("candidates"))
    write_choices(out, "candidates", [&] { write_candidate(out, response, last); });
  if (response.usage.known) write_usage(out.key("usageMetadata"), response.usage);
  if (!response.model.empty() || out.wants("modelVersion")) out.field("modelVersion", response.model);
  if (!response.id.empty() || out.wants("responseId")) out.field("responseId", response.id);
  out.done();
}

StatusOr<Response> decode_response(std::string_view body, const Quirks&) {
  const StatusOr<json::Value> value = json::parse(body);
  if (!value.ok()) return bad_response(format("the response is not JSON: {}", value.status().message()));
  const json::Value* error = value->find("error");
  if (error != nullptr && !error->is_null() && !value->contains("candidates"))
    return stream_error_status(*error);
  if (!(*value)["candidates"].is_array() && block_reason(*value).empty())
    return bad_response("the response has no \"candidates\"");
  Response response;
  response.message.role = Role::kAssistant;
  response.message.labels = role_labels(Role::kAssistant);
  decode_members(*value, response, true);
  return response;
}

std::string encode_response(const Response& response) {
  std::string text;
  json::Writer w(text);
  write_response(w, response, false);
  return text;
}

GoogleCode google_code(const Status& status) {
  static constexpr std::pair<Code, int> kHttp[] = {
      {Code::kInvalidArgument, 400}, {Code::kFailedPrecondition, 400}, {Code::kOutOfRange, 400},
      {Code::kUnauthenticated, 401}, {Code::kPermissionDenied, 403},   {Code::kNotFound, 404},
      {Code::kAborted, 409},         {Code::kAlreadyExists, 409},      {Code::kResourceExhausted, 429},
      {Code::kCancelled, 499},       {Code::kUnimplemented, 501},      {Code::kUnavailable, 503},
      {Code::kDeadlineExceeded, 504}};
  GoogleCode out{500, std::string(code_name(status.code()))};
  for (const auto& [code, http] : kHttp)
    if (code == status.code()) out.http_status = http;
  if (status.reason() == "server_error") out = {500, "INTERNAL"};
  for (char& c : out.name) c = static_cast<char>(std::toupper(static_cast<unsigned char>(c)));
  return out;
}

}  // namespace tau::wire::gemini
