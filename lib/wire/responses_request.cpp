// Requests of the Responses dialect: decoding.
#include "wire/responses.h"
#include "wire/tool_list.h"

namespace tau::wire::responses {
namespace {

ToolSpec decode_tool(const json::Value& value) {
  ObjectReader in(value);
  ToolSpec tool;
  const std::string_view type = value["type"].as_string();
  const bool custom = type == "custom";
  if ((type != "function" && !custom) || !in.take_string("name", tool.name)) {
    // A tool that the server runs itself: nothing of it is ours.
    tool.name = type;
    in.form("server", "true");
    tool.extras = in.finish(kResponsesRequest);
    return tool;
  }
  in.take("type");
  in.take_text("description", tool.description);
  if (custom) {
    in.form("custom", "true");
    tool.parameters = custom_schema();
  } else {
    in.expect("parameters");
    in.expect("strict");
    if (const json::Value* schema = in.take_object("parameters")) tool.parameters = json::write(*schema);
    std::optional<bool> strict;
    if (in.take_bool("strict", strict)) tool.strict = *strict;
  }
  in.form("whole", "true");
  tool.extras = in.finish(kResponsesRequest);
  return tool;
}

// "auto", "none", "required", or one function by name; other choices stay.
void decode_tool_choice(ObjectReader& in, ToolChoice& choice) {
  const json::Value* v = in.peek("tool_choice");
  if (v == nullptr) return;
  if (v->as_string() != "any") choice.mode = openai::choice_mode(v->as_string());
  if (v->size() == 2 && (*v)["type"].as_string() == "function" && (*v)["name"].is_string()) {
    choice.mode = ToolChoice::Mode::kNamed;
    choice.name = (*v)["name"].as_string();
  }
  if (choice.mode != ToolChoice::Mode::kUnset) in.take("tool_choice");
}

// {"text":{"format":{"type":…,"name":…,"schema":…}}}; its other members stay.
void decode_text(ObjectReader& in, ResponseFormat& out) {
  const json::Value* v = in.peek("text");
  if (v == nullptr) return;
  const json::Value& wanted = (*v)["format"];
  ObjectReader inner(wanted);
  const std::string_view type = wanted["type"].as_string();
  if (type == "text") out.kind = ResponseFormat::Kind::kText;
  if (type == "json_object") out.kind = ResponseFormat::Kind::kJsonObject;
  if (type == "json_schema" && inner.take_string("name", out.name)) {
    out.kind = ResponseFormat::Kind::kJsonSchema;
    if (const json::Value* schema = inner.take_object("schema")) out.schema = json::write(*schema);
    out.strict = inner.take_true("strict");
  }
  if (out.kind == ResponseFormat::Kind::kUnset) return;
  inner.take("type");
  in.nested("format", inner);
  ObjectReader outer(*v);
  outer.take("format");
  in.nested("text", outer);
  in.take("text");
}

void decode_options(ObjectReader& in, Request& request) {
  in.take_int("max_output_tokens", request.max_tokens);
  in.take_double("temperature", request.temperature);
  in.take_double("top_p", request.top_p);
  in.take_bool("parallel_tool_calls", request.parallel_tool_calls);
  decode_tool_choice(in, request.tool_choice);
  decode_text(in, request.response_format);
  openai::decode_effort_object(in, request.reasoning_effort);
  request.stream = in.take_true("stream");
}

// The role of the message that an item is, or is a part of; null when it has none of the known ones.
const Role* role_of(const json::Value& item) {
  static constexpr Role kRoles[] = {Role::kUser, Role::kAssistant, Role::kSystem, Role::kDeveloper};
  static constexpr Role kTool = Role::kTool;
  const std::string_view type = item["type"].as_string();
  if (type == "function_call_output" || type == "custom_tool_call_output") return &kTool;
  if (type != "message" && !(type.empty() && item.contains("role"))) return &kRoles[1];
  for (const Role& role : kRoles)
    if (role_name(role) == item["role"].as_string()) return &role;
  return nullptr;
}

// Items of the assistant that follow each other are one message; any other item is one of its own.
Status decode_input(const json::Value& input, Request& request) {
  size_t position = 0;
  for (const json::Value& item : input.as_array()) {
    if (!item.is_object())
      return invalid_argument("invalid_request", "every element of \"input\" must be an object");
    const Role* role = role_of(item);
    if (role == nullptr)
      return invalid_argument("invalid_request",
                              "the \"role\" of a message must be user, assistant, system or developer");
    const bool joins = *role == Role::kAssistant && !request.messages.empty() &&
                       request.messages.back().role == Role::kAssistant;
    Message message;
    message.role = *role;
    message.labels = role_labels(*role);
    Message& into = joins ? request.messages.back() : message;
    decode_item(item, *role, kResponsesRequest, {}, position++, into.parts);
    // What a client says for a tool that is not the model's.
    if (item["type"].as_string().ends_with("_output") && *role == Role::kAssistant)
      into.labels.join(Labels::tool("unknown"));
    if (joins) continue;
    label_results(message, request.messages);
    request.messages.push_back(std::move(message));
  }
  return ok_status();
}

void add_text(ObjectReader& in, std::string_view key, Role role, Request& request) {
  std::string text;
  if (!in.take_text(key, text)) return;
  Message message = text_message(role, text, role_labels(role));
  set_form(message.extras, "member", quoted(key));
  mark_origin(message.extras, kResponsesRequest);
  request.messages.push_back(std::move(message));
}

}  // namespace

StatusOr<Request> decode_request(std::string_view body) {
  TAU_ASSIGN_OR_RETURN(const json::Value value, json::parse(body));
  const json::Value* input = value.find("input");
  if (!value.is_object() || (input != nullptr && !input->is_array() && !input->is_string()))
    return invalid_argument("invalid_request", "\"input\" must be a text or an array of items");
  if (value.contains("messages"))
    return invalid_argument("invalid_request", "\"messages\" is of another API: this one has \"input\"");
  if (value.contains("model") && !value["model"].is_string())
    return invalid_argument("invalid_request", "\"model\" must be a string");
  ObjectReader in(value);
  Request request;
  in.expect("model");
  in.take_string("model", request.model);
  add_text(in, "instructions", Role::kSystem, request);
  in.expect("input");
  add_text(in, "input", Role::kUser, request);
  if (const json::Value* items = in.take_array("input")) TAU_RETURN_IF_ERROR(decode_input(*items, request));
  TAU_RETURN_IF_ERROR(decode_tools(in, decode_tool, request.tools));
  decode_options(in, request);
  // Marks the origin even when nothing else is to be kept.
  in.form("whole", "true");
  request.extras = in.finish(kResponsesRequest);
  return request;
}

}  // namespace tau::wire::responses
