// Requests of the Responses dialect: encoding, also of conversations that came from another dialect.
#include <algorithm>

#include "wire/responses.h"
#include "wire/tool_list.h"

namespace tau::wire::responses {
namespace {

// What the API does not refuse.
constexpr int64_t kLeastTokens = 16;
constexpr double kMostTemperature = 2;

bool is_native(const Request& request) { return extras_origin(request.extras) == kResponsesRequest; }

std::string_view member_form(const Message& message) {
  return extras_belong(message.extras, kResponses) ? find_form(message.extras, "member") : std::string_view();
}

// Whether the message goes into "instructions": it came from there, or begins a conversation of another
// dialect.
bool is_instruction(const Message& message, bool native) {
  if (message.role != Role::kSystem || message.parts.empty()) return false;
  if (native || !member_form(message).empty()) return member_form(message) == R"("instructions")";
  return std::all_of(message.parts.begin(), message.parts.end(),
                     [](const Part& part) { return part.as<Text>() != nullptr; });
}

void write_input(ObjectWriter& out, const Request& request) {
  const bool native = is_native(request);
  auto message = request.messages.begin();
  std::string instructions;
  for (; message != request.messages.end() && is_instruction(*message, native); ++message) {
    if (!instructions.empty()) instructions += "\n\n";
    instructions += message->text();
  }
  if (!instructions.empty()) out.field("instructions", instructions);
  const bool rest = message != request.messages.end();
  if (rest && std::next(message) == request.messages.end() && member_form(*message) == R"("input")" &&
      message->sole_text() != nullptr)
    return out.field("input", message->text());
  if (!rest && !out.wants("input")) return;
  json::Writer& w = out.key("input").begin_array();
  ItemWriter items(w, kResponsesRequest, {});
  for (; message != request.messages.end(); ++message)
    items.write(pointers_to(message->parts), message->role);
  w.end_array();
}

void write_tool(json::Writer& w, const ToolSpec& tool) {
  ObjectWriter out(w, tool.extras, kResponses);
  if (!out.form("server").empty()) return out.done();
  const bool custom = is_custom(tool.extras);
  out.field("type", custom ? "custom" : "function");
  out.field("name", tool.name);
  if (!tool.description.empty()) out.field("description", tool.description);
  if (!custom) {
    if (!tool.parameters.empty())
      out.raw("parameters", tool.parameters);
    else if (out.wants("parameters"))
      out.raw("parameters", R"({"type":"object","properties":{}})");
    // Without a word the API takes a schema for a strict one.
    if (tool.strict || out.wants("strict")) out.field("strict", tool.strict);
  }
  out.done();
}

void write_tool_choice(ObjectWriter& out, const ToolChoice& choice) {
  if (choice.mode == ToolChoice::Mode::kUnset) return;
  if (choice.mode != ToolChoice::Mode::kNamed)
    return out.field("tool_choice", openai::choice_word(choice.mode));
  json::Writer& w = out.key("tool_choice").begin_object();
  w.field("type", "function").field("name", choice.name).end_object();
}

void write_text(ObjectWriter& out, const ResponseFormat& wanted) {
  if (wanted.kind == ResponseFormat::Kind::kUnset) return;
  json::Writer& w = out.key("text").begin_object();
  w.key("format").begin_object();
  if (wanted.kind == ResponseFormat::Kind::kText) w.field("type", "text");
  if (wanted.kind == ResponseFormat::Kind::kJsonObject) w.field("type", "json_object");
  if (wanted.kind == ResponseFormat::Kind::kJsonSchema) {
    w.field("type", "json_schema");
    w.field("name", wanted.name.empty() ? std::string_view("response") : std::string_view(wanted.name));
    if (!wanted.schema.empty()) w.field_raw("schema", wanted.schema);
    if (wanted.strict) w.field("strict", true);
  }
  out.nested("format");
  w.end_object();
  out.nested("text");
  w.end_object();
}

void write_options(ObjectWriter& out, const Request& request, const Target& target) {
  if (const std::optional<int64_t> most = target.max_tokens_of(request))
    out.field("max_output_tokens", is_native(request) ? *most : std::max(kLeastTokens, *most));
  if (request.temperature)
    out.key("temperature")
        .number(is_native(request) ? *request.temperature : std::min(kMostTemperature, *request.temperature));
  if (request.top_p) out.key("top_p").number(*request.top_p);
  write_tools(out, request.tools, kResponses, write_tool);
  write_tool_choice(out, request.tool_choice);
  if (request.parallel_tool_calls) out.field("parallel_tool_calls", *request.parallel_tool_calls);
  write_text(out, request.response_format);
  if (!request.reasoning_effort.empty()) openai::write_effort_object(out, request.reasoning_effort);
  if (request.stream) out.field("stream", true);
}

// A conversation that is sent whole needs no copy at the server, but then its reasoning has to come back with
// it, encrypted. Models that do not reason refuse to be asked for that.
void write_storage(ObjectWriter& out, const Request& request) {
  if (is_native(request)) return;
  if (out.wants("store")) out.field("store", false);
  const bool reasons = !request.reasoning_effort.empty() && request.reasoning_effort != "none";
  if (reasons && out.wants("include"))
    out.key("include").begin_array().string("reasoning.encrypted_content").end_array();
}

}  // namespace

StatusOr<std::string> encode_request(const Request& request, const Quirks&, const Target& target) {
  std::string text;
  json::Writer w(text);
  ObjectWriter out(w, request.extras, kResponsesRequest);
  const std::string_view model = target.model_of(request);
  if (!model.empty() || out.wants("model")) out.field("model", model);
  write_input(out, request);
  write_options(out, request, target);
  write_storage(out, request);
  out.done();
  return text;
}

}  // namespace tau::wire::responses
