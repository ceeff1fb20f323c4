// Requests of chat completions: encoding.
#include "wire/openai.h"

namespace tau::wire::openai {
namespace {

void write_tool_choice(ObjectWriter& out, const ToolChoice& choice) {
  if (choice.mode == ToolChoice::Mode::kUnset) return;
  const bool any = choice.mode == ToolChoice::Mode::kRequired && !out.form("tool_choice").empty();
  if (choice.mode != ToolChoice::Mode::kNamed)
    return out.field("tool_choice", any ? std::string_view("any") : choice_word(choice.mode));
  json::Writer& w = out.key("tool_choice").begin_object().field("type", "function");
  w.key("function").begin_object().field("name", choice.name).end_object().end_object();
}

void write_response_format(ObjectWriter& out, const ResponseFormat& wanted) {
  if (wanted.kind == ResponseFormat::Kind::kUnset) return;
  json::Writer& w = out.key("response_format").begin_object();
  if (wanted.kind == ResponseFormat::Kind::kText) w.field("type", "text");
  if (wanted.kind == ResponseFormat::Kind::kJsonObject) w.field("type", "json_object");
  if (wanted.kind == ResponseFormat::Kind::kJsonSchema) {
    w.field("type", "json_schema");
    w.key("json_schema").begin_object();
    w.field("name", wanted.name.empty() ? std::string_view("response") : std::string_view(wanted.name));
    if (!wanted.schema.empty()) w.field_raw("schema", wanted.schema);
    if (wanted.strict) w.field("strict", true);
    out.nested("json_schema");
    w.end_object();
  }
  out.nested("response_format");
  w.end_object();
}

void write_stop(ObjectWriter& out, const std::vector<std::string>& stop) {
  if (stop.empty()) return;
  if (stop.size() == 1 && !out.form("stop").empty()) return out.field("stop", stop.front());
  json::Writer& w = out.key("stop").begin_array();
  for (const std::string& item : stop) w.string(item);
  w.end_array();
}

void write_effort(ObjectWriter& out, const std::string& effort) {
  if (effort.empty()) return;
  if (out.form("reasoning").empty()) return out.field("reasoning_effort", effort);
  write_effort_object(out, effort);
}

void write_options(ObjectWriter& out, const Request& request, const Quirks& quirks, const Target& target) {
  if (const std::optional<int64_t> most = target.max_tokens_of(request)) {
    const bool completion = quirks.max_completion_tokens || !out.form("max_tokens").empty();
    out.field(completion ? "max_completion_tokens" : "max_tokens", *most);
  }
  if (request.temperature) out.key("temperature").number(*request.temperature);
  if (request.top_p) out.key("top_p").number(*request.top_p);
  if (request.seed) out.field("seed", *request.seed);
  write_tools(out, request.tools);
  write_tool_choice(out, request.tool_choice);
  if (request.parallel_tool_calls) out.field("parallel_tool_calls", *request.parallel_tool_calls);
  write_response_format(out, request.response_format);
  write_stop(out, request.stop);
  write_effort(out, request.reasoning_effort);
  if (!request.stream) return;
  out.field("stream", true);
  if (quirks.usage_in_stream_option && out.wants("stream_options"))
    out.key("stream_options").begin_object().field("include_usage", true).end_object();
}

}  // namespace

std::string_view choice_word(ToolChoice::Mode mode) {
  if (mode == ToolChoice::Mode::kNone) return "none";
  return mode == ToolChoice::Mode::kRequired ? "required" : "auto";
}

void write_effort_object(ObjectWriter& out, const std::string& effort) {
  out.key("reasoning").begin_object().field("effort", effort);
  out.nested("reasoning");
  out.out().end_object();
}

StatusOr<std::string> encode_request(const Request& request, const Quirks& quirks, const Target& target) {
  std::string text;
  json::Writer w(text);
  ObjectWriter out(w, request.extras, kOpenAiRequest);
  const std::string_view model = target.model_of(request);
  if (!model.empty() || out.wants("model")) out.field("model", model);
  out.key("messages").begin_array();
  write_messages(w, request.messages, quirks);
  w.end_array();
  write_options(out, request, quirks, target);
  out.done();
  return text;
}

}  // namespace tau::wire::openai
