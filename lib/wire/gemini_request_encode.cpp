// Requests of Gemini: encoding, also of conversations that came from another dialect.
#include <algorithm>

#include "wire/anthropic.h"
#include "wire/gemini.h"

namespace tau::wire::gemini {
namespace {

// JSON text of the member that a schema goes into: the one it came in, or the one that it fits.
void write_schema(json::Writer& w, const ObjectWriter& out, std::string_view plain, std::string_view full,
                  const std::string& schema) {
  const StatusOr<json::Value> form = json::parse(out.form("schema"));
  const bool came_plain = form.ok() && form->as_string() == plain;
  const bool came_full = form.ok() && form->as_string() == full;
  const bool is_plain = came_plain || (!came_full && fits_subset(schema));
  w.key(spelling(out, is_plain ? plain : full)).raw(encode_schema(schema, !out.form("capitals").empty()));
}

void write_declaration(json::Writer& w, const ToolSpec& tool) {
  ObjectWriter out(w, tool.extras, kGemini);
  if (out.wants("name")) out.field("name", tool.name);
  if (!tool.description.empty()) out.field("description", tool.description);
  const bool native = extras_origin(tool.extras) == kGeminiRequest;
  if (!tool.parameters.empty() && (native || !has_no_members(tool.parameters)))
    write_schema(w, out, "parameters", "parametersJsonSchema", tool.parameters);
  out.done();
}

bool is_server_tool(const ToolSpec& tool) {
  return extras_origin(tool.extras) == kGeminiRequest && !find_form(tool.extras, "server").empty();
}

bool begins_object(const ToolSpec& tool) {
  return extras_belong(tool.extras, kGemini) && !find_form(tool.extras, "tool").empty();
}

// Neighbouring declarations stand in one object, unless they came in several.
void write_tools(ObjectWriter& out, const std::vector<ToolSpec>& tools) {
  std::vector<const ToolSpec*> offered;
  for (const ToolSpec& tool : tools)
    if (!is_foreign_server_tool(tool, kGemini)) offered.push_back(&tool);
  if (offered.empty()) return;
  json::Writer& w = out.key("tools").begin_array();
  for (size_t i = 0; i < offered.size();) {
    const ToolSpec& first = *offered[i];
    if (is_server_tool(first)) {
      ObjectWriter(w, first.extras, kGemini).done();
      ++i;
      continue;
    }
    const bool snake = begins_object(first) && !find_form(first.extras, "function_declarations").empty();
    w.begin_object().key(snake ? std::string_view("function_declarations") : "functionDeclarations");
    w.begin_array();
    do {
      write_declaration(w, *offered[i]);
      ++i;
    } while (i < offered.size() && !is_server_tool(*offered[i]) && !begins_object(*offered[i]));
    w.end_array();
    if (begins_object(first)) write_members(w, find_form(first.extras, "tool"));
    w.end_object();
  }
  w.end_array();
}

void write_tool_choice(ObjectWriter& out, const ToolChoice& choice) {
  if (choice.mode == ToolChoice::Mode::kUnset) return;
  const bool must = choice.mode == ToolChoice::Mode::kRequired || choice.mode == ToolChoice::Mode::kNamed;
  const bool none = choice.mode == ToolChoice::Mode::kNone;
  json::Writer& w = out.key(spelling(out, "toolConfig")).begin_object();
  w.key(spelling(out, "functionCallingConfig")).begin_object();
  w.field("mode", must ? "ANY" : none ? "NONE" : "AUTO");
  if (choice.mode == ToolChoice::Mode::kNamed)
    w.key(spelling(out, "allowedFunctionNames")).begin_array().string(choice.name).end_array();
  out.nested("calling");
  w.end_object();
  out.nested("tool_choice");
  w.end_object();
}

void write_format(json::Writer& w, const ObjectWriter& out, const ResponseFormat& wanted) {
  if (wanted.kind == ResponseFormat::Kind::kUnset) return;
  const bool text = wanted.kind == ResponseFormat::Kind::kText;
  w.field(spelling(out, "responseMimeType"), text ? "text/plain" : "application/json");
  if (wanted.kind == ResponseFormat::Kind::kJsonSchema && !wanted.schema.empty())
    write_schema(w, out, "responseSchema", "responseJsonSchema", wanted.schema);
}

// The thinking that came says the effort itself, and more exactly.
bool says_effort(const json::Value& rest, const std::string& effort) {
  const json::Value& thinking = rest["thinkingConfig"];
  return effort_of(thinking.is_null() ? rest["thinking_config"] : thinking) == effort;
}

void write_thinking(json::Writer& w, const ObjectWriter& out, const std::string& effort) {
  w.key(spelling(out, "thinkingConfig")).begin_object();
  w.field("thinkingBudget", anthropic::thinking_budget(effort));
  if (effort != "none") w.field("includeThoughts", true);
  w.end_object();
}

void write_generation(ObjectWriter& out, const Request& request, std::optional<int64_t> most) {
  const StatusOr<json::Value> form = json::parse(out.form("generation"));
  json::Value rest = form.ok() ? *form : json::Value();
  const bool thinks = !request.reasoning_effort.empty() && !says_effort(rest, request.reasoning_effort);
  const bool anything = most || request.temperature || request.top_p || request.seed || thinks ||
                        !request.stop.empty() || request.response_format.kind != ResponseFormat::Kind::kUnset;
  if (!anything && !form.ok()) return;
  json::Writer& w = out.key(spelling(out, "generationConfig")).begin_object();
  if (most) w.field(spelling(out, "maxOutputTokens"), *most);
  if (request.temperature) w.key("temperature").number(*request.temperature);
  if (request.top_p) w.key(spelling(out, "topP")).number(*request.top_p);
  if (request.seed) w.field("seed", *request.seed);
  if (!request.stop.empty()) {
    w.key(spelling(out, "stopSequences")).begin_array();
    for (const std::string& stop : request.stop) w.string(stop);
    w.end_array();
  }
  write_format(w, out, request.response_format);
  if (thinks) write_thinking(w, out, request.reasoning_effort);
  for (const auto& [key, value] : rest.as_object())
    if (!thinks || key != spelling(out, "thinkingConfig")) w.key(key).value(value);
  w.end_object();
}

void write_system(ObjectWriter& out, const Request& request) {
  Turn system;
  for (const Message& message : request.messages)
    if (is_hoisted(message, kRules)) system.push_back(&message);
  const std::vector<const Part*> parts = parts_of(system, kRules);
  if (parts.empty()) return;
  json::Writer& w = out.key(spelling(out, "systemInstruction"));
  ObjectWriter content(w, system.front()->extras, kGeminiRequest);
  content.key("parts").begin_array();
  for (const Part* part : parts) write_part(w, *part);
  w.end_array();
  content.done();
}

}  // namespace

StatusOr<std::string> encode_request(const Request& request, const Quirks&, const Target& target) {
  std::string text;
  json::Writer w(text);
  ObjectWriter out(w, request.extras, kGeminiRequest);
  write_system(out, request);
  write_contents(out.key("contents"), request, target.model_of(request));
  write_tools(out, request.tools);
  write_tool_choice(out, request.tool_choice);
  write_generation(out, request, target.max_tokens_of(request));
  out.done();
  return text;
}

}  // namespace tau::wire::gemini
