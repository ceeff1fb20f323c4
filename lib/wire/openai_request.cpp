// Requests of chat completions: decoding.
#include "wire/openai.h"
#include "wire/turns.h"

namespace tau::wire::openai {
namespace {

// "auto", "none", "required" (Mistral: "any"), or one function by name.
void decode_tool_choice(ObjectReader& in, ToolChoice& choice) {
  const json::Value* v = in.peek("tool_choice");
  if (v == nullptr) return;
  const std::string_view word = v->as_string();
  choice.mode = choice_mode(word);
  if (word == "any") in.form("tool_choice", quoted(word));
  const json::Value& function = (*v)["function"];
  if (v->size() == 2 && (*v)["type"].as_string() == "function" && function.size() == 1 &&
      function["name"].is_string()) {
    choice.mode = ToolChoice::Mode::kNamed;
    choice.name = function["name"].as_string();
  }
  if (choice.mode != ToolChoice::Mode::kUnset) in.take("tool_choice");
}

void decode_response_format(ObjectReader& in, ResponseFormat& out) {
  const json::Value* v = in.peek("response_format");
  if (v == nullptr) return;
  ObjectReader outer(*v);
  const std::string_view type = (*v)["type"].as_string();
  if (type == "text") out.kind = ResponseFormat::Kind::kText;
  if (type == "json_object") out.kind = ResponseFormat::Kind::kJsonObject;
  const json::Value& schema = (*v)["json_schema"];
  if (type == "json_schema" && schema["name"].is_string()) {
    out.kind = ResponseFormat::Kind::kJsonSchema;
    ObjectReader inner(*outer.take("json_schema"));
    inner.take_string("name", out.name);
    if (const json::Value* body = inner.take_object("schema")) out.schema = json::write(*body);
    out.strict = inner.take_true("strict");
    in.nested("json_schema", inner);
  }
  if (out.kind == ResponseFormat::Kind::kUnset) return;
  outer.take("type");
  in.nested("response_format", outer);
  in.take("response_format");
}

void decode_stop(ObjectReader& in, std::vector<std::string>& stop) {
  const json::Value* v = in.peek("stop");
  if (v == nullptr) return;
  if (v->is_string()) {
    stop.emplace_back(in.take("stop")->as_string());
    in.form("stop", quoted("string"));
    return;
  }
  in.take_strings("stop", stop);
}

// "reasoning_effort", or OpenRouter's {"reasoning":{"effort":…}}.
void decode_effort(ObjectReader& in, std::string& effort) {
  if (!in.take_text("reasoning_effort", effort)) decode_effort_object(in, effort);
}

void decode_options(ObjectReader& in, Request& request) {
  if (in.take_int("max_completion_tokens", request.max_tokens))
    in.form("max_tokens", quoted("max_completion_tokens"));
  else
    in.take_int("max_tokens", request.max_tokens);
  in.take_double("temperature", request.temperature);
  in.take_double("top_p", request.top_p);
  in.take_int("seed", request.seed);
  in.take_bool("parallel_tool_calls", request.parallel_tool_calls);
  decode_tool_choice(in, request.tool_choice);
  decode_response_format(in, request.response_format);
  decode_stop(in, request.stop);
  decode_effort(in, request.reasoning_effort);
  request.stream = in.take_true("stream");
  if (request.stream) in.expect("stream_options");
}

}  // namespace

ToolChoice::Mode choice_mode(std::string_view word) {
  if (word == "auto") return ToolChoice::Mode::kAuto;
  if (word == "none") return ToolChoice::Mode::kNone;
  return word == "required" || word == "any" ? ToolChoice::Mode::kRequired : ToolChoice::Mode::kUnset;
}

void decode_effort_object(ObjectReader& in, std::string& effort) {
  const json::Value* v = in.peek("reasoning");
  if (v == nullptr || !v->is_object()) return;
  ObjectReader inner(*v);
  if (!inner.take_text("effort", effort)) return;
  in.take("reasoning");
  const json::Value rest = inner.rest();
  in.form("reasoning", rest.is_null() ? "{}" : json::write(rest));
}

StatusOr<Request> decode_request(std::string_view body) {
  TAU_ASSIGN_OR_RETURN(const json::Value value, json::parse(body));
  if (value.contains("model") && !value["model"].is_string())
    return invalid_argument("invalid_request", "\"model\" must be a string");
  ObjectReader in(value);
  Request request;
  in.expect("model");
  in.take_string("model", request.model);
  TAU_RETURN_IF_ERROR(decode_messages(in, request.messages));
  label_all_results(request.messages);
  TAU_RETURN_IF_ERROR(decode_tools(in, request.tools));
  decode_options(in, request);
  // Marks the origin even when nothing else is to be kept.
  in.form("whole", "true");
  request.extras = in.finish(kOpenAiRequest);
  return request;
}

}  // namespace tau::wire::openai
