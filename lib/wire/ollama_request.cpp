// Requests of Ollama's chat, both ways.
#include <algorithm>

#include "wire/ollama.h"
#include "wire/turns.h"

namespace tau::wire::ollama {
namespace {

constexpr std::string_view kTrue = "true";

// "json", or a JSON Schema.
void decode_format(ObjectReader& in, ResponseFormat& out) {
  if (in.take_exactly("format", "json")) out.kind = ResponseFormat::Kind::kJsonObject;
  const json::Value* schema = in.take_object("format");
  if (schema == nullptr) return;
  out.kind = ResponseFormat::Kind::kJsonSchema;
  out.schema = json::write(*schema);
}

bool all_strings(const json::Value& list) {
  const json::Value::Array& items = list.as_array();
  return !items.empty() &&
         std::all_of(items.begin(), items.end(), [](const json::Value& item) { return item.is_string(); });
}

void decode_options(ObjectReader& in, Request& request) {
  const json::Value* options = in.peek("options");
  if (options == nullptr || !options->is_object()) return;
  ObjectReader inner(*options);
  // Below zero means no limit.
  if ((*options)["num_predict"].as_int() > 0) inner.take_int("num_predict", request.max_tokens);
  inner.take_double("temperature", request.temperature);
  inner.take_double("top_p", request.top_p);
  inner.take_int("seed", request.seed);
  if (all_strings((*options)["stop"]))
    for (const json::Value& item : inner.take("stop")->as_array())
      request.stop.emplace_back(item.as_string());
  in.kept("options", inner);
}

// true, false, or how much of it.
void decode_think(ObjectReader& in, std::string& effort) {
  const json::Value* think = in.peek("think");
  if (think != nullptr && think->as_string() != "none" && in.take_text("think", effort)) return;
  std::optional<bool> on;
  if (!in.take_bool("think", on)) return;
  effort = *on ? "medium" : "none";
  if (*on) in.form("think", kTrue);
}

// Results without the id of their call answer the calls before them in order, by name where they have one.
void pair_results(std::vector<Message>& messages) {
  std::vector<const ToolCall*> open;
  for (Message& message : messages) {
    if (message.role == Role::kAssistant) open.clear();
    for (Part& part : message.parts) {
      if (const auto* call = part.as<ToolCall>()) open.push_back(call);
      auto* result = part.as<ToolResult>();
      if (result == nullptr || !result->call_id.empty()) continue;
      const auto call = std::find_if(open.begin(), open.end(), [&](const ToolCall* c) {
        return result->name.empty() || c->name == result->name;
      });
      if (call == open.end()) continue;
      result->call_id = (*call)->id;
      open.erase(call);
    }
  }
}

std::vector<ObjectWriter::Setting> options_of(const Request& request, const Target& target) {
  std::vector<ObjectWriter::Setting> out;
  if (const auto most = target.max_tokens_of(request)) out.emplace_back("num_predict", std::to_string(*most));
  if (request.temperature) out.emplace_back("temperature", json::write(json::Value(*request.temperature)));
  if (request.top_p) out.emplace_back("top_p", json::write(json::Value(*request.top_p)));
  if (request.seed) out.emplace_back("seed", std::to_string(*request.seed));
  if (!request.stop.empty()) out.emplace_back("stop", list_json(request.stop));
  return out;
}

void write_think(ObjectWriter& out, const std::string& effort) {
  if (effort.empty()) return;
  if (effort == "none") return out.field("think", false);
  const bool plain = effort == "medium" && out.form("think") == kTrue;
  if (plain) return out.field("think", true);
  const bool native = out.own() && !out.form("whole").empty();
  if (native || effort == "low" || effort == "medium" || effort == "high") return out.field("think", effort);
  if (effort == "minimal") return out.field("think", "low");
  out.field("think", true);
}

void write_format(ObjectWriter& out, const ResponseFormat& wanted) {
  const bool schema = wanted.kind == ResponseFormat::Kind::kJsonSchema && !wanted.schema.empty();
  if (schema)
    out.raw("format", wanted.schema);
  else if (wanted.kind == ResponseFormat::Kind::kJsonSchema ||
           wanted.kind == ResponseFormat::Kind::kJsonObject)
    out.field("format", "json");
}

}  // namespace

StatusOr<Request> decode_request(std::string_view body) {
  TAU_ASSIGN_OR_RETURN(const json::Value value, json::parse(body));
  ObjectReader in(value);
  Request request;
  in.expect("model");
  in.take_string("model", request.model);
  TAU_RETURN_IF_ERROR(openai::decode_messages(in, request.messages, kFlavor));
  pair_results(request.messages);
  label_all_results(request.messages);
  TAU_RETURN_IF_ERROR(openai::decode_tools(in, request.tools, kFlavor));
  decode_format(in, request.response_format);
  decode_options(in, request);
  decode_think(in, request.reasoning_effort);
  // Ollama streams unless it is told not to.
  std::optional<bool> stream;
  in.expect("stream");
  in.take_bool("stream", stream);
  request.stream = stream.value_or(true);
  // Marks the origin even when nothing else is to be kept.
  in.form("whole", kTrue);
  request.extras = in.finish(kOllamaRequest);
  return request;
}

StatusOr<std::string> encode_request(const Request& request, const Quirks& quirks, const Target& target) {
  std::string text;
  json::Writer w(text);
  ObjectWriter out(w, request.extras, kOllamaRequest);
  const std::string_view model = target.model_of(request);
  if (!model.empty() || out.wants("model")) out.field("model", model);
  out.key("messages").begin_array();
  openai::write_messages(w, request.messages, quirks, kFlavor);
  w.end_array();
  // There is no tool choice: that no tool be called is said by offering none, that one be by offering it
  // alone.
  if (request.tool_choice.mode != ToolChoice::Mode::kNone)
    openai::write_tools(out, openai::offered_tools(request), kFlavor);
  write_format(out, request.response_format);
  out.settings("options", options_of(request, target));
  write_think(out, request.reasoning_effort);
  if (!request.stream || out.wants("stream")) out.field("stream", request.stream);
  out.done();
  return text;
}

}  // namespace tau::wire::ollama
