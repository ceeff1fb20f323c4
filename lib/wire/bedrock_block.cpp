// Content blocks of Bedrock Converse, both ways.
#include <algorithm>

#include "crypto/crypto.h"
#include "wire/bedrock.h"
#include "wire/media.h"

namespace tau::wire::bedrock {
namespace {

constexpr std::string_view kS3 = "s3://";
constexpr std::string_view kNoOutput =
    "(no output)";  // an empty result is refused, in all later requests too

// The formats of documents.
struct Format {
  std::string_view name;
  std::string_view mime;
};
constexpr Format kFormats[] = {
    {"pdf", "application/pdf"},
    {"csv", "text/csv"},
    {"doc", "application/msword"},
    {"docx", "application/vnd.openxmlformats-officedocument.wordprocessingml.document"},
    {"xls", "application/vnd.ms-excel"},
    {"xlsx", "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"},
    {"html", "text/html"},
    {"txt", "text/plain"},
    {"md", "text/markdown"},
};

std::string_view member_of(MediaKind kind) {
  if (kind == MediaKind::kImage) return "image";
  return kind == MediaKind::kAudio ? "audio" : "document";
}

bool set_mime(Media& media, std::string_view format_name) {
  if (media.kind != MediaKind::kFile) {
    media.mime = format("{}/{}", member_of(media.kind), format_name);
    return true;
  }
  for (const Format& known : kFormats)
    if (known.name == format_name) media.mime = known.mime;
  return !media.mime.empty();
}

std::string_view format_of(const Media& media) {
  const std::string_view mime = media.mime;
  const std::string_view subtype = mime.substr(std::min(mime.find('/') + 1, mime.size()));
  if (media.kind == MediaKind::kImage)
    return mime.empty() ? "png" : subtype == "jpg" ? std::string_view("jpeg") : subtype;
  if (media.kind == MediaKind::kAudio) return subtype == "mpeg" || mime.empty() ? "mp3" : subtype;
  for (const Format& known : kFormats)
    if (known.mime == mime) return known.name;
  return mime.starts_with("text/") ? "txt" : "pdf";
}

bool is_native(const Extras& extras) { return extras_origin(extras).starts_with(kBedrock); }

// What says how a member was spelled, and is no member itself.
bool is_note(std::string_view name) {
  return name.starts_with("tau:") && !name.starts_with("tau:=") && name != "tau:from";
}

bool is_blank(std::string_view text) { return text.find_first_not_of(" \t\r\n") == text.npos; }

bool decode_source(ObjectReader& in, Media& media) {
  const json::Value* source = in.peek("source");
  if (source == nullptr || source->size() != 1) return false;
  const json::Value& place = (*source)["s3Location"];
  if (const json::Value* bytes = source->find("bytes")) {
    if (!decode_exact_base64(bytes->as_string(), media.data)) return false;
  } else if (const json::Value* text = source->find("text"); text != nullptr && !text->as_string().empty()) {
    media.data = text->as_string();
    in.form("source", quoted("text"));
  } else if (place.size() == 1 && place["uri"].as_string().starts_with(kS3)) {
    media.url = place["uri"].as_string();
  } else {
    return false;
  }
  in.take("source");
  return true;
}

bool decode_media(ObjectReader& in, Media& media) {
  const json::Value* name = in.peek("format");
  if (name == nullptr) {
    in.form("format", quoted("absent"));
  } else {
    if (!name->is_string() || !set_mime(media, name->as_string())) return false;
    if (format_of(media) != name->as_string()) return false;
    in.take("format");
  }
  if (media.kind == MediaKind::kFile) {
    in.take_text("name", media.name);
    if (media.name.empty()) in.form("name", quoted("absent"));
  }
  return decode_source(in, media);
}

bool decode_call(ObjectReader& in, ToolCall& call) {
  const json::Value* input = in.peek("input");
  if (input == nullptr || !input->is_object()) return false;
  if (!in.take_string("toolUseId", call.id) || !in.take_string("name", call.name)) return false;
  if (!anthropic::is_wire_call_id(call.id)) in.form("id", "true");
  call.arguments = json::write(*in.take("input"));
  return true;
}

bool decode_result(ObjectReader& in, std::string_view origin, ToolResult& result) {
  if (!in.take_string("toolUseId", result.call_id)) return false;
  if (!anthropic::is_wire_call_id(result.call_id)) in.form("id", "true");
  result.is_error = in.take_exactly("status", "error");
  in.expect("content");
  if (const json::Value* content = in.take_array("content"))
    for (const json::Value& item : content->as_array()) result.content.push_back(decode_block(item, origin));
  return true;
}

bool decode_reasoning(ObjectReader& in, Reasoning& reasoning) {
  if (in.take_text("redactedContent", reasoning.opaque)) {
    reasoning.form = Reasoning::Form::kRedacted;
    return true;
  }
  const json::Value* text = in.peek("reasoningText");
  if (text == nullptr || !(*text)["text"].is_string()) return false;
  ObjectReader inner(*text);
  inner.take_string("text", reasoning.text);
  if (inner.take_text("signature", reasoning.opaque)) reasoning.form = Reasoning::Form::kSignature;
  in.nested("reasoningText", inner);
  in.take("reasoningText");
  return true;
}

// Text with its sources; what is not one text stays opaque.
bool decode_cited(ObjectReader& in, Text& text) {
  const json::Value* content = in.peek("content");
  const json::Value* citations = in.peek("citations");
  if (content == nullptr || citations == nullptr || content->as_array().size() != 1) return false;
  const json::Value& only = content->as_array().front();
  if (only.size() != 1 || !only["text"].is_string() || !citations->is_array()) return false;
  text.text = only["text"].as_string();
  in.take("content");
  in.take("citations");
  return true;
}

// The members whose value is an object, by name. False: it stays opaque.
bool decode_object(std::string_view member, ObjectReader& in, std::string_view origin, Part& part) {
  Media media;
  if (member == "audio") media.kind = MediaKind::kAudio;
  if (member == "document") media.kind = MediaKind::kFile;
  const bool is_media = member == "image" || member == "audio" || member == "document";
  if (is_media && decode_media(in, media)) {
    part.body = std::move(media);
  } else if (ToolCall call; member == "toolUse" && decode_call(in, call)) {
    part.body = std::move(call);
  } else if (ToolResult result; member == "toolResult" && decode_result(in, origin, result)) {
    part.body = std::move(result);
  } else if (Reasoning reasoning; member == "reasoningContent" && decode_reasoning(in, reasoning)) {
    part.body = std::move(reasoning);
  } else if (Text text; member == "citationsContent" && decode_cited(in, text)) {
    part.body = std::move(text);
  } else {
    return false;
  }
  return true;
}

// What is in the block's one member, whose leftovers and notes go into the block's extras.
bool decode_member(ObjectReader& out, const json::Value& value, std::string_view origin, Part& part) {
  for (const auto& [key, member] : value.as_object()) {
    if (!member.is_object()) continue;
    ObjectReader in(member);
    if (!decode_object(key, in, origin, part)) continue;
    if (key == "citationsContent") part.extras.set("citations", json::write(member["citations"]));
    out.nested("inner", in);
    for (const auto& [name, json] : in.finish(origin))
      if (is_note(name)) part.extras.set(name, json);
    out.take(key);
    return true;
  }
  return false;
}

void write_source(ObjectWriter& out, const Media& media) {
  json::Writer& w = out.key("source").begin_object();
  if (media.data.empty())
    w.key("s3Location").begin_object().field("uri", media.url).end_object();
  else if (out.form("source") == R"("text")")
    w.field("text", media.data);
  else
    w.field("bytes", crypto::base64_encode(media.data));
  w.end_object();
}

// Letters, digits, single spaces, hyphens and brackets; the API demands a name.
std::string document_name(std::string_view name) {
  std::string out;
  for (const char c : name.substr(0, 200)) {
    const bool plain = (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
                       c == '-' || c == '(' || c == ')' || c == '[' || c == ']';
    out += plain ? c : '-';
  }
  return out.empty() ? "document" : out;
}

void write_media(ObjectWriter& out, const Media& media, bool native) {
  if (out.form("format").empty()) out.field("format", format_of(media));
  if (media.kind == MediaKind::kFile && !native)
    out.field("name", document_name(media.name));
  else if (media.kind == MediaKind::kFile && out.form("name").empty())
    out.field("name", media.name);
  write_source(out, media);
}

void write_result(ObjectWriter& out, const ToolResult& result, bool native) {
  out.field("toolUseId",
            out.form("id").empty() ? anthropic::wire_call_id(result.call_id) : std::string(result.call_id));
  if (result.is_error) out.field("status", "error");
  const bool none = std::none_of(result.content.begin(), result.content.end(), can_write);
  if (none && native) return;
  json::Writer& w = out.key("content").begin_array();
  if (none) w.begin_object().field("text", kNoOutput).end_object();
  for (const Part& part : result.content)
    if (can_write(part)) write_block(w, part);
  w.end_array();
}

void write_reasoning(ObjectWriter& out, const Reasoning& reasoning, bool known) {
  if (reasoning.form == Reasoning::Form::kRedacted && known)
    return out.field("redactedContent", redacted_bytes(reasoning));
  json::Writer& w = out.key("reasoningText").begin_object().field("text", reasoning.text);
  if (!reasoning.opaque.empty() && known) w.field("signature", reasoning.opaque);
  out.nested("reasoningText");
  w.end_object();
}

// The one member of the block, all that is an object.
void write_member(ObjectWriter& block, const Part& part, std::string_view member) {
  static const Extras kNone;
  const bool native = is_native(part.extras);
  Extras forms;  // the notes on the member, without the block's own members
  if (native)
    for (const auto& [name, json] : part.extras)
      if (is_note(name) || name == "tau:from") forms.add(name, json);
  ObjectWriter out(block.key(member), native ? forms : kNone, kBedrock);
  if (const auto* media = part.as<Media>()) {
    write_media(out, *media, native);
  } else if (const auto* call = part.as<ToolCall>()) {
    out.field("toolUseId", out.form("id").empty() ? anthropic::wire_call_id(call->id) : call->id);
    out.field("name", call->name);
    out.raw("input", anthropic::input_object(call->arguments));
  } else if (const auto* result = part.as<ToolResult>()) {
    write_result(out, *result, native);
  } else if (const auto* reasoning = part.as<Reasoning>()) {
    write_reasoning(out, *reasoning, can_write(part));
  } else if (const auto* text = part.as<Text>()) {
    out.key("content").begin_array().begin_object().field("text", text->text).end_object().end_array();
    out.raw("citations", part.extras.find("citations"));
  }
  out.nested("inner");
  out.done();
}

std::string_view member_of(const Part& part) {
  if (const auto* media = part.as<Media>()) return member_of(media->kind);
  if (part.as<ToolCall>() != nullptr) return "toolUse";
  if (part.as<ToolResult>() != nullptr) return "toolResult";
  return part.as<Reasoning>() != nullptr ? "reasoningContent" : "citationsContent";
}

// The extras without what is written elsewhere.
Extras extras_of_block(const Part& part) {
  Extras out;
  const bool cited = !find_form(part.extras, "cited").empty();
  if (extras_belong(part.extras, kBedrock))
    for (const auto& [name, json] : part.extras)
      if (name != "cache_control" && !(cited && name == "citations")) out.add(name, json);
  return out;
}

}  // namespace

std::string redacted_bytes(const Reasoning& reasoning) {
  std::string bytes;
  return decode_exact_base64(reasoning.opaque, bytes) ? reasoning.opaque
                                                      : crypto::base64_encode(reasoning.opaque);
}

Part opaque_block(const json::Value& value, std::string_view origin) {
  const auto& members = value.as_object();
  Part part{Opaque{members.empty() ? std::string() : members.front().first, json::write(value)}, {}};
  set_form(part.extras, "slot", quoted("content"));
  mark_origin(part.extras, origin);
  return part;
}

Part decode_block(const json::Value& value, std::string_view origin) {
  ObjectReader in(value);
  Part part;
  if (Text text; in.take_string("text", text.text)) {
    if (is_blank(text.text)) in.form("empty", "true");
    part.body = std::move(text);
  } else if (const json::Value* json = origin == kBedrockRequest ? in.take("json") : nullptr) {
    // A tool's result; for other dialects it is its text.
    part.body = Text{json::write(*json)};
    in.form("json", "true");
  } else if (decode_member(in, value, origin, part)) {
    if (part.as<Text>() != nullptr) in.form("cited", "true");
    if (part.as<ToolCall>() == nullptr) in.form("block", "true");
  } else {
    return opaque_block(value, origin);
  }
  Extras all = in.finish(origin);
  for (const auto& [name, json] : part.extras) all.set(name, json);
  mark_origin(all, origin);
  part.extras = std::move(all);
  return part;
}

bool can_write(const Part& part) {
  const bool native = is_native(part.extras);
  if (const auto* text = part.as<Text>()) return native || !is_blank(text->text);
  if (const auto* reasoning = part.as<Reasoning>()) {
    // Claude's signatures hold at both APIs; those of others mean nothing here.
    const bool known = extras_belong(part.extras, kAnthropic);
    return native ||
           (known && reasoning->form == Reasoning::Form::kSignature && !reasoning->opaque.empty()) ||
           (known && reasoning->form == Reasoning::Form::kRedacted);
  }
  if (part.as<Opaque>() != nullptr) return extras_belong(part.extras, kBedrock);
  if (const auto* media = part.as<Media>()) return !media->data.empty() || media->url.starts_with(kS3);
  return true;
}

void write_cache_point(json::Writer& out) {
  out.begin_object().key("cachePoint").begin_object().field("type", "default").end_object().end_object();
}

void write_block(json::Writer& w, const Part& part) {
  if (const auto* opaque = part.as<Opaque>()) {
    w.raw(opaque->json);
    return;
  }
  const Extras extras = extras_of_block(part);
  ObjectWriter out(w, extras, kBedrock);
  const auto* text = part.as<Text>();
  if (text != nullptr && !out.form("json").empty() && json::parse(text->text).ok())
    out.raw("json", text->text);
  else if (text != nullptr && out.form("cited").empty())
    out.field("text", text->text);
  else
    write_member(out, part, member_of(part));
  out.done();
  if (!is_native(part.extras) && !part.extras.find("cache_control").empty()) write_cache_point(w);
}

}  // namespace tau::wire::bedrock
