#include "json/escape.h"

#include <cstring>

namespace tau::json {
namespace {

constexpr uint32_t kReplacement = 0xFFFD;

// Four hexadecimal digits at `p`; -1 when they are not.
int32_t hex4(const char* p, const char* end) {
  if (end - p < 4) return -1;
  int32_t value = 0;
  for (int i = 0; i < 4; ++i) {
    const char c = p[i];
    int32_t digit = 0;
    if (c >= '0' && c <= '9') {
      digit = c - '0';
    } else if (c >= 'a' && c <= 'f') {
      digit = c - 'a' + 10;
    } else if (c >= 'A' && c <= 'F') {
      digit = c - 'A' + 10;
    } else {
      return -1;
    }
    value = value * 16 + digit;
  }
  return value;
}

// Three bytes for a surrogate too, as any other code point of its size has them.
char* put_utf8(char* out, uint32_t c) {
  const auto put = [&out](uint32_t byte) { *out++ = static_cast<char>(byte); };
  if (c < 0x80) {
    put(c);
  } else if (c < 0x800) {
    put(0xC0 | c >> 6);
    put(0x80 | (c & 0x3F));
  } else if (c < 0x10000) {
    put(0xE0 | c >> 12);
    put(0x80 | (c >> 6 & 0x3F));
    put(0x80 | (c & 0x3F));
  } else {
    put(0xF0 | c >> 18);
    put(0x80 | (c >> 12 & 0x3F));
    put(0x80 | (c >> 6 & 0x3F));
    put(0x80 | (c & 0x3F));
  }
  return out;
}

char simple_escape(char c) {
  switch (c) {
    case '"':
    case '\\':
    case '/': return c;
    case 'b': return '\b';
    case 'f': return '\f';
    case 'n': return '\n';
    case 'r': return '\r';
    case 't': return '\t';
    default: return '\0';
  }
}

bool accepted(EscapeError error, Halves halves) {
  return error == EscapeError::kNone || (error == EscapeError::kLoneSurrogate && halves != Halves::kRefuse);
}

}  // namespace

EscapeError decode_escape(const char*& p, const char* end, uint32_t& c) {
  ++p;
  if (p == end) return EscapeError::kUnknown;
  const char kind = *p++;
  if (kind != 'u') {
    c = static_cast<uint8_t>(simple_escape(kind));
    return c != 0 ? EscapeError::kNone : EscapeError::kUnknown;
  }
  const int32_t first = hex4(p, end);
  if (first < 0) return EscapeError::kBadHex;
  p += 4;
  c = static_cast<uint32_t>(first);
  if (c < 0xD800 || c > 0xDFFF) return EscapeError::kNone;
  if (c > 0xDBFF || end - p < 2 || p[0] != '\\' || p[1] != 'u') return EscapeError::kLoneSurrogate;
  const int32_t second = hex4(p + 2, end);
  if (second < 0) return EscapeError::kBadHex;
  if (second < 0xDC00 || second > 0xDFFF) return EscapeError::kLoneSurrogate;
  p += 6;
  c = 0x10000 + ((c - 0xD800) << 10) + (static_cast<uint32_t>(second) - 0xDC00);
  return EscapeError::kNone;
}

EscapeError unescape(std::string_view body, Halves halves, char* out, size_t& length, const char*& place) {
  char* const begin = out;
  const char* p = body.data();
  const char* const end = p + body.size();
  while (p != end) {
    const void* hit = std::memchr(p, '\\', static_cast<size_t>(end - p));
    const char* const stop = hit != nullptr ? static_cast<const char*>(hit) : end;
    const auto plain = static_cast<size_t>(stop - p);
    std::memmove(out, p, plain);
    out += plain;
    p = stop;
    if (p == end) break;
    place = p;
    uint32_t c = 0;
    const EscapeError error = decode_escape(p, end, c);
    if (!accepted(error, halves)) return error;
    out = put_utf8(out, error != EscapeError::kNone && halves == Halves::kReplace ? kReplacement : c);
  }
  length = static_cast<size_t>(out - begin);
  return EscapeError::kNone;
}

EscapeError check_escapes(std::string_view body, Halves halves, const char*& place) {
  const char* p = body.data();
  const char* const end = p + body.size();
  while (p != end) {
    const void* hit = std::memchr(p, '\\', static_cast<size_t>(end - p));
    if (hit == nullptr) break;
    p = static_cast<const char*>(hit);
    place = p;
    uint32_t c = 0;
    if (const EscapeError error = decode_escape(p, end, c); !accepted(error, halves)) return error;
  }
  return EscapeError::kNone;
}

}  // namespace tau::json
