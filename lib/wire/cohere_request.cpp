// Requests of Cohere's chat, both ways.
#include <algorithm>

#include "wire/anthropic.h"
#include "wire/cohere.h"
#include "wire/turns.h"

namespace tau::wire::cohere {
namespace {

// {"type":"json_object","json_schema":…}; the older name of that member is "schema".
void decode_response_format(ObjectReader& in, ResponseFormat& out) {
  const json::Value* v = in.peek("response_format");
  if (v == nullptr) return;
  ObjectReader inner(*v);
  const std::string_view type = (*v)["type"].as_string();
  if (type == "text") out.kind = ResponseFormat::Kind::kText;
  if (type == "json_object") {
    out.kind = ResponseFormat::Kind::kJsonObject;
    for (const std::string_view name : {"json_schema", "schema"}) {
      const json::Value* schema = inner.take_object(name);
      if (schema == nullptr) continue;
      out.kind = ResponseFormat::Kind::kJsonSchema;
      out.schema = json::write(*schema);
      in.form("schema", quoted(name));
      break;
    }
  }
  if (out.kind == ResponseFormat::Kind::kUnset) return;
  inner.take("type");
  in.kept("response_format", inner);
}

std::string effort_of(const json::Value& thinking) {
  json::Value named = thinking;
  if (const json::Value* tokens = thinking.find("token_budget"))
    named.set("budget_tokens", *tokens);
  else if (thinking["type"].as_string() == "enabled")
    return "medium";
  return anthropic::effort_of(named, json::Value());
}

void decode_options(ObjectReader& in, Request& request) {
  in.take_int("max_tokens", request.max_tokens);
  in.take_double("temperature", request.temperature);
  in.take_double("p", request.top_p);
  in.take_int("seed", request.seed);
  request.stream = in.take_true("stream");
  if (in.take_exactly("tool_choice", "REQUIRED")) request.tool_choice.mode = ToolChoice::Mode::kRequired;
  if (in.take_exactly("tool_choice", "NONE")) request.tool_choice.mode = ToolChoice::Mode::kNone;
  in.take_strings("stop_sequences", request.stop);
  if (const json::Value* thinking = in.peek("thinking")) request.reasoning_effort = effort_of(*thinking);
  decode_response_format(in, request.response_format);
  // It is said of all tools at once.
  if (!request.tools.empty() && in.take_true("strict_tools"))
    for (ToolSpec& tool : request.tools) tool.strict = true;
}

void write_response_format(ObjectWriter& out, const ResponseFormat& wanted) {
  using Kind = ResponseFormat::Kind;
  std::vector<ObjectWriter::Setting> format;
  if (wanted.kind != Kind::kUnset)
    format.emplace_back("type", quoted(wanted.kind == Kind::kText ? "text" : "json_object"));
  if (wanted.kind == Kind::kJsonSchema && !wanted.schema.empty())
    format.emplace_back(out.form("schema") == R"("schema")" ? "schema" : "json_schema", wanted.schema);
  out.settings("response_format", format);
}

void write_thinking(ObjectWriter& out, const Request& request) {
  const std::string& effort = request.reasoning_effort;
  const StatusOr<json::Value> came = json::parse(out.own() ? request.extras.find("thinking") : "");
  if (effort.empty() || (came.ok() && effort_of(*came) == effort)) return;
  json::Writer& w = out.key("thinking").begin_object();
  w.field("type", effort == "none" ? "disabled" : "enabled");
  if (const int64_t budget = anthropic::thinking_budget(effort); budget > 0) w.field("token_budget", budget);
  w.end_object();
}

void write_tools(ObjectWriter& out, const Request& request) {
  using Mode = ToolChoice::Mode;
  const std::vector<ToolSpec> tools = openai::offered_tools(request);
  openai::write_tools(out, tools, kFlavor);
  const Mode mode = request.tool_choice.mode;
  if (mode == Mode::kNone) out.field("tool_choice", "NONE");
  if (mode == Mode::kRequired || mode == Mode::kNamed) out.field("tool_choice", "REQUIRED");
  const auto strict = [](const ToolSpec& tool) { return tool.strict; };
  if (!tools.empty() && std::all_of(tools.begin(), tools.end(), strict)) out.field("strict_tools", true);
}

}  // namespace

StatusOr<Request> decode_request(std::string_view body) {
  TAU_ASSIGN_OR_RETURN(const json::Value value, json::parse(body));
  ObjectReader in(value);
  Request request;
  in.expect("model");
  in.take_string("model", request.model);
  TAU_RETURN_IF_ERROR(openai::decode_messages(in, request.messages, kFlavor));
  label_all_results(request.messages);
  TAU_RETURN_IF_ERROR(openai::decode_tools(in, request.tools, kFlavor));
  decode_options(in, request);
  // Marks the origin even when nothing else is to be kept.
  in.form("whole", "true");
  request.extras = in.finish(kCohereRequest);
  return request;
}

StatusOr<std::string> encode_request(const Request& request, const Quirks& quirks, const Target& target) {
  std::string text;
  json::Writer w(text);
  ObjectWriter out(w, request.extras, kCohereRequest);
  const std::string_view model = target.model_of(request);
  if (!model.empty() || out.wants("model")) out.field("model", model);
  out.key("messages").begin_array();
  std::vector<Message> messages;
  for (const Message& message : request.messages) messages.push_back(own_plain_message(message));
  openai::write_messages(w, messages, quirks, kFlavor);
  w.end_array();
  write_tools(out, request);
  if (const auto most = target.max_tokens_of(request)) out.field("max_tokens", *most);
  // Other dialects allow temperatures up to 2; here 1 is the most.
  constexpr double kMost = 1.0;
  const bool native = extras_origin(request.extras) == kCohereRequest;
  if (request.temperature)
    out.key("temperature").number(native ? *request.temperature : std::min(*request.temperature, kMost));
  if (request.top_p) out.key("p").number(*request.top_p);
  if (request.seed) out.field("seed", *request.seed);
  if (!request.stop.empty()) out.raw("stop_sequences", list_json(request.stop));
  write_response_format(out, request.response_format);
  write_thinking(out, request);
  if (request.stream) out.field("stream", true);
  out.done();
  return text;
}

}  // namespace tau::wire::cohere
