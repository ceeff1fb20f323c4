// Requests as neutral JSON, and back.
#include <array>

#include "wire/model_json.h"

namespace tau::wire {
namespace {

constexpr std::array<std::string_view, 5> kChoiceModes = {"unset", "auto", "none", "required", "named"};
constexpr std::array<std::string_view, 4> kFormatKinds = {"unset", "text", "json_object", "json_schema"};

template <size_t N>
StatusOr<size_t> index_of(const std::array<std::string_view, N>& names, std::string_view name,
                          std::string_view what) {
  for (size_t i = 0; i < N; ++i)
    if (names[i] == name) return i;
  return invalid_argument("invalid_request", format("{} \"{}\" is not known", what, name));
}

void write_tool(json::Writer& out, const ToolSpec& tool) {
  out.begin_object().field("name", tool.name);
  if (!tool.description.empty()) out.field("description", tool.description);
  if (!tool.parameters.empty()) out.field_raw("parameters", tool.parameters);
  if (tool.strict) out.field("strict", true);
  write_extras(out, tool.extras);
  out.end_object();
}

void write_options(json::Writer& out, const Request& request, const Target& target) {
  if (request.parallel_tool_calls) out.field("parallel_tool_calls", *request.parallel_tool_calls);
  if (const auto most = target.max_tokens_of(request)) out.field("max_tokens", *most);
  if (request.temperature) out.key("temperature").number(*request.temperature);
  if (request.top_p) out.key("top_p").number(*request.top_p);
  if (!request.stop.empty()) {
    out.key("stop").begin_array();
    for (const std::string& stop : request.stop) out.string(stop);
    out.end_array();
  }
  if (request.seed) out.field("seed", *request.seed);
  if (!request.reasoning_effort.empty()) out.field("reasoning_effort", request.reasoning_effort);
  if (request.stream) out.field("stream", true);
}

void write_format(json::Writer& out, const ResponseFormat& response_format) {
  if (response_format.kind == ResponseFormat::Kind::kUnset) return;
  out.key("response_format").begin_object();
  out.field("kind", kFormatKinds[static_cast<size_t>(response_format.kind)]);
  if (!response_format.name.empty()) out.field("name", response_format.name);
  if (!response_format.schema.empty()) out.field_raw("schema", response_format.schema);
  if (response_format.strict) out.field("strict", true);
  out.end_object();
}

ToolSpec tool_from_json(const json::Value& value) {
  ToolSpec tool;
  tool.name = value["name"].as_string();
  tool.description = value["description"].as_string();
  if (value.contains("parameters")) tool.parameters = json::write(value["parameters"]);
  tool.strict = value["strict"].as_bool();
  tool.extras = extras_from_json(value["extras"]);
  return tool;
}

void read_options(const json::Value& value, Request& request) {
  if (value["parallel_tool_calls"].is_bool())
    request.parallel_tool_calls = value["parallel_tool_calls"].as_bool();
  if (value["max_tokens"].is_integer()) request.max_tokens = value["max_tokens"].as_int();
  if (value["temperature"].is_number()) request.temperature = value["temperature"].as_double();
  if (value["top_p"].is_number()) request.top_p = value["top_p"].as_double();
  for (const json::Value& stop : value["stop"].as_array()) request.stop.emplace_back(stop.as_string());
  if (value["seed"].is_integer()) request.seed = value["seed"].as_int();
  request.reasoning_effort = value["reasoning_effort"].as_string();
  request.stream = value["stream"].as_bool();
}

Status read_choices(const json::Value& value, Request& request) {
  const json::Value& choice = value["tool_choice"];
  TAU_ASSIGN_OR_RETURN(const size_t mode,
                       index_of(kChoiceModes, choice["mode"].as_string("unset"), "tool_choice"));
  request.tool_choice.mode = static_cast<ToolChoice::Mode>(mode);
  request.tool_choice.name = choice["name"].as_string();
  const json::Value& wanted = value["response_format"];
  TAU_ASSIGN_OR_RETURN(const size_t kind,
                       index_of(kFormatKinds, wanted["kind"].as_string("unset"), "response_format"));
  request.response_format.kind = static_cast<ResponseFormat::Kind>(kind);
  request.response_format.name = wanted["name"].as_string();
  if (wanted.contains("schema")) request.response_format.schema = json::write(wanted["schema"]);
  request.response_format.strict = wanted["strict"].as_bool();
  return ok_status();
}

}  // namespace

std::string to_json(const Request& request) { return to_json(request, {}, nullptr); }

std::string to_json(const Request& request, const Target& target, std::vector<const Media*>* blobs) {
  std::string text;
  json::Writer out(text);
  out.begin_object().field("model", target.model_of(request));
  out.key("messages").begin_array();
  for (const Message& message : request.messages) write_message(out, message, blobs);
  out.end_array();
  if (!request.tools.empty()) {
    out.key("tools").begin_array();
    for (const ToolSpec& tool : request.tools) write_tool(out, tool);
    out.end_array();
  }
  if (request.tool_choice.mode != ToolChoice::Mode::kUnset) {
    out.key("tool_choice").begin_object();
    out.field("mode", kChoiceModes[static_cast<size_t>(request.tool_choice.mode)]);
    if (!request.tool_choice.name.empty()) out.field("name", request.tool_choice.name);
    out.end_object();
  }
  write_format(out, request.response_format);
  write_options(out, request, target);
  write_extras(out, request.extras);
  out.end_object();
  return text;
}

StatusOr<Request> request_from_json(std::string_view text) {
  TAU_ASSIGN_OR_RETURN(const json::Value value, json::parse(text));
  if (!value.is_object()) return invalid_argument("invalid_request", "a request is a JSON object");
  Request request;
  request.model = value["model"].as_string();
  for (const json::Value& item : value["messages"].as_array()) {
    TAU_ASSIGN_OR_RETURN(Message message, message_from_json(item));
    request.messages.push_back(std::move(message));
  }
  for (const json::Value& tool : value["tools"].as_array()) request.tools.push_back(tool_from_json(tool));
  TAU_RETURN_IF_ERROR(read_choices(value, request));
  read_options(value, request);
  request.extras = extras_from_json(value["extras"]);
  return request;
}

}  // namespace tau::wire
