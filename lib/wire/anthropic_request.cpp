// Requests of Anthropic messages: decoding.
#include "wire/anthropic.h"
#include "wire/tool_list.h"
#include "wire/turns.h"

namespace tau::wire::anthropic {
namespace {

ToolSpec decode_tool(const json::Value& value) {
  ObjectReader in(value);
  ToolSpec tool;
  in.expect("name");
  if (!in.take_string("name", tool.name)) tool.name = value["type"].as_string();
  const std::string_view type = value["type"].as_string("custom");
  const json::Value* schema = type == "custom" ? in.take_object("input_schema") : nullptr;
  if (schema != nullptr)
    tool.parameters = json::write(*schema);
  else
    in.expect("input_schema");
  in.take_text("description", tool.description);
  tool.strict = in.take_true("strict");
  tool.extras = in.finish(kAnthropicRequest);
  return tool;
}

void decode_tool_choice(ObjectReader& in, Request& request) {
  const json::Value* v = in.peek("tool_choice");
  if (v == nullptr) return;
  ObjectReader inner(*v);
  const std::string_view type = (*v)["type"].as_string();
  ToolChoice& choice = request.tool_choice;
  if (type == "auto") choice.mode = ToolChoice::Mode::kAuto;
  if (type == "none") choice.mode = ToolChoice::Mode::kNone;
  if (type == "any") choice.mode = ToolChoice::Mode::kRequired;
  if (type == "tool" && inner.take_string("name", choice.name)) choice.mode = ToolChoice::Mode::kNamed;
  if (choice.mode == ToolChoice::Mode::kUnset) return;
  inner.take("type");
  if (std::optional<bool> disable; inner.take_bool("disable_parallel_tool_use", disable)) {
    request.parallel_tool_calls = !*disable;
    in.form("parallel", "true");
  }
  in.nested("tool_choice", inner);
  in.take("tool_choice");
}

// {"output_config":{"format":{"type":"json_schema","schema":…}}}; its other members stay.
void decode_output_config(ObjectReader& in, ResponseFormat& out) {
  const json::Value* v = in.peek("output_config");
  if (v == nullptr) return;
  const json::Value& wanted = (*v)["format"];
  ObjectReader inner(wanted);
  if (!inner.take_exactly("type", "json_schema")) return;
  const json::Value* schema = inner.take_object("schema");
  if (schema == nullptr) return;
  out.kind = ResponseFormat::Kind::kJsonSchema;
  out.schema = json::write(*schema);
  in.nested("output_format", inner);
  ObjectReader outer(*v);
  outer.take("format");
  in.nested("output_config", outer);
  in.take("output_config");
}

void decode_options(ObjectReader& in, Request& request) {
  in.expect("max_tokens");
  in.take_int("max_tokens", request.max_tokens);
  in.take_double("temperature", request.temperature);
  in.take_double("top_p", request.top_p);
  request.stream = in.take_true("stream");
  in.take_strings("stop_sequences", request.stop);
  decode_tool_choice(in, request);
  const json::Value none;
  const json::Value* thinking = in.peek("thinking");
  const json::Value* config = in.peek("output_config");
  request.reasoning_effort = effort_of(thinking ? *thinking : none, config ? *config : none);
  decode_output_config(in, request.response_format);
}

void decode_system(ObjectReader& in, Request& request) {
  Message system;
  system.role = Role::kSystem;
  json::Value wrapped = json::Value::object();
  const json::Value* value = in.peek("system");
  if (value == nullptr) return;
  wrapped.set("system", *value);
  ObjectReader inner(wrapped);
  decode_blocks(inner, "system", kAnthropicRequest, system.parts);
  if (system.parts.empty()) return;
  if (value->is_array()) inner.form("system", quoted("array"));
  in.take("system");
  system.labels = Labels::from(Source::kSystem);
  system.extras = inner.finish(kAnthropicRequest);
  request.messages.push_back(std::move(system));
}

}  // namespace

StatusOr<Request> decode_request(std::string_view body) {
  TAU_ASSIGN_OR_RETURN(const json::Value value, json::parse(body));
  TAU_RETURN_IF_ERROR(check_turns(value, {"user", "assistant", "system"}));
  ObjectReader in(value);
  Request request;
  in.expect("model");
  in.take_string("model", request.model);
  decode_system(in, request);
  decode_messages(*in.take("messages"), request);
  TAU_RETURN_IF_ERROR(decode_tools(in, decode_tool, request.tools));
  decode_options(in, request);
  // Marks the origin even when nothing else is to be kept.
  in.form("whole", "true");
  request.extras = in.finish(kAnthropicRequest);
  return request;
}

}  // namespace tau::wire::anthropic
