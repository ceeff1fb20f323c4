// Parts of Gemini contents, both ways: text, thoughts, media, calls and their results. Others stay as they
// are.
#include <algorithm>
#include <iterator>

#include "crypto/crypto.h"
#include "wire/gemini.h"
#include "wire/media.h"
#include "wire/openai.h"

namespace tau::wire::gemini {
namespace {

// Whether it came from this API; parts without origin are the host's.
bool is_own(const Part& part) { return extras_origin(part.extras).starts_with(kGemini); }

struct Name {
  std::string_view camel;
  std::string_view snake;  // also the form that keeps it
};
constexpr Name kNames[] = {{"allowedFunctionNames", "allowed_function_names"},
                           {"fileData", "file_data"},
                           {"fileUri", "file_uri"},
                           {"functionCall", "function_call"},
                           {"functionCallingConfig", "function_calling_config"},
                           {"functionDeclarations", "function_declarations"},
                           {"functionResponse", "function_response"},
                           {"generationConfig", "generation_config"},
                           {"inlineData", "inline_data"},
                           {"maxOutputTokens", "max_output_tokens"},
                           {"mimeType", "mime_type"},
                           {"responseJsonSchema", "response_json_schema"},
                           {"responseMimeType", "response_mime_type"},
                           {"responseSchema", "response_schema"},
                           {"stopSequences", "stop_sequences"},
                           {"systemInstruction", "system_instruction"},
                           {"thinkingConfig", "thinking_config"},
                           {"thoughtSignature", "thought_signature"},
                           {"toolConfig", "tool_config"},
                           {"topP", "top_p"}};

const Name* find_name(std::string_view camel) {
  const auto* name =
      std::find_if(std::begin(kNames), std::end(kNames), [&](const Name& n) { return n.camel == camel; });
  return name == std::end(kNames) ? nullptr : name;
}

// The members of a result that hold one text; the first is the one written.
constexpr std::string_view kResultKeys[] = {"output", "result", "content", "error"};
constexpr std::string_view kErrorKey = "error";

MediaKind kind_of(std::string_view mime) {
  if (mime.starts_with("image/")) return MediaKind::kImage;
  return mime.starts_with("audio/") ? MediaKind::kAudio : MediaKind::kFile;
}

// The object under either spelling; null when there is none.
const json::Value* peek_object(ObjectReader& in, std::string_view name) {
  const json::Value* v = in.peek(spelled(in, name, in));
  return v != nullptr && v->is_object() ? v : nullptr;
}

void take_nested(ObjectReader& in, std::string_view name, const ObjectReader& inner) {
  in.take(spelled(in, name, in));
  in.nested(name, inner);
}

bool decode_media(ObjectReader& in, Media& media) {
  const bool inlined = peek_object(in, "inlineData") != nullptr;
  const std::string_view name = inlined ? "inlineData" : "fileData";
  const json::Value* data = peek_object(in, name);
  if (data == nullptr) return false;
  ObjectReader inner(*data);
  std::string text;
  if (inlined && (!inner.take_text("data", text) || !decode_exact_base64(text, media.data))) return false;
  if (!inlined && !inner.take_text(spelled(inner, "fileUri", in), media.url)) return false;
  inner.take_text(spelled(inner, "mimeType", in), media.mime);
  inner.take_text("displayName", media.name);
  media.kind = kind_of(media.mime);
  take_nested(in, name, inner);
  return true;
}

bool decode_call(ObjectReader& in, Calls& calls, ToolCall& call) {
  const json::Value* function = peek_object(in, "functionCall");
  if (function == nullptr) return false;
  ObjectReader inner(*function);
  const json::Value* args = inner.peek("args");
  const bool none = args == nullptr || args->is_null();
  if ((!none && !args->is_object()) || !inner.take_string("name", call.name)) return false;
  call.arguments = none ? "{}" : json::write(*args);
  if (none) in.form("args", quoted(args == nullptr ? "absent" : "null"));
  inner.take("args");
  std::string id;
  if (!inner.take_text("id", id)) in.form("id", "false");
  call.id = calls.add(call.name, id);
  take_nested(in, "functionCall", inner);
  return true;
}

// What a result says: the text of its only member, or all of it as JSON.
void decode_output(ObjectReader& in, const json::Value* output, ToolResult& result) {
  if (output == nullptr || !output->is_object()) return in.form("response", quoted("absent"));
  const json::Value::Object& members = output->as_object();
  const bool one = members.size() == 1 && members.front().second.is_string();
  for (const std::string_view key : kResultKeys) {
    if (!one || members.front().first != key) continue;
    in.form("response", quoted(key));
    result.is_error = key == kErrorKey;
    result.content.push_back({Text{std::string(members.front().second.as_string())}, {}});
    return;
  }
  in.form("response", quoted("json"));
  result.content.push_back({Text{json::write(*output)}, {}});
}

bool decode_result(ObjectReader& in, Calls& calls, ToolResult& result) {
  const json::Value* function = peek_object(in, "functionResponse");
  if (function == nullptr) return false;
  ObjectReader inner(*function);
  if (!inner.take_string("name", result.name)) return false;
  std::string id;
  if (!inner.take_text("id", id)) in.form("id", "false");
  result.call_id = calls.answer(result.name, id);
  decode_output(in, inner.take_object("response"), result);
  take_nested(in, "functionResponse", inner);
  return true;
}

bool decode_text(const json::Value& value, ObjectReader& in, Part& part) {
  const json::Value* text = in.peek("text");
  if (text == nullptr || !text->is_string()) return false;
  const std::string_view key = spelled(in, "thoughtSignature", in);
  const json::Value* signature = in.peek(key);
  const bool is_signed = signature != nullptr && !signature->as_string().empty();
  const bool thought = value["thought"].as_bool();
  in.take("text");
  if (!thought && !(is_signed && text->as_string().empty())) {
    if (text->as_string().empty()) in.form("empty", "true");
    part.body = Text{std::string(text->as_string())};
    return true;
  }
  Reasoning reasoning;
  reasoning.text = text->as_string();
  if (in.take_text(key, reasoning.opaque)) reasoning.form = Reasoning::Form::kSignature;
  if (thought)
    in.take("thought");
  else
    in.form("text", "true");
  in.form("whole", "true");
  part.body = std::move(reasoning);
  return true;
}

void write_call(ObjectWriter& out, const Part& part, bool in_answer) {
  const auto& call = *part.as<ToolCall>();
  const bool own = is_own(part);
  json::Writer& w = out.key(spelling(out, "functionCall")).begin_object();
  if (own ? out.form("id").empty() : in_answer) w.field("id", call.id);
  w.field("name", call.name);
  const std::string_view form = call.arguments == "{}" ? out.form("args") : std::string_view();
  const StatusOr<json::Value> args = json::parse(call.arguments);
  if (form == R"("null")")
    w.key("args").null();
  else if (form.empty() && args.ok() && args->is_object())
    w.field_raw("args", call.arguments);
  else if (form.empty() && args.ok() && args->is_null())
    w.key("args").begin_object().end_object();
  else if (form.empty())
    w.key("args").begin_object().field("invalid_arguments", call.arguments).end_object();
  out.nested("functionCall");
  w.end_object();
}

void write_result(ObjectWriter& out, const Part& part) {
  const auto& result = *part.as<ToolResult>();
  Message spoken;
  spoken.parts = result.content;
  const std::string text = spoken.text();
  json::Writer& w = out.key(spelling(out, "functionResponse")).begin_object();
  if (is_own(part) && out.form("id").empty()) w.field("id", result.call_id);
  w.field("name", result.name);
  std::string key(kResultKeys[0]);
  if (const StatusOr<json::Value> form = json::parse(out.form("response")); form.ok())
    key = form->as_string();
  else if (result.is_error)
    key = kErrorKey;
  const StatusOr<json::Value> object = json::parse(key == "json" ? text : std::string());
  if (object.ok() && object->is_object())
    w.field_raw("response", text);
  else if (key != "absent")
    w.key("response").begin_object().field(key == "json" ? "output" : key, text).end_object();
  out.nested("functionResponse");
  w.end_object();
}

// What is at a URL is told by its type here, and other dialects do not say it.
std::string_view mime_of(const Media& media) {
  if (!media.mime.empty()) return media.mime;
  if (media.kind == MediaKind::kAudio) return "audio/wav";
  if (media.kind == MediaKind::kFile)
    return media.data.empty() ? "application/pdf" : "application/octet-stream";
  const std::string_view url = std::string_view(media.url).substr(0, media.url.find('?'));
  if (url.ends_with(".png")) return "image/png";
  if (url.ends_with(".webp")) return "image/webp";
  return url.ends_with(".gif") ? "image/gif" : "image/jpeg";
}

// `named`: the API refuses names where they are not its own.
void write_media(ObjectWriter& out, const Media& media, bool named) {
  const std::string_view name = media.data.empty() ? "fileData" : "inlineData";
  json::Writer& w = out.key(spelling(out, name)).begin_object();
  if (!named || !media.mime.empty()) w.field(spelling(out, "mimeType"), mime_of(media));
  if (media.data.empty())
    w.field(spelling(out, "fileUri"), media.url);
  else
    w.field("data", crypto::base64_encode(media.data));
  if (named && !media.name.empty()) w.field("displayName", media.name);
  out.nested(name);
  w.end_object();
}

void write_reasoning(ObjectWriter& out, const Reasoning& reasoning) {
  out.field("text", reasoning.text);
  if (out.form("text").empty()) out.field("thought", true);
  if (out.own() && !reasoning.opaque.empty() && reasoning.form == Reasoning::Form::kSignature)
    out.field(spelling(out, "thoughtSignature"), reasoning.opaque);
}

}  // namespace

std::string_view spelled(const ObjectReader& object, std::string_view name, ObjectReader& notes) {
  const Name* known = find_name(name);
  if (known == nullptr || object.peek(name) != nullptr || object.peek(known->snake) == nullptr) return name;
  notes.form(known->snake, "true");
  return known->snake;
}

std::string_view spelling(const ObjectWriter& out, std::string_view name) {
  const Name* known = find_name(name);
  if (known == nullptr) return name;
  return out.form(known->snake).empty() ? known->camel : known->snake;
}

std::string Calls::add(std::string_view name, std::string_view id) {
  const size_t number = count_++;
  waiting_.push_back(
      {std::string(name), id.empty() ? openai::synthetic_call_id(response_id_, number) : std::string(id)});
  return waiting_.back().id;
}

std::string Calls::answer(std::string_view name, std::string_view id) {
  const auto call = std::find_if(waiting_.begin(), waiting_.end(), [&](const Waiting& waiting) {
    return id.empty() ? waiting.name == name : waiting.id == id;
  });
  std::string answered(id);
  if (call == waiting_.end())
    return id.empty() ? openai::synthetic_call_id(response_id_, count_++) : answered;
  answered = call->id;
  waiting_.erase(call);
  return answered;
}

Part decode_part(const json::Value& value, std::string_view origin, Calls& calls) {
  ObjectReader in(value);
  Part part;
  if (decode_text(value, in, part)) {
    part.extras = in.finish(origin);
    return part;
  }
  if (Media media; decode_media(in, media)) {
    part.body = std::move(media);
  } else if (ToolCall call; decode_call(in, calls, call)) {
    part.body = std::move(call);
  } else if (ToolResult result; decode_result(in, calls, result)) {
    part.body = std::move(result);
  } else {
    const json::Value::Object& members = value.as_object();
    part.body = Opaque{members.empty() ? std::string() : members.front().first, json::write(value)};
    set_form(part.extras, "slot", quoted("part"));
    mark_origin(part.extras, origin);
    return part;
  }
  in.form("whole", "true");
  part.extras = in.finish(origin);
  return part;
}

bool can_write(const Part& part) {
  const bool own = is_own(part);
  if (const auto* text = part.as<Text>()) return own || !text->text.empty();
  if (const auto* media = part.as<Media>())
    return own || !media->data.empty() || (!media->url.empty() && !media->url.starts_with("data:"));
  return part.as<ToolCall>() != nullptr || part.as<ToolResult>() != nullptr || own;
}

bool can_answer(const Part& part) { return can_write(part) || is_thought(part); }

static void write(json::Writer& w, const Part& part, std::string_view signature, bool in_answer) {
  if (const auto* opaque = part.as<Opaque>()) {
    w.raw(opaque->json);
    return;
  }
  ObjectWriter out(w, part.extras, kGemini);
  if (const auto* text = part.as<Text>()) out.field("text", text->text);
  if (const auto* media = part.as<Media>()) write_media(out, *media, is_own(part));
  if (part.as<ToolCall>() != nullptr) write_call(out, part, in_answer);
  if (part.as<ToolResult>() != nullptr) write_result(out, part);
  if (const auto* reasoning = part.as<Reasoning>()) write_reasoning(out, *reasoning);
  if (!signature.empty()) out.field("thoughtSignature", signature);
  out.done();
}

void write_part(json::Writer& w, const Part& part, std::string_view signature) {
  write(w, part, signature, false);
}

void write_answer_part(json::Writer& w, const Part& part) { write(w, part, {}, true); }

bool is_text_signature(const Part& part) {
  return part.as<Reasoning>() != nullptr && is_own(part) && !find_form(part.extras, "text").empty();
}

Part text_signature(std::string_view signature) {
  Part part{Reasoning{{}, std::string(signature), Reasoning::Form::kSignature}, {}};
  set_form(part.extras, "text", "true");
  set_form(part.extras, "whole", "true");
  mark_origin(part.extras, kGeminiResponse);
  return part;
}

}  // namespace tau::wire::gemini
