// Requests of Anthropic messages: encoding, also of conversations that came from another dialect.
#include <algorithm>

#include "wire/anthropic.h"

namespace tau::wire::anthropic {
namespace {

// Whether this API said it all itself, so that nothing needs to be made fit.
bool is_native(const Request& request) { return extras_origin(request.extras) == kAnthropicRequest; }

// The schema with the "type" that this API demands.
std::string input_schema(const ToolSpec& tool, bool native) {
  if (tool.parameters.empty()) return R"({"type":"object","properties":{}})";
  if (native) return tool.parameters;
  StatusOr<json::Value> schema = json::parse(tool.parameters);
  if (!schema.ok() || !schema->is_object() || schema->contains("type")) return tool.parameters;
  schema->set("type", "object");
  return json::write(*schema);
}

void write_tool(json::Writer& w, const ToolSpec& tool, bool native) {
  ObjectWriter out(w, tool.extras, kAnthropicRequest);
  if (out.wants("name")) out.field("name", tool.name);
  if (!tool.description.empty()) out.field("description", tool.description);
  if (!tool.parameters.empty() || out.wants("input_schema"))
    out.raw("input_schema", input_schema(tool, native));
  if (tool.strict) out.field("strict", true);
  out.done();
}

bool write_tools(ObjectWriter& out, const std::vector<ToolSpec>& tools, bool native) {
  const auto offered = [](const ToolSpec& tool) { return !is_foreign_server_tool(tool, kAnthropic); };
  if (!std::any_of(tools.begin(), tools.end(), offered)) return false;
  json::Writer& w = out.key("tools").begin_array();
  for (const ToolSpec& tool : tools)
    if (offered(tool)) write_tool(w, tool, native);
  w.end_array();
  return true;
}

std::string_view choice_type(ToolChoice::Mode mode) {
  switch (mode) {
    case ToolChoice::Mode::kNone: return "none";
    case ToolChoice::Mode::kRequired: return "any";
    case ToolChoice::Mode::kNamed: return "tool";
    default: return "auto";
  }
}

void write_tool_choice(ObjectWriter& out, const Request& request, bool has_tools) {
  const bool serial = request.parallel_tool_calls.has_value() && !*request.parallel_tool_calls;
  const bool unset = request.tool_choice.mode == ToolChoice::Mode::kUnset;
  if (unset && !(serial && has_tools)) return;
  // Without tools the API refuses a choice, unless that is what was asked.
  const bool native = is_native(request);
  if (!has_tools && !native) return;
  json::Writer& w = out.key("tool_choice").begin_object();
  w.field("type", choice_type(request.tool_choice.mode));
  if (request.tool_choice.mode == ToolChoice::Mode::kNamed) w.field("name", request.tool_choice.name);
  const bool stated = request.parallel_tool_calls.has_value() && !out.form("parallel").empty();
  if ((serial && request.tool_choice.mode != ToolChoice::Mode::kNone) || stated)
    w.field("disable_parallel_tool_use", serial);
  out.nested("tool_choice");
  w.end_object();
}

// Whether an object is wanted whose form no schema says.
bool needs_json_only(const ResponseFormat& wanted) {
  using Kind = ResponseFormat::Kind;
  return wanted.kind == Kind::kJsonObject || (wanted.kind == Kind::kJsonSchema && wanted.schema.empty());
}

void write_system(ObjectWriter& out, const Request& request) {
  std::vector<const Part*> parts;
  bool string = true;
  for (const Message& message : request.messages) {
    if (!is_hoisted(message)) continue;
    if (extras_belong(message.extras, kAnthropic) && find_form(message.extras, "system") == R"("array")")
      string = false;
    for (const Part& part : message.parts)
      if ((part.as<Text>() != nullptr || part.as<Opaque>() != nullptr) && can_write(part))
        parts.push_back(&part);
  }
  Part json_only{Text{std::string(kJsonOnly)}, {}};
  if (needs_json_only(request.response_format)) parts.push_back(&json_only);
  if (parts.empty()) return;
  const Part& first = *parts.front();
  if (parts.size() == 1 && string && first.as<Text>() != nullptr && first.extras.empty())
    return out.field("system", first.as<Text>()->text);
  json::Writer& w = out.key("system").begin_array();
  for (const Part* part : parts) write_block(w, *part);
  w.end_array();
}

void write_output_config(ObjectWriter& out, const ResponseFormat& wanted) {
  if (wanted.kind != ResponseFormat::Kind::kJsonSchema || wanted.schema.empty()) return;
  json::Writer& w = out.key("output_config").begin_object();
  w.key("format").begin_object().field("type", "json_schema").field_raw("schema", wanted.schema);
  out.nested("output_format");
  w.end_object();
  out.nested("output_config");
  w.end_object();
}

// Tokens to think with; 0: `thinking` is not for us to write.
int64_t budget_to_write(const ObjectWriter& out, const Request& request) {
  const auto read = [&](std::string_view key) {
    const StatusOr<json::Value> value = json::parse(out.own() ? request.extras.find(key) : "");
    return value.ok() ? *value : json::Value();
  };
  json::Value config = read("output_config");
  if (config.is_null() && !out.form("output_config").empty())
    if (StatusOr<json::Value> rest = json::parse(out.form("output_config")); rest.ok())
      config = *std::move(rest);
  if (request.reasoning_effort == effort_of(read("thinking"), config)) return 0;
  return may_think(request.messages) ? thinking_budget(request.reasoning_effort) : 0;
}

void write_sampling(ObjectWriter& out, const Request& request, const Target& target) {
  const bool native = is_native(request);
  int64_t budget = budget_to_write(out, request);
  // The budget is part of the limit; a limit too small for any leaves no room to think.
  const std::optional<int64_t> most = target.max_tokens_of(request);
  const int64_t limit = most.value_or(kDefaultMaxTokens + budget);
  if (budget >= limit) budget = limit / 2;
  if (budget < kLeastBudget) budget = 0;
  if (most || out.wants("max_tokens")) out.field("max_tokens", limit);
  if (budget > 0) {
    out.key("thinking").begin_object().field("type", "enabled").field("budget_tokens", budget);
    out.out().end_object();
    return;  // temperature and top_p must not be set with thinking
  }
  // Other dialects allow temperatures up to 2; here 1 is the most.
  constexpr double kMost = 1.0;
  if (request.temperature)
    out.key("temperature").number(native ? *request.temperature : std::min(*request.temperature, kMost));
  if (request.top_p) out.key("top_p").number(*request.top_p);
}

}  // namespace

bool may_think(const std::vector<Message>& messages) {
  for (auto message = messages.rbegin(); message != messages.rend(); ++message) {
    if (message->role == Role::kUser) return true;
    if (message->role != Role::kAssistant) continue;
    return std::any_of(message->parts.begin(), message->parts.end(),
                       [](const Part& p) { return p.as<Reasoning>() != nullptr && can_write(p); });
  }
  return true;
}

StatusOr<std::string> encode_request(const Request& request, const Quirks&, const Target& target) {
  std::string text;
  json::Writer w(text);
  ObjectWriter out(w, request.extras, kAnthropicRequest);
  const std::string_view model = target.model_of(request);
  if (!model.empty() || out.wants("model")) out.field("model", model);
  write_sampling(out, request, target);
  write_system(out, request);
  write_messages(out.key("messages"), request.messages);
  const bool has_tools = write_tools(out, request.tools, is_native(request));
  write_tool_choice(out, request, has_tools);
  write_output_config(out, request.response_format);
  if (!request.stop.empty()) {
    out.key("stop_sequences").begin_array();
    for (const std::string& stop : request.stop) w.string(stop);
    w.end_array();
  }
  if (request.stream) out.field("stream", true);
  out.done();
  return text;
}

}  // namespace tau::wire::anthropic
