// Media bytes as data URLs and base 64, kept exact: text that would not encode to itself is not decoded.
#pragma once

#include <string>
#include <string_view>

#include "wire/form.h"
#include "wire/wire.h"

namespace tau::wire {

// Sets `bytes` when `text` is canonical base 64.
bool decode_exact_base64(std::string_view text, std::string& bytes);
// The type of an image by its first bytes; empty when it is none of PNG, JPEG, GIF and WebP.
std::string_view image_mime(std::string_view bytes);
// Sets mime and data from "data:<mime>;base64,<canonical>"; any other text becomes the url.
void set_url_or_data(Media& media, std::string_view url);
// The reverse: a data URL, or the url as it is.
std::string data_url(const Media& media);
// {"type":"input_audio","input_audio":{"data":…,"format":…}}, which both OpenAI dialects have. decode_audio
// leaves the type.
bool decode_audio(ObjectReader& in, Media& media);
void write_audio(ObjectWriter& out, const Media& media);

}  // namespace tau::wire
