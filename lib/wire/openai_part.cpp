// Content parts of chat completions: text, images, audio, files, and whatever else stays opaque.
#include "wire/media.h"
#include "wire/openai.h"

namespace tau::wire::openai {
namespace {

Part opaque_part(const json::Value& value, std::string_view origin) {
  Part part;
  part.body = Opaque{std::string(value["type"].as_string()), json::write(value)};
  set_form(part.extras, "slot", quoted("content"));
  mark_origin(part.extras, origin);
  return part;
}

bool decode_image(ObjectReader& in, Media& media) {
  const json::Value* image = in.peek("image_url");
  if (image == nullptr) return false;
  if (image->is_string()) {
    set_url_or_data(media, in.take("image_url")->as_string());
    in.form("image_url", quoted("string"));
    return true;
  }
  ObjectReader inner(*image);
  std::string url;
  if (!inner.take_string("url", url)) return false;
  in.take("image_url");
  set_url_or_data(media, url);
  in.nested("image_url", inner);
  return true;
}

bool decode_file(ObjectReader& in, Media& media) {
  const json::Value* file = in.peek("file");
  if (file == nullptr) return false;
  ObjectReader inner(*file);
  std::string data;
  if (inner.take_text("file_data", data)) set_url_or_data(media, data);
  inner.take_text("file_id", media.id);
  inner.take_text("filename", media.name);
  if (data.empty() && media.id.empty()) return false;
  in.take("file");
  in.nested("file", inner);
  return true;
}

// Mistral's document: {"type":"document_url","document_url":"https://…"}.
bool decode_document(ObjectReader& in, Media& media) {
  const json::Value* url = in.peek("document_url");
  if (url == nullptr || !url->is_string() || url->as_string().empty()) return false;
  set_url_or_data(media, in.take("document_url")->as_string());
  in.take_text("document_name", media.name);
  in.form("document_url", "true");
  return true;
}

// Mistral's thinking chunk: {"type":"thinking","thinking":[{"type":"text","text":…}]}; Cohere's has the text
// itself.
bool decode_thinking(ObjectReader& in, Reasoning& reasoning, const Flavor& flavor) {
  if (flavor.thinking_text) {
    in.form("fields", R"(["thinking"])");
    return in.take_string("thinking", reasoning.text);
  }
  const json::Value* chunks = in.peek("thinking");
  if (chunks == nullptr || chunks->as_array().size() != 1) return false;
  const json::Value& chunk = chunks->as_array().front();
  if (chunk.size() != 2 || chunk["type"].as_string() != "text" || !chunk["text"].is_string()) return false;
  reasoning.text = chunk["text"].as_string();
  in.take("thinking");
  in.form("fields", R"(["thinking"])");
  return true;
}

void write_image(ObjectWriter& out, const Media& media) {
  out.field("type", "image_url");
  if (out.form("image_url") == R"("string")") {
    out.field("image_url", data_url(media));
    return;
  }
  out.key("image_url").begin_object().field("url", data_url(media));
  out.nested("image_url");
  out.out().end_object();
}

void write_media(ObjectWriter& out, const Media& media) {
  if (media.kind == MediaKind::kImage) return write_image(out, media);
  if (media.kind == MediaKind::kAudio) return write_audio(out, media);
  if (!out.form("document_url").empty()) {
    out.field("type", "document_url");
    out.field("document_url", data_url(media));
    if (!media.name.empty()) out.field("document_name", media.name);
    return;
  }
  out.field("type", "file");
  json::Writer& inner = out.key("file").begin_object();
  if (!media.data.empty() || !media.url.empty()) inner.field("file_data", data_url(media));
  if (!media.id.empty()) inner.field("file_id", media.id);
  if (!media.name.empty()) inner.field("filename", media.name);
  out.nested("file");
  inner.end_object();
}

void write_thinking(ObjectWriter& out, const Reasoning& reasoning, const Flavor& flavor) {
  out.field("type", "thinking");
  if (flavor.thinking_text) return out.field("thinking", reasoning.text);
  out.key("thinking").begin_array().begin_object();
  out.out().field("type", "text").field("text", reasoning.text).end_object().end_array();
}

}  // namespace

bool is_thinking_part(const Part& part, const Flavor& flavor) {
  return flavor.thinking_parts && part.as<Reasoning>() != nullptr &&
         extras_belong(part.extras, flavor.dialect) && find_form(part.extras, "fields") == R"(["thinking"])";
}

Part decode_part(const json::Value& value, std::string_view origin, const Flavor& flavor) {
  ObjectReader in(value);
  Part part;
  const std::string_view type = value["type"].as_string();
  Media media;
  if (Text text; type == "text" && in.take_string("text", text.text)) {
    part.body = std::move(text);
  } else if (Reasoning reasoning; type == "thinking" && decode_thinking(in, reasoning, flavor)) {
    part.body = std::move(reasoning);
  } else if (type == "image_url" && decode_image(in, media)) {
    part.body = std::move(media);
  } else if (type == "input_audio" && decode_audio(in, media)) {
    part.body = std::move(media);
  } else if ((type == "file" && decode_file(in, media)) ||
             (type == "document_url" && decode_document(in, media))) {
    media.kind = MediaKind::kFile;
    part.body = std::move(media);
  } else {
    return opaque_part(value, origin);
  }
  in.take("type");
  part.extras = in.finish(origin);
  return part;
}

bool is_content(const Part& part, const Flavor& flavor) {
  if (part.as<Text>() != nullptr || part.as<Media>() != nullptr || is_thinking_part(part, flavor))
    return true;
  return part.as<Opaque>() != nullptr && extras_belong(part.extras, flavor.dialect) &&
         find_form(part.extras, "slot") == R"("content")";
}

void write_content_part(json::Writer& out, const Part& part, const Flavor& flavor) {
  if (const auto* opaque = part.as<Opaque>()) {
    out.raw(opaque->json);
    return;
  }
  ObjectWriter object(out, part.extras, flavor.dialect);
  if (const auto* text = part.as<Text>()) {
    object.field("type", "text");
    object.field("text", text->text);
  } else if (const auto* media = part.as<Media>()) {
    write_media(object, *media);
  } else if (const auto* reasoning = part.as<Reasoning>()) {
    write_thinking(object, *reasoning, flavor);
  }
  object.done();
}

}  // namespace tau::wire::openai
