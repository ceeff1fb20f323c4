// Whole responses of the Responses dialect, both ways, and what a response object says beside its output.
#include <algorithm>

#include "wire/error.h"
#include "wire/responses.h"

namespace tau::wire::responses {
namespace {

// What a response object must have and no other dialect says.
struct Default {
  std::string_view key;
  std::string_view json;
};
constexpr Default kDefaults[] = {{"background", "false"},
                                 {"completed_at", "null"},
                                 {"frequency_penalty", "0.0"},
                                 {"instructions", "null"},
                                 {"max_output_tokens", "null"},
                                 {"max_tool_calls", "null"},
                                 {"metadata", "{}"},
                                 {"parallel_tool_calls", "true"},
                                 {"presence_penalty", "0.0"},
                                 {"previous_response_id", "null"},
                                 {"prompt_cache_key", "null"},
                                 {"reasoning", R"({"effort":null,"summary":null})"},
                                 {"safety_identifier", "null"},
                                 {"service_tier", R"("default")"},
                                 {"store", "false"},
                                 {"temperature", "1.0"},
                                 {"text", R"({"format":{"type":"text"}})"},
                                 {"tool_choice", R"("auto")"},
                                 {"tools", "[]"},
                                 {"top_logprobs", "0"},
                                 {"top_p", "1.0"},
                                 {"truncation", R"("disabled")"}};

FinishReason finish_of(std::string_view status, std::string_view incomplete, const Message& message) {
  const auto any = [&](auto test) { return std::any_of(message.parts.begin(), message.parts.end(), test); };
  if (status == "completed") {
    if (any([](const Part& part) { return part.as<ToolCall>() != nullptr; })) return FinishReason::kToolCalls;
    return any(is_refusal) ? FinishReason::kRefusal : FinishReason::kStop;
  }
  if (status == "incomplete" && incomplete == "content_filter") return FinishReason::kContentFilter;
  if (status == "incomplete" && incomplete == "max_output_tokens") return FinishReason::kLength;
  if (status == "failed") return FinishReason::kError;
  return status.empty() || status == "in_progress" || status == "queued" ? FinishReason::kUnknown
                                                                         : FinishReason::kOther;
}

// Why a response of another dialect is not complete; empty when it is.
std::string_view incomplete_reason(const Response& response) {
  if (response.finish == FinishReason::kLength) return "max_output_tokens";
  return response.finish == FinishReason::kContentFilter ? "content_filter" : "";
}

bool is_native(const Response& response) { return extras_origin(response.extras) == kResponsesResponse; }

void write_details(ObjectWriter& out, const Response& response) {
  json::Writer& error = out.key("error");
  if (response.finish == FinishReason::kError)
    error.begin_object().field("code", "server_error").field("message", response.finish_text).end_object();
  else
    error.null();
  json::Writer& details = out.key("incomplete_details");
  if (const std::string_view reason = incomplete_reason(response); !reason.empty())
    details.begin_object().field("reason", reason).end_object();
  else
    details.null();
}

void write_object(json::Writer& w, const Response& response, std::string_view status, bool head) {
  ObjectWriter out(w, response.extras, kResponsesResponse);
  if (!response.id.empty() || out.wants("id")) out.field("id", response.id);
  if (out.wants("object")) out.field("object", "response");
  if (out.wants("created_at")) out.field("created_at", response.created);
  if (!status.empty()) out.field("status", status);
  if (!response.model.empty() || out.wants("model")) out.field("model", response.model);
  if (!is_native(response)) {
    write_details(out, response);
    for (const auto& [key, json] : kDefaults)
      if (out.wants(key)) out.raw(key, json);
  }
  out.key("output").begin_array();
  if (!head) {
    const std::optional<Part> mark = refusal_mark(response);
    std::vector<const Part*> parts = pointers_to(response.message.parts);
    if (mark) parts.push_back(&*mark);
    ItemWriter(w, kResponsesResponse, response.id).write(parts, Role::kAssistant);
  }
  w.end_array();
  if (response.usage.known && !head)
    openai::write_usage(out.key("usage"), response.usage, kUsage);
  else if (!is_native(response))
    out.key("usage").null();
  out.done();
}

}  // namespace

std::string_view status_of(const Response& response) {
  if (is_native(response)) return response.finish_text;
  if (response.finish == FinishReason::kError) return "failed";
  return incomplete_reason(response).empty() ? "completed" : "incomplete";
}

void decode_members(ObjectReader& in, Response& response) {
  for (const std::string_view key : {"id", "object", "created_at", "model"}) in.expect(key);
  in.take_exactly("object", "response");
  in.take_text("id", response.id);
  in.take_text("model", response.model);
  if (std::optional<int64_t> created; in.take_int("created_at", created)) response.created = *created;
  const json::Value* details = in.peek("incomplete_details");
  const json::Value* reason = details != nullptr ? details->find("reason") : nullptr;
  in.take_text("status", response.finish_text);
  response.finish = finish_of(response.finish_text,
                              reason != nullptr ? reason->as_string() : std::string_view(), response.message);
  if (const json::Value* usage = in.take_object("usage")) {
    const std::string text = json::write(*usage);
    if (json::Compactor compactor; compactor.make(text))
      response.usage = openai::decode_usage(compactor.members(), kUsage);
  }
  // Marks the origin even when nothing else is to be kept: finish_text is this dialect's own.
  in.form("whole", "true");
  response.extras = in.finish(kResponsesResponse);
}

void write_response(json::Writer& out, const Response& response) {
  write_object(out, response, status_of(response), false);
}

void write_head(json::Writer& out, const Response& head) { write_object(out, head, "in_progress", true); }

StatusOr<Response> decode_response(std::string_view body, const Quirks&) {
  StatusOr<json::Value> value = json::parse(body);
  if (!value.ok()) return bad_response(format("the response is not JSON: {}", value.status().message()));
  const json::Value* error = value->find("error");
  const bool failed = (*value)["status"].as_string() == "failed" || !value->contains("output");
  if (failed && error != nullptr && !error->is_null()) return stream_error_status(*value);
  if (!(*value)["output"].is_array()) return bad_response("the response has no \"output\"");
  ObjectReader in(*value);
  Response response;
  response.message.role = Role::kAssistant;
  response.message.labels = role_labels(Role::kAssistant);
  in.take_text("id", response.id);
  size_t position = 0;
  for (const json::Value& item : in.take("output")->as_array())
    decode_item(item, Role::kAssistant, kResponsesResponse, response.id, position++, response.message.parts);
  decode_members(in, response);
  return response;
}

std::string encode_response(const Response& response) {
  std::string text;
  json::Writer w(text);
  write_response(w, response);
  return text;
}

}  // namespace tau::wire::responses
