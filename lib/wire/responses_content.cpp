// Contents of Responses messages and of results: text, refusals, images, files, audio, and what stays opaque.
#include <algorithm>

#include "wire/media.h"
#include "wire/responses.h"

namespace tau::wire::responses {
namespace {

std::string_view text_type(Role role) { return role == Role::kAssistant ? "output_text" : "input_text"; }

bool is_text(std::string_view type) {
  return type == "input_text" || type == "output_text" || type == "text";
}

bool decode_image(ObjectReader& in, Media& media) {
  std::string url;
  if (in.take_text("image_url", url)) set_url_or_data(media, url);
  in.take_text("file_id", media.id);
  in.expect("detail");
  return !url.empty() || !media.id.empty();
}

bool decode_file(ObjectReader& in, Media& media) {
  media.kind = MediaKind::kFile;
  const json::Value* data = in.peek("file_data");
  Media read;
  if (data != nullptr) set_url_or_data(read, data->as_string());
  if (!read.data.empty()) {
    in.take("file_data");
    media.data = std::move(read.data);
    media.mime = std::move(read.mime);
  } else {
    in.take_text("file_url", media.url);
  }
  in.take_text("file_id", media.id);
  if (media.data.empty() && media.url.empty() && media.id.empty()) return false;
  in.take_text("filename", media.name);
  return true;
}

bool decode_known(ObjectReader& in, std::string_view type, Role role, std::string_view origin, Part& part) {
  Media media;
  if (Text text; is_text(type) && in.take_string("text", text.text)) {
    if (type != text_type(role)) in.form("type", quoted(type));
    if (text.text.empty()) in.form("empty", "true");
    if (type == "output_text" && origin == kResponsesResponse)
      for (const std::string_view list : {"annotations", "logprobs"}) in.take_no_elements(list);
    part.body = std::move(text);
  } else if (Text refusal; type == "refusal" && in.take_string("refusal", refusal.text)) {
    in.form("type", quoted(type));
    part.body = std::move(refusal);
  } else if ((type == "input_image" && decode_image(in, media)) ||
             (type == "input_file" && decode_file(in, media)) ||
             (type == "input_audio" && decode_audio(in, media))) {
    part.body = std::move(media);
  } else {
    return false;
  }
  return true;
}

void write_media(ObjectWriter& out, const Media& media) {
  if (media.kind == MediaKind::kAudio) return write_audio(out, media);
  const bool image = media.kind == MediaKind::kImage;
  out.field("type", image ? "input_image" : "input_file");
  if (image && (!media.data.empty() || !media.url.empty())) out.field("image_url", data_url(media));
  if (image && out.wants("detail")) out.field("detail", "auto");
  if (!image && !media.data.empty()) out.field("file_data", data_url(media));
  if (!image && media.data.empty() && !media.url.empty()) out.field("file_url", media.url);
  if (!media.id.empty()) out.field("file_id", media.id);
  // A file's bytes are refused without a name.
  if (!image && (!media.name.empty() || (!media.data.empty() && !out.own())))
    out.field("filename", media.name.empty() ? std::string_view("file") : std::string_view(media.name));
}

void write_text(ObjectWriter& out, const std::string& text, bool refusal, Role role,
                std::string_view origin) {
  std::string type(refusal ? std::string_view("refusal") : text_type(role));
  if (const StatusOr<json::Value> form = json::parse(out.form("type")); form.ok()) type = form->as_string();
  out.field("type", type);
  out.field(type == "refusal" ? "refusal" : "text", text);
  if (type != "output_text" || origin != kResponsesResponse) return;
  for (const std::string_view list : {"annotations", "logprobs"})
    if (out.wants(list)) out.key(list).begin_array().end_array();
}

}  // namespace

Part decode_content(const json::Value& value, Role role, std::string_view origin) {
  ObjectReader in(value);
  Part part;
  const std::string_view type = value["type"].as_string();
  if (!decode_known(in, type, role, origin, part)) {
    part.body = Opaque{std::string(type), json::write(value)};
    set_form(part.extras, "slot", quoted("content"));
    mark_origin(part.extras, origin);
    return part;
  }
  in.take("type");
  part.extras = in.finish(origin);
  return part;
}

std::optional<Part> refusal_mark(const Response& response) {
  const std::vector<Part>& parts = response.message.parts;
  if (response.finish != FinishReason::kRefusal || std::any_of(parts.begin(), parts.end(), is_refusal))
    return std::nullopt;
  Part part{Text{}, {}};
  set_form(part.extras, "type", kRefusalForm);
  mark_origin(part.extras, kResponsesResponse);
  return part;
}

bool is_content(const Part& part, Role role) {
  const bool own = extras_belong(part.extras, kResponses);
  if (const auto* text = part.as<Text>()) return !text->text.empty() || (own && !part.extras.empty());
  // What another API lets a model say beside text has no form here.
  if (part.as<Media>() != nullptr) return role != Role::kAssistant || (own && !part.extras.empty());
  return part.as<Opaque>() != nullptr && own && find_form(part.extras, "slot") == R"("content")";
}

void write_content(json::Writer& w, const Part& part, Role role, std::string_view origin) {
  if (const auto* opaque = part.as<Opaque>()) {
    w.raw(opaque->json);
    return;
  }
  // What was said of an answer's text is not for a request.
  Extras kept;
  const bool replayed = origin == kResponsesRequest && extras_origin(part.extras) == kResponsesResponse;
  if (replayed)
    for (const auto& [key, json] : part.extras)
      if (key != "annotations" && key != "logprobs") kept.add(key, json);
  ObjectWriter out(w, replayed ? kept : part.extras, kResponses);
  if (const auto* text = part.as<Text>())
    write_text(out, text->text, is_refusal(part), role, origin);
  else if (const auto* media = part.as<Media>())
    write_media(out, *media);
  out.done();
}

}  // namespace tau::wire::responses
