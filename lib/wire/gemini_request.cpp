// Requests of Gemini: decoding. The model and whether the answer is streamed are in the URL, not here.
#include <algorithm>

#include "wire/anthropic.h"
#include "wire/gemini.h"

namespace tau::wire::gemini {
namespace {

const json::Value* peek(ObjectReader& in, std::string_view name) { return in.peek(spelled(in, name, in)); }
const json::Value* take(ObjectReader& in, std::string_view name) { return in.take(spelled(in, name, in)); }

// What is left of a nested object, also when nothing is: that it was there.
void keep_rest(ObjectReader& in, std::string_view name, const ObjectReader& inner) {
  const json::Value rest = inner.rest();
  in.form(name, rest.is_null() ? "{}" : json::write(rest));
}

ToolSpec decode_declaration(const json::Value& value) {
  ObjectReader in(value);
  ToolSpec tool;
  in.expect("name");
  in.take_string("name", tool.name);
  in.take_text("description", tool.description);
  for (const std::string_view key : {"parameters", "parametersJsonSchema"}) {
    const json::Value* schema = tool.parameters.empty() ? in.take_object(key) : nullptr;
    if (schema == nullptr) continue;
    tool.parameters = decode_schema(*schema, "capitals", in);
    in.form("schema", quoted(key));
  }
  in.form("whole", "true");
  tool.extras = in.finish(kGeminiRequest);
  return tool;
}

// One object holds several declarations, and tools of the server beside them. The first declaration keeps
// what else is in the object.
Status decode_tool(const json::Value& value, std::vector<ToolSpec>& tools) {
  const Status malformed =
      invalid_argument("invalid_request", "every element of \"tools\", and every declaration, is an object");
  if (!value.is_object()) return malformed;
  ObjectReader in(value);
  const std::string_view key = spelled(in, "functionDeclarations", in);
  const json::Value* declarations = in.take_array(key);
  if (declarations == nullptr) {
    ToolSpec server;
    if (value.size() > 0) server.name = value.as_object().front().first;
    in.form("server", "true");
    server.extras = in.finish(kGeminiRequest);
    tools.push_back(std::move(server));
    return ok_status();
  }
  bool first = true;
  for (const json::Value& declaration : declarations->as_array()) {
    if (!declaration.is_object()) return malformed;
    tools.push_back(decode_declaration(declaration));
    if (first) {
      const json::Value rest = in.rest();
      set_form(tools.back().extras, "tool", rest.is_null() ? "{}" : json::write(rest));
      if (key != "functionDeclarations") set_form(tools.back().extras, "function_declarations", "true");
    }
    first = false;
  }
  return ok_status();
}

void decode_tool_choice(ObjectReader& in, ToolChoice& choice) {
  const json::Value* config = peek(in, "toolConfig");
  if (config == nullptr) return;
  ObjectReader outer(*config);
  const json::Value* calling = outer.peek(spelled(outer, "functionCallingConfig", in));
  if (calling == nullptr) return;
  ObjectReader inner(*calling);
  const std::string_view mode = (*calling)["mode"].as_string();
  const std::string_view key = spelled(inner, "allowedFunctionNames", in);
  const json::Value::Array& names = (*calling)[key].as_array();
  const bool one = names.size() == 1 && names.front().is_string();
  if (mode == "AUTO") choice.mode = ToolChoice::Mode::kAuto;
  if (mode == "NONE") choice.mode = ToolChoice::Mode::kNone;
  if (mode == "ANY" && names.empty()) choice.mode = ToolChoice::Mode::kRequired;
  if (mode == "ANY" && one) {
    choice.mode = ToolChoice::Mode::kNamed;
    choice.name = names.front().as_string();
    inner.take(key);
  }
  if (choice.mode == ToolChoice::Mode::kUnset) return;
  inner.take("mode");
  in.nested("calling", inner);
  outer.take(spelled(outer, "functionCallingConfig", in));
  in.nested("tool_choice", outer);
  take(in, "toolConfig");
}

void decode_format(ObjectReader& in, ObjectReader& config, ResponseFormat& out) {
  const std::string_view mime_key = spelled(config, "responseMimeType", in);
  const json::Value* mime = config.peek(mime_key);
  const std::string_view type = mime != nullptr ? mime->as_string() : std::string_view();
  if (type == "text/plain") out.kind = ResponseFormat::Kind::kText;
  if (type == "application/json") out.kind = ResponseFormat::Kind::kJsonObject;
  if (out.kind == ResponseFormat::Kind::kUnset) return;
  config.take(mime_key);
  if (out.kind != ResponseFormat::Kind::kJsonObject) return;
  for (const std::string_view name : {"responseSchema", "responseJsonSchema"}) {
    const json::Value* schema = out.schema.empty() ? config.take_object(spelled(config, name, in)) : nullptr;
    if (schema == nullptr) continue;
    out.kind = ResponseFormat::Kind::kJsonSchema;
    out.schema = decode_schema(*schema, "capitals", in);
    in.form("schema", quoted(name));
  }
}

void decode_generation(ObjectReader& in, Request& request) {
  const json::Value* v = peek(in, "generationConfig");
  if (v == nullptr || !v->is_object()) return;
  ObjectReader config(*v);
  config.take_int(spelled(config, "maxOutputTokens", in), request.max_tokens);
  config.take_double("temperature", request.temperature);
  config.take_double(spelled(config, "topP", in), request.top_p);
  config.take_int("seed", request.seed);
  config.take_strings(spelled(config, "stopSequences", in), request.stop);
  decode_format(in, config, request.response_format);
  if (const json::Value* thinking = config.peek(spelled(config, "thinkingConfig", in)))
    request.reasoning_effort = effort_of(*thinking);
  keep_rest(in, "generation", config);
  take(in, "generationConfig");
}

void decode_system(ObjectReader& in, Calls& calls, Request& request) {
  const json::Value* v = peek(in, "systemInstruction");
  if (v == nullptr || (*v)["parts"].as_array().empty()) return;
  ObjectReader inner(*v);
  Message message;
  message.role = Role::kSystem;
  for (const json::Value& part : inner.take("parts")->as_array())
    message.parts.push_back(decode_part(part, kGeminiRequest, calls));
  message.labels = role_labels(Role::kSystem);
  inner.form("whole", "true");
  message.extras = inner.finish(kGeminiRequest);
  request.messages.push_back(std::move(message));
  take(in, "systemInstruction");
}

}  // namespace

std::string effort_of(const json::Value& thinking) {
  std::string level(thinking["thinkingLevel"].as_string());
  for (char& c : level) c = c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
  if (!level.empty()) return level == "thinking_level_unspecified" ? std::string() : level;
  const json::Value* budget = thinking.find("thinkingBudget");
  if (budget == nullptr) budget = thinking.find("thinking_budget");
  if (budget == nullptr || !budget->is_integer()) return {};
  if (budget->as_int() == 0) return "none";
  // The model is to choose.
  return budget->as_int() < 0 ? std::string() : anthropic::effort_of_budget(budget->as_int());
}

StatusOr<Request> decode_request(std::string_view body) {
  TAU_ASSIGN_OR_RETURN(const json::Value value, json::parse(body));
  if (!value["contents"].is_array())
    return invalid_argument("invalid_request", "\"contents\" must be an array of contents");
  ObjectReader in(value);
  Request request;
  Calls calls({});
  decode_system(in, calls, request);
  for (const json::Value& content : in.take("contents")->as_array()) {
    const json::Value* role = content.find("role");
    const bool known = role == nullptr || role->as_string() == "user" || role->as_string() == "model" ||
                       role->as_string() == "function";
    if (!content.is_object() || !known)
      return invalid_argument("invalid_request", "the \"role\" of a content must be \"user\" or \"model\"");
    decode_content(content, calls, request);
  }
  if (const json::Value* tools = in.take_array("tools"))
    for (const json::Value& tool : tools->as_array()) TAU_RETURN_IF_ERROR(decode_tool(tool, request.tools));
  decode_tool_choice(in, request.tool_choice);
  decode_generation(in, request);
  // Marks the origin even when nothing else is to be kept.
  in.form("whole", "true");
  request.extras = in.finish(kGeminiRequest);
  return request;
}

}  // namespace tau::wire::gemini
