// Content blocks of Anthropic messages, both ways.
#include <algorithm>

#include "crypto/crypto.h"
#include "wire/anthropic.h"
#include "wire/media.h"

namespace tau::wire::anthropic {
namespace {

constexpr std::string_view kString = R"("string")";

bool in_id(char c) {
  return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '-' || c == '_';
}

Part opaque_part(const json::Value& value, std::string_view origin) {
  Part part{Opaque{std::string(value["type"].as_string()), json::write(value)}, {}};
  set_form(part.extras, "slot", quoted("content"));
  mark_origin(part.extras, origin);
  return part;
}

// The source of an image or document: bytes, plain text, a URL or a file id.
bool decode_source(ObjectReader& in, Media& media) {
  const json::Value* source = in.peek("source");
  if (source == nullptr) return false;
  ObjectReader inner(*source);
  const std::string_view type = (*source)["type"].as_string();
  std::string text;
  if (type == "base64") {
    if (!inner.take_text("data", text) || !decode_exact_base64(text, media.data)) return false;
    inner.take_text("media_type", media.mime);
  } else if (type == "text") {
    if (!inner.take_text("data", media.data)) return false;
    inner.take_text("media_type", media.mime);
  } else if (type == "url") {
    if (!inner.take_text("url", media.url)) return false;
  } else if (type == "file") {
    if (!inner.take_text("file_id", media.id)) return false;
  } else {
    return false;
  }
  inner.take("type");
  in.take("source");
  if (type == "text" || type == "base64") in.form("source_type", quoted(type));
  in.nested("source", inner);
  return true;
}

bool decode_tool_use(ObjectReader& in, ToolCall& call) {
  const json::Value* input = in.peek("input");
  if (input == nullptr || !input->is_object()) return false;
  if (!in.take_string("id", call.id) || !in.take_string("name", call.name)) return false;
  if (!is_wire_call_id(call.id)) in.form("id", "true");
  call.arguments = json::write(*in.take("input"));
  return true;
}

bool decode_tool_result(ObjectReader& in, std::string_view origin, ToolResult& result) {
  if (!in.take_string("tool_use_id", result.call_id)) return false;
  if (!is_wire_call_id(result.call_id)) in.form("id", "true");
  decode_blocks(in, "content", origin, result.content);
  result.is_error = in.take_true("is_error");
  return true;
}

bool decode_known(ObjectReader& in, std::string_view type, std::string_view origin, Part& part) {
  if (Text text; type == "text" && in.take_string("text", text.text)) {
    if (text.text.empty()) in.form("empty", "true");
    part.body = std::move(text);
  } else if (Media media; (type == "image" || type == "document") && decode_source(in, media)) {
    media.kind = type == "image" ? MediaKind::kImage : MediaKind::kFile;
    in.take_text("title", media.name);
    part.body = std::move(media);
  } else if (ToolCall call; type == "tool_use" && decode_tool_use(in, call)) {
    part.body = std::move(call);
  } else if (ToolResult result; type == "tool_result" && decode_tool_result(in, origin, result)) {
    part.body = std::move(result);
  } else if (Reasoning thinking; type == "thinking" && in.take_string("thinking", thinking.text)) {
    thinking.form = Reasoning::Form::kSignature;
    in.expect("signature");
    in.take_string("signature", thinking.opaque);
    part.body = std::move(thinking);
  } else if (Reasoning redacted; type == "redacted_thinking" && in.take_string("data", redacted.opaque)) {
    redacted.form = Reasoning::Form::kRedacted;
    part.body = std::move(redacted);
  } else {
    return false;
  }
  return true;
}

bool is_text_source(const ObjectWriter& out, const Media& media) {
  const std::string_view type = out.form("source_type");
  return type.empty() ? media.mime.starts_with("text/") : type == R"("text")";
}

void write_media(ObjectWriter& out, const Media& media) {
  const bool image = media.kind == MediaKind::kImage;
  out.field("type", image ? "image" : "document");
  json::Writer& source = out.key("source").begin_object();
  if (!media.data.empty()) {
    const bool text = is_text_source(out, media);
    source.field("type", text ? "text" : "base64");
    const std::string_view fallback = image ? "image/png" : "application/pdf";
    if (!media.mime.empty() || !out.own() || out.form("source_type").empty())
      source.field("media_type", media.mime.empty() ? fallback : std::string_view(media.mime));
    source.field("data", text ? media.data : crypto::base64_encode(media.data));
  } else if (!media.url.empty()) {
    source.field("type", "url").field("url", media.url);
  } else {
    source.field("type", "file").field("file_id", media.id);
  }
  out.nested("source");
  source.end_object();
  if (!media.name.empty() && !image) out.field("title", media.name);
}

void write_tool_result(ObjectWriter& out, const ToolResult& result) {
  out.field("type", "tool_result");
  out.field("tool_use_id", out.form("id").empty() ? wire_call_id(result.call_id) : result.call_id);
  if (result.is_error) out.field("is_error", true);
  if (result.content.empty()) return;
  json::Writer& w = out.key("content");
  const Part& first = result.content.front();
  if (result.content.size() == 1 && first.as<Text>() != nullptr && out.form("content") == kString) {
    w.string(first.as<Text>()->text);
    return;
  }
  w.begin_array();
  for (const Part& part : result.content)
    if (can_write(part)) write_block(w, part);
  w.end_array();
}

void write_reasoning(ObjectWriter& out, const Reasoning& reasoning) {
  if (reasoning.form == Reasoning::Form::kRedacted && out.own()) {
    out.field("type", "redacted_thinking");
    out.field("data", reasoning.opaque);
    return;
  }
  out.field("type", "thinking");
  out.field("thinking", reasoning.text);
  // What another API signed means nothing here.
  const std::string_view signature = out.own() ? std::string_view(reasoning.opaque) : std::string_view();
  if (!signature.empty() || out.wants("signature")) out.field("signature", signature);
}

bool has_source(const Media& media) {
  if (media.kind == MediaKind::kAudio) return false;
  const bool link = !media.url.empty() && !media.url.starts_with("data:");
  return !media.data.empty() || link || !media.id.empty();
}

}  // namespace

bool is_wire_call_id(std::string_view id) { return !id.empty() && std::all_of(id.begin(), id.end(), in_id); }

std::string wire_call_id(std::string_view id) {
  std::string out(id);
  for (char& c : out)
    if (!in_id(c)) c = '_';
  return out.empty() ? "call" : out;
}

std::string input_object(const std::string& arguments) {
  if (arguments.empty()) return "{}";
  if (const StatusOr<json::Value> value = json::parse(arguments); value.ok()) {
    if (value->is_object()) return arguments;
    if (value->is_null()) return "{}";
  }
  // What a model wrote wrongly still has to be shown to it, and only an object may stand here.
  return "{\"invalid_arguments\":" + quoted(arguments) + "}";
}

Part decode_block(const json::Value& value, std::string_view origin) {
  ObjectReader in(value);
  Part part;
  if (!decode_known(in, value["type"].as_string(), origin, part)) return opaque_part(value, origin);
  in.take("type");
  part.extras = in.finish(origin);
  return part;
}

void decode_blocks(ObjectReader& in, std::string_view key, std::string_view origin,
                   std::vector<Part>& parts) {
  Text text;
  if (in.take_text(key, text.text)) {
    in.form(key, std::string(kString));
    parts.push_back({std::move(text), {}});
    return;
  }
  if (const json::Value* blocks = in.take_array(key))
    for (const json::Value& block : blocks->as_array()) parts.push_back(decode_block(block, origin));
}

bool can_write(const Part& part) {
  if (const auto* text = part.as<Text>())
    return !text->text.empty() ||
           (extras_belong(part.extras, kAnthropic) && !find_form(part.extras, "empty").empty());
  if (const auto* reasoning = part.as<Reasoning>())
    return extras_belong(part.extras, kAnthropic) && !reasoning->opaque.empty() &&
           (reasoning->form == Reasoning::Form::kSignature || reasoning->form == Reasoning::Form::kRedacted);
  if (part.as<Opaque>() != nullptr) return extras_belong(part.extras, kAnthropic);
  if (const auto* media = part.as<Media>()) return has_source(*media);
  return true;
}

void write_block(json::Writer& w, const Part& part) {
  if (const auto* opaque = part.as<Opaque>()) {
    w.raw(opaque->json);
    return;
  }
  ObjectWriter out(w, part.extras, kAnthropic);
  if (const auto* text = part.as<Text>()) {
    out.field("type", "text");
    out.field("text", text->text);
  } else if (const auto* media = part.as<Media>()) {
    write_media(out, *media);
  } else if (const auto* call = part.as<ToolCall>()) {
    out.field("type", "tool_use");
    out.field("id", out.form("id").empty() ? wire_call_id(call->id) : call->id);
    out.field("name", call->name);
    out.raw("input", input_object(call->arguments));
  } else if (const auto* result = part.as<ToolResult>()) {
    write_tool_result(out, *result);
  } else if (const auto* reasoning = part.as<Reasoning>()) {
    write_reasoning(out, *reasoning);
  }
  // Cache breakpoints mean the same wherever they are accepted.
  const std::string_view cache = part.extras.find("cache_control");
  if (!out.own() && !cache.empty()) out.raw("cache_control", cache);
  out.done();
}

}  // namespace tau::wire::anthropic
