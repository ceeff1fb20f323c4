#include "wire/media.h"

#include <algorithm>

#include "crypto/crypto.h"

namespace tau::wire {
namespace {

constexpr std::string_view kScheme = "data:";
constexpr std::string_view kBase64 = ";base64,";
constexpr std::string_view kAudioMime = "audio/";

std::string_view audio_format(std::string_view mime) {
  if (mime == "audio/mpeg") return "mp3";
  if (mime == "audio/wave" || mime == "audio/x-wav" || mime == "audio/vnd.wave") return "wav";
  return mime.starts_with(kAudioMime) ? mime.substr(kAudioMime.size()) : mime;
}

}  // namespace

bool decode_exact_base64(std::string_view text, std::string& bytes) {
  StatusOr<std::string> decoded = crypto::base64_decode(text);
  if (!decoded.ok() || decoded->empty() || crypto::base64_encode(*decoded) != text) return false;
  bytes = *std::move(decoded);
  return true;
}

std::string_view image_mime(std::string_view bytes) {
  if (bytes.starts_with("\x89PNG")) return "image/png";
  if (bytes.starts_with("\xFF\xD8\xFF")) return "image/jpeg";
  if (bytes.starts_with("GIF8")) return "image/gif";
  return bytes.starts_with("RIFF") && bytes.substr(std::min<size_t>(8, bytes.size())).starts_with("WEBP")
             ? std::string_view("image/webp")
             : std::string_view();
}

void set_url_or_data(Media& media, std::string_view url) {
  const size_t mark = url.find(kBase64);
  if (url.starts_with(kScheme) && mark != std::string_view::npos && mark > kScheme.size() &&
      decode_exact_base64(url.substr(mark + kBase64.size()), media.data)) {
    media.mime = url.substr(kScheme.size(), mark - kScheme.size());
    return;
  }
  media.url = url;
}

std::string data_url(const Media& media) {
  if (media.data.empty()) return media.url;
  std::string out(kScheme);
  out += media.mime.empty() ? std::string_view("application/octet-stream") : std::string_view(media.mime);
  out += kBase64;
  out += crypto::base64_encode(media.data);
  return out;
}

bool decode_audio(ObjectReader& in, Media& media) {
  const json::Value* audio = in.peek("input_audio");
  if (audio == nullptr) return false;
  ObjectReader inner(*audio);
  std::string kind;
  std::string data;
  if (!inner.take_text("format", kind) || !inner.take_text("data", data)) return false;
  if (!decode_exact_base64(data, media.data)) return false;
  in.take("input_audio");
  media.kind = MediaKind::kAudio;
  media.mime = std::string(kAudioMime) + kind;
  in.nested("input_audio", inner);
  return true;
}

void write_audio(ObjectWriter& out, const Media& media) {
  out.field("type", "input_audio");
  json::Writer& inner = out.key("input_audio").begin_object();
  inner.field("data", media.data.empty() ? media.url : crypto::base64_encode(media.data));
  inner.field("format", audio_format(media.mime));
  out.nested("input_audio");
  inner.end_object();
}

}  // namespace tau::wire
