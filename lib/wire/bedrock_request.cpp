// Requests of Bedrock Converse, both ways.
#include <algorithm>

#include "wire/bedrock.h"

namespace tau::wire::bedrock {
namespace {

constexpr std::string_view kMoreFields = "additionalModelRequestFields";

// A union of which "toolSpec" is ours; others, such as cache points and tools that Bedrock runs, are kept.
ToolSpec decode_tool(const json::Value& value) {
  ObjectReader in(value);
  ToolSpec tool;
  const json::Value* spec = in.peek("toolSpec");
  if (spec == nullptr || !(*spec)["name"].is_string()) {
    const auto& members = value.as_object();
    tool.name = members.empty() ? std::string() : members.front().first;
    in.form("server", "true");
    tool.extras = in.finish(kBedrockRequest);
    return tool;
  }
  ObjectReader inner(*in.take("toolSpec"));
  inner.take_string("name", tool.name);
  inner.take_text("description", tool.description);
  tool.strict = inner.take_true("strict");
  const json::Value& schema = (*spec)["inputSchema"];
  if (schema.size() == 1 && schema["json"].is_object()) {
    inner.take("inputSchema");
    tool.parameters = json::write(schema["json"]);
  } else {
    in.form("schema", quoted("other"));
  }
  in.nested("toolSpec", inner);
  tool.extras = in.finish(kBedrockRequest);
  return tool;
}

void decode_tool_choice(ObjectReader& tools, ToolChoice& choice) {
  const json::Value* v = tools.peek("toolChoice");
  if (v == nullptr || v->size() != 1 || !v->is_object()) return;
  const auto& [key, value] = v->as_object().front();
  if (value.is_object() && value.size() == 0 && key == "auto") choice.mode = ToolChoice::Mode::kAuto;
  if (value.is_object() && value.size() == 0 && key == "any") choice.mode = ToolChoice::Mode::kRequired;
  if (key == "tool" && value.size() == 1 && value["name"].is_string()) {
    choice.mode = ToolChoice::Mode::kNamed;
    choice.name = value["name"].as_string();
  }
  if (choice.mode != ToolChoice::Mode::kUnset) tools.take("toolChoice");
}

Status decode_tools(ObjectReader& in, Request& request) {
  const json::Value* config = in.peek("toolConfig");
  if (config == nullptr || !config->is_object()) return ok_status();
  ObjectReader inner(*config);
  if (const json::Value* tools = inner.take_array("tools"))
    for (const json::Value& tool : tools->as_array()) {
      if (!tool.is_object())
        return invalid_argument("invalid_request", "every element of \"tools\" must be an object");
      request.tools.push_back(decode_tool(tool));
    }
  decode_tool_choice(inner, request.tool_choice);
  in.kept("toolConfig", inner);
  return ok_status();
}

void decode_inference(ObjectReader& in, Request& request) {
  const json::Value* config = in.peek("inferenceConfig");
  if (config == nullptr || !config->is_object()) return;
  ObjectReader inner(*config);
  inner.take_int("maxTokens", request.max_tokens);
  inner.take_double("temperature", request.temperature);
  inner.take_double("topP", request.top_p);
  inner.take_strings("stopSequences", request.stop);
  in.kept("inferenceConfig", inner);
}

// {"textFormat":{"type":"json_schema","structure":{"jsonSchema":{"schema":"<text>","name":…}}}}
void decode_output(ObjectReader& in, ResponseFormat& out) {
  const json::Value* config = in.peek("outputConfig");
  if (config == nullptr) return;
  const json::Value& wanted = (*config)["textFormat"];
  const json::Value& structure = wanted["structure"];
  const json::Value& schema = structure["jsonSchema"];
  if (wanted.size() != 2 || wanted["type"].as_string() != "json_schema" || structure.size() != 1) return;
  const StatusOr<json::Value> text = json::parse(schema["schema"].as_string());
  if (!text.ok() || !text->is_object()) return;
  ObjectReader inner(schema);
  inner.take("schema");
  out.schema = json::write(*text);
  if (out.schema != schema["schema"].as_string())
    in.form("schema_text", quoted(schema["schema"].as_string()));
  inner.take_text("name", out.name);
  out.kind = ResponseFormat::Kind::kJsonSchema;
  in.nested("jsonSchema", inner);
  ObjectReader outer(*config);
  outer.take("textFormat");
  in.kept("outputConfig", outer);
}

void decode_system(ObjectReader& in, Request& request) {
  const json::Value* blocks = in.take_array("system");
  if (blocks == nullptr) return;
  Message system;
  system.role = Role::kSystem;
  system.labels = Labels::from(Source::kSystem);
  for (const json::Value& block : blocks->as_array()) {
    Part part = decode_block(block, kBedrockRequest);
    const bool is_text = part.as<Text>() != nullptr;
    system.parts.push_back(is_text ? std::move(part) : opaque_block(block, kBedrockRequest));
  }
  request.messages.push_back(std::move(system));
}

void decode_messages(const json::Value& messages, Request& request) {
  std::string_view previous;
  for (const json::Value& value : messages.as_array()) {
    ObjectReader in(value);
    const std::string_view role = in.take("role")->as_string();
    std::vector<Part> blocks;
    if (const json::Value* content = in.take_array("content"))
      for (const json::Value& block : content->as_array())
        blocks.push_back(decode_block(block, kBedrockRequest));
    add_turn(in, role, previous, kBedrockRequest, std::move(blocks), request.messages);
    previous = role;
  }
}

std::string effort_of(const json::Value& more, const json::Value& output) {
  if (const std::string_view effort = more["reasoning_effort"].as_string(); !effort.empty())
    return std::string(effort);
  return anthropic::effort_of(more["thinking"], output);
}

json::Value parsed(std::string_view text) {
  StatusOr<json::Value> value = json::parse(text);
  return value.ok() ? *std::move(value) : json::Value();
}

std::string text_of(const auto& write) {
  std::string out;
  json::Writer w(out);
  write(w);
  return out;
}

void write_tool(json::Writer& w, const ToolSpec& tool) {
  ObjectWriter out(w, tool.extras, kBedrockRequest);
  if (!out.form("server").empty()) return out.done();
  json::Writer& inner = out.key("toolSpec").begin_object().field("name", tool.name);
  if (!tool.description.empty()) inner.field("description", tool.description);
  if (tool.strict) inner.field("strict", true);
  if (out.form("schema").empty()) {
    const std::string_view schema = tool.parameters;
    inner.key("inputSchema").begin_object();
    inner.field_raw("json", schema.empty() ? R"({"type":"object","properties":{}})" : schema).end_object();
  }
  out.nested("toolSpec");
  inner.end_object();
  out.done();
}

bool is_offered(const ToolSpec& tool) { return !is_foreign_server_tool(tool, kBedrock); }

// The tools that the messages speak of: the API refuses calls and results without a configuration of tools.
std::vector<ToolSpec> tools_of(const Request& request) {
  std::vector<ToolSpec> out;
  const auto add = [&](std::string_view name) {
    const auto same = [&](const ToolSpec& tool) { return tool.name == name; };
    if (name.empty() || std::any_of(out.begin(), out.end(), same)) return;
    const auto known = std::find_if(request.tools.begin(), request.tools.end(), same);
    if (known != request.tools.end())
      out.push_back(*known);
    else
      out.emplace_back().name = name;
  };
  for (const Message& message : request.messages)
    for (const Part& part : message.parts)
      if (const auto* call = part.as<ToolCall>()) add(call->name);
  return out;
}

std::string tools_json(const std::vector<ToolSpec>& tools) {
  const bool none = std::none_of(tools.begin(), tools.end(), is_offered);
  if (none) return {};
  return text_of([&](json::Writer& w) {
    w.begin_array();
    for (const ToolSpec& tool : tools) {
      if (!is_offered(tool)) continue;
      write_tool(w, tool);
      if (!extras_belong(tool.extras, kBedrock) && !tool.extras.find("cache_control").empty())
        write_cache_point(w);
    }
    w.end_array();
  });
}

std::string choice_json(const ToolChoice& choice) {
  return text_of([&](json::Writer& w) {
    w.begin_object();
    if (choice.mode == ToolChoice::Mode::kAuto) w.key("auto").begin_object().end_object();
    if (choice.mode == ToolChoice::Mode::kRequired) w.key("any").begin_object().end_object();
    if (choice.mode == ToolChoice::Mode::kNamed)
      w.key("tool").begin_object().field("name", choice.name).end_object();
    w.end_object();
  });
}

void write_tools(ObjectWriter& out, const Request& request, bool native) {
  using Mode = ToolChoice::Mode;
  const Mode mode = request.tool_choice.mode;
  std::vector<ObjectWriter::Setting> config;
  // That no tool be called can only be said by offering none.
  std::string tools = mode == Mode::kNone ? std::string() : tools_json(request.tools);
  const bool has_choice = mode != Mode::kUnset && mode != Mode::kNone && (native || !tools.empty());
  if (tools.empty() && !native) tools = tools_json(tools_of(request));
  if (!tools.empty()) config.emplace_back("tools", std::move(tools));
  if (has_choice) config.emplace_back("toolChoice", choice_json(request.tool_choice));
  out.settings("toolConfig", config);
}

void write_output(ObjectWriter& out, const ResponseFormat& wanted) {
  if (wanted.kind != ResponseFormat::Kind::kJsonSchema || wanted.schema.empty())
    return out.settings("outputConfig", {});
  // As it was spelled, unless it is another one.
  const json::Value text = parsed(out.form("schema_text"));
  const json::Value came = parsed(text.as_string());
  std::string format = text_of([&](json::Writer& w) {
    w.begin_object().field("type", "json_schema").key("structure").begin_object().key("jsonSchema");
    w.begin_object().field("schema", came == parsed(wanted.schema) ? text.as_string() : wanted.schema);
    if (!wanted.name.empty()) w.field("name", wanted.name);
    if (const std::string_view rest = out.form("jsonSchema"); !rest.empty()) write_members(w, rest);
    w.end_object().end_object().end_object();
  });
  out.settings("outputConfig", {{"textFormat", std::move(format)}});
}

// How to think is said in the model's own words, which are known of some families.
json::Value thinking_for(const Request& request, std::string_view model, json::Value more, int64_t budget) {
  if (model.find("claude") != std::string::npos && budget > 0) {
    json::Value thinking = json::Value::object();
    thinking.set("type", "enabled").set("budget_tokens", budget);
    more.set("thinking", std::move(thinking));
  } else if (model.find("gpt-oss") != std::string::npos) {
    more.set("reasoning_effort", request.reasoning_effort);
  }
  return more;
}

void write_inference(ObjectWriter& out, const Request& request, const Target& target) {
  const json::Value came = out.own() ? parsed(request.extras.find(kMoreFields)) : json::Value();
  json::Value output = out.own() ? parsed(request.extras.find("outputConfig")) : json::Value();
  if (output.is_null()) output = parsed(out.form("outputConfig"));
  const bool stated = request.reasoning_effort.empty() || request.reasoning_effort == effort_of(came, output);
  const std::string_view model = target.model_of(request);
  const std::optional<int64_t> most = target.max_tokens_of(request);
  const bool claude = model.find("claude") != std::string::npos;
  int64_t budget = !stated && claude && anthropic::may_think(request.messages)
                       ? anthropic::thinking_budget(request.reasoning_effort)
                       : 0;
  const int64_t limit = most.value_or(anthropic::kDefaultMaxTokens + budget);
  if (budget >= limit) budget = limit / 2;
  if (budget < anthropic::kLeastBudget) budget = 0;
  std::vector<ObjectWriter::Setting> config;
  if (most || budget > 0) config.emplace_back("maxTokens", std::to_string(limit));
  if (request.temperature && budget == 0)
    config.emplace_back("temperature", json::write(json::Value(*request.temperature)));
  if (request.top_p && budget == 0) config.emplace_back("topP", json::write(json::Value(*request.top_p)));
  if (!request.stop.empty()) config.emplace_back("stopSequences", list_json(request.stop));
  out.settings("inferenceConfig", config);
  if (stated) return;
  const json::Value more = thinking_for(request, model, came, budget);
  if (more.is_object()) out.raw(kMoreFields, json::write(more));
}

// Whether an object is wanted whose form no schema says.
bool needs_json_only(const ResponseFormat& wanted) {
  using Kind = ResponseFormat::Kind;
  return wanted.kind == Kind::kJsonObject || (wanted.kind == Kind::kJsonSchema && wanted.schema.empty());
}

void write_system(ObjectWriter& out, const Request& request) {
  std::vector<const Part*> parts;
  for (const Message& message : request.messages)
    if (is_hoisted(message, kRules))
      for (const Part& part : message.parts)
        if ((part.as<Text>() != nullptr || part.as<Opaque>() != nullptr) && can_write(part))
          parts.push_back(&part);
  const Part json_only{Text{std::string(anthropic::kJsonOnly)}, {}};
  if (needs_json_only(request.response_format)) parts.push_back(&json_only);
  if (parts.empty()) return;
  json::Writer& w = out.key("system").begin_array();
  for (const Part* part : parts) write_block(w, *part);
  w.end_array();
}

void write_turn(json::Writer& w, const Turn& turn) {
  const Message& first = *turn.front();
  const std::vector<const Part*> parts = parts_of(turn, kRules);
  ObjectWriter out(w, first.extras, kBedrockRequest);
  out.field("role", turn_role(first));
  if (!parts.empty() || out.wants("content")) {
    out.key("content").begin_array();
    for (const Part* part : parts) write_block(w, *part);
    w.end_array();
  }
  out.done();
}

}  // namespace

StatusOr<Request> decode_request(std::string_view body) {
  TAU_ASSIGN_OR_RETURN(const json::Value value, json::parse(body));
  TAU_RETURN_IF_ERROR(check_turns(value, {"user", "assistant"}));
  ObjectReader in(value);
  Request request;
  decode_system(in, request);
  decode_messages(*in.take("messages"), request);
  TAU_RETURN_IF_ERROR(decode_tools(in, request));
  decode_inference(in, request);
  request.reasoning_effort = effort_of(value[kMoreFields], value["outputConfig"]);
  decode_output(in, request.response_format);
  // Marks the origin even when nothing else is to be kept.
  in.form("whole", "true");
  request.extras = in.finish(kBedrockRequest);
  return request;
}

StatusOr<std::string> encode_request(const Request& request, const Quirks&, const Target& target) {
  std::string text;
  json::Writer w(text);
  ObjectWriter out(w, request.extras, kBedrockRequest);
  const bool native = extras_origin(request.extras) == kBedrockRequest;
  write_system(out, request);
  out.key("messages").begin_array();
  for (const Turn& turn : turns_of(request.messages, kRules)) write_turn(w, turn);
  w.end_array();
  write_inference(out, request, target);
  write_tools(out, request, native);
  write_output(out, request.response_format);
  out.done();
  return text;
}

}  // namespace tau::wire::bedrock
