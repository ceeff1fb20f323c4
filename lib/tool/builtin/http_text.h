// What came back over HTTP, as text for a model. Private to tool.
#pragma once

#include <string>

#include "net/net.h"

namespace tau::tool {

// The first line "HTTP 200 https://…", the headers that matter to a reader, a blank line, the body. A body
// that is no text is described in one line. Nothing of the answer can pass for that first line.
std::string http_text(const net::FetchResponse& response);

// `body` in UTF-8, or nothing when it is no text. `content_type` may name UTF-8, ASCII, ISO-8859-1 or
// windows-1252; without a name UTF-8 is tried. A character cut off at the end is left out.
std::optional<std::string> body_text(std::string_view body, std::string_view content_type);

}  // namespace tau::tool
