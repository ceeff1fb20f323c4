// The escapes of JSON strings (RFC 8259, section 7).
#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>

#include "json/json.h"

namespace tau::json {

enum class EscapeError : uint8_t { kNone, kUnknown, kBadHex, kLoneSurrogate };

// Decodes the escape whose backslash is at `p`, and moves `p` past it. A lone surrogate is an error; it is
// moved past all the same, and `c` is the surrogate.
EscapeError decode_escape(const char*& p, const char* end, uint32_t& c);

// Decodes the escapes of `body` to `out`, which has room for body.size() bytes and may be body.data().
// A lone surrogate is taken as `halves` says. On an error `place` is where the escape begins.
EscapeError unescape(std::string_view body, Halves halves, char* out, size_t& length, const char*& place);

// As unescape(), without the text.
EscapeError check_escapes(std::string_view body, Halves halves, const char*& place);

}  // namespace tau::json
