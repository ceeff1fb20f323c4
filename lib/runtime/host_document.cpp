#include "runtime/host_document.h"

#include <algorithm>
#include <charconv>
#include <optional>

namespace tau::runtime {
namespace {

constexpr std::string_view kBlobPrefix = "blob:";

wire::MediaKind media_kind(std::string_view mime) {
  if (mime.starts_with("image/")) return wire::MediaKind::kImage;
  if (mime.starts_with("audio/")) return wire::MediaKind::kAudio;
  return wire::MediaKind::kFile;
}

Status all_strings(const json::Value& v, std::string_view what) {
  for (const auto& [key, value] : v.as_object())
    if (key != "extras") TAU_RETURN_IF_ERROR(check_type(value.is_string(), what, key, "a string"));
  return check_type(!v.contains("extras") || v["extras"].is_object(), what, "extras", "an object");
}

Status check_media(const json::Value& v, std::string_view what) {
  TAU_RETURN_IF_ERROR(only_keys(v, what, {"type", "mime", "url", "data", "id", "name", "extras"}));
  int sources = 0;
  for (const std::string_view key : {"url", "data", "id"}) sources += v[key].as_string().empty() ? 0 : 1;
  if (sources == 1) return ok_status();
  return invalid_argument(
      "invalid_message",
      std::string(what) + ": one of \"url\", \"data\" and \"id\" says where the bytes are");
}

// What a user may say: the calls, results and thoughts of a model are not the host's to write.
Status check_part(const json::Value& v, std::string_view what) {
  TAU_RETURN_IF_ERROR(check_type(v.is_object() && v["type"].is_string(), what, "type", "a string"));
  TAU_RETURN_IF_ERROR(all_strings(v, what));
  const std::string_view type = v["type"].as_string();
  if (type == "text") {
    TAU_RETURN_IF_ERROR(only_keys(v, what, {"type", "text", "extras"}));
    return check_type(v.contains("text"), what, "text", "a string");
  }
  if (type == "image" || type == "audio" || type == "file") return check_media(v, what);
  if (type == "opaque") return only_keys(v, what, {"type", "kind", "json", "extras"});
  return invalid_argument(
      "invalid_message",
      format("{}: type \"{}\" is none that a user's message may have: text, image, audio, file, opaque", what,
             type));
}

std::string part_name(size_t index) { return format("message.parts[{}]", index); }

Status check_message(const json::Value& v) {
  TAU_RETURN_IF_ERROR(only_keys(v, "message", {"role", "parts", "labels", "extras"}));
  if (v["role"].as_string() != "user")
    return invalid_argument("invalid_message", "message: \"role\" should be \"user\"");
  TAU_RETURN_IF_ERROR(check_type(v["parts"].is_array(), "message", "parts", "an array"));
  TAU_RETURN_IF_ERROR(
      check_type(!v.contains("extras") || v["extras"].is_object(), "message", "extras", "an object"));
  const json::Value::Array& parts = v["parts"].as_array();
  for (size_t i = 0; i < parts.size(); ++i) TAU_RETURN_IF_ERROR(check_part(parts[i], part_name(i)));
  return ok_status();
}

// The blob that each part names.
struct References {
  std::vector<std::optional<size_t>> of_part;
  std::vector<bool> used;
};

// Takes them out of the message: they are no base 64.
StatusOr<References> take_references(json::Value& message, size_t blob_count) {
  References out;
  out.used.resize(blob_count);
  for (json::Value& part : message.find("parts")->mutable_array()) {
    std::optional<size_t>& reference = out.of_part.emplace_back();
    json::Value* data = part["type"].as_string() == "opaque" ? nullptr : part.find("data");
    if (data == nullptr || !data->as_string().starts_with(kBlobPrefix)) continue;
    const std::string_view digits = data->as_string().substr(kBlobPrefix.size());
    size_t n = 0;
    const auto [end, failure] = std::from_chars(digits.data(), digits.data() + digits.size(), n);
    if (failure != std::errc() || end != digits.data() + digits.size() || n >= blob_count)
      return invalid_argument("no_such_blob",
                              format("{}: \"{}\" is none of the {} blobs given",
                                     part_name(out.of_part.size() - 1), data->as_string(), blob_count));
    reference = n;
    out.used[n] = true;
    data->mutable_string().clear();
  }
  const auto unused = std::find(out.used.begin(), out.used.end(), false);
  if (unused == out.used.end()) return out;
  return invalid_argument(
      "unused_blob", format("no part of the message names \"{}{}\"", kBlobPrefix, unused - out.used.begin()));
}

void fill_in(wire::Media& media, const wire::Media& blob) {
  media.data = blob.data;
  if (media.mime.empty()) media.mime = blob.mime;
  if (media.name.empty()) media.name = blob.name;
}

bool says_nothing(const wire::Part& part) {
  const auto* text = part.as<wire::Text>();
  return text != nullptr && text->text.empty();
}

}  // namespace

Status only_keys(const json::Value& v, std::string_view what, std::initializer_list<std::string_view> known) {
  if (!v.is_object()) return invalid_argument("wrong_type", std::string(what) + " should be a JSON object");
  for (const auto& [key, value] : v.as_object()) {
    bool found = false;
    for (const std::string_view k : known) found = found || k == key;
    if (!found)
      return invalid_argument("unknown_key", std::string(what) + " has an unknown key \"" + key + "\"");
  }
  return ok_status();
}

StatusOr<std::vector<std::string>> read_strings(const json::Value& v, std::string_view what,
                                                std::string_view key) {
  std::vector<std::string> out;
  if (!v.contains(key)) return out;
  const json::Value::Array& list = v[key].as_array();
  const bool good = v[key].is_array() && std::all_of(list.begin(), list.end(), [](const json::Value& item) {
                      return item.is_string();
                    });
  TAU_RETURN_IF_ERROR(check_type(good, what, key, "a list of strings"));
  for (const json::Value& item : list) out.emplace_back(item.as_string());
  return out;
}

StatusOr<bool> read_flag(const json::Value& v, std::string_view what, std::string_view key, bool otherwise) {
  TAU_RETURN_IF_ERROR(check_type(!v.contains(key) || v[key].is_bool(), what, key, "true or false"));
  return v[key].as_bool(otherwise);
}

StatusOr<int64_t> read_count(const json::Value& v, std::string_view what, std::string_view key) {
  const bool good = !v.contains(key) || (v[key].is_integer() && v[key].as_int(-1) >= 0);
  TAU_RETURN_IF_ERROR(check_type(good, what, key, "an integer that is not negative"));
  return v[key].as_int();
}

StatusOr<std::string> need_string(const json::Value& v, std::string_view what, std::string_view key) {
  const json::Value* member = v.find(key);
  if (member == nullptr || !member->is_string())
    return invalid_argument("wrong_type",
                            std::string(what) + ": \"" + std::string(key) + "\" should be a string");
  return std::string(member->as_string());
}

StatusOr<int64_t> read_bounded(const json::Value& v, std::string_view what, std::string_view key,
                               int64_t otherwise, int64_t least, int64_t most) {
  if (!v.contains(key)) return otherwise;
  TAU_ASSIGN_OR_RETURN(const int64_t number, read_count(v, what, key));
  TAU_RETURN_IF_ERROR(
      check_type(number >= least && number <= most, what, key, format("{} to {}", least, most)));
  return number;
}

Status check_type(bool good, std::string_view what, std::string_view key, std::string_view type) {
  if (good) return ok_status();
  return invalid_argument(
      "wrong_type", std::string(what) + ": \"" + std::string(key) + "\" should be " + std::string(type));
}

wire::Message user_message(std::string_view text, std::vector<wire::Media> blobs) {
  wire::Message message = wire::text_message(wire::Role::kUser, text, Labels::from(Source::kUser));
  if (text.empty()) message.parts.clear();  // providers refuse empty text
  for (wire::Media& blob : blobs) {
    blob.kind = media_kind(blob.mime);
    message.parts.push_back({.body = std::move(blob), .extras = {}});
  }
  return message;
}

StatusOr<wire::Message> host_message(json::Value message, std::vector<wire::Media> blobs) {
  TAU_RETURN_IF_ERROR(check_message(message));
  TAU_ASSIGN_OR_RETURN(const References references, take_references(message, blobs.size()));
  TAU_ASSIGN_OR_RETURN(wire::Message out, wire::message_from_json(message));
  for (size_t i = 0; i < out.parts.size(); ++i)
    if (references.of_part[i]) fill_in(*out.parts[i].as<wire::Media>(), blobs[*references.of_part[i]]);
  if (std::all_of(out.parts.begin(), out.parts.end(), says_nothing))
    return invalid_argument("empty_message", "message says nothing");
  // A host that passes on what others wrote says so; it cannot take the user out.
  out.labels.join(Labels::from(Source::kUser));
  return out;
}

}  // namespace tau::runtime
