// The scanner's scalars: string escapes and numbers.
#include <charconv>
#include <cstring>

#include "json/scanner.h"

namespace tau::json {
namespace {

bool is_digit(char c) { return c >= '0' && c <= '9'; }

// Four hexadecimal digits at `p`; -1 when they are not.
int32_t hex4(const char* p, const char* end) {
  if (end - p < 4) return -1;
  int32_t value = 0;
  for (int i = 0; i < 4; ++i) {
    const char c = p[i];
    int32_t digit = 0;
    if (is_digit(c)) {
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

enum class Escape : uint8_t { kOk, kUnknown, kBadHex, kLoneSurrogate };

// Decodes what follows a backslash; advances `p` past it.
Escape decode_escape(const char*& p, const char* end, uint32_t& c) {
  if (p == end) return Escape::kUnknown;
  const char kind = *p++;
  if (kind != 'u') {
    c = static_cast<uint8_t>(simple_escape(kind));
    return c != 0 ? Escape::kOk : Escape::kUnknown;
  }
  const int32_t first = hex4(p, end);
  if (first < 0) return Escape::kBadHex;
  p += 4;
  c = static_cast<uint32_t>(first);
  if (c < 0xD800 || c > 0xDFFF) return Escape::kOk;
  if (c > 0xDBFF || end - p < 2 || p[0] != '\\' || p[1] != 'u') return Escape::kLoneSurrogate;
  const int32_t second = hex4(p + 2, end);
  if (second < 0) return Escape::kBadHex;
  if (second < 0xDC00 || second > 0xDFFF) return Escape::kLoneSurrogate;
  p += 6;
  c = 0x10000 + ((c - 0xD800) << 10) + (static_cast<uint32_t>(second) - 0xDC00);
  return Escape::kOk;
}

// The decimal exponent of a well-formed number that from_chars found out of range: its sign tells overflow
// from underflow. Saturates.
int64_t magnitude(std::string_view t) {
  constexpr int64_t kLarge = int64_t{1} << 40;
  size_t i = t[0] == '-' ? 1 : 0;
  int64_t exponent = 0;
  bool point = false;
  bool leading = true;
  for (; i < t.size() && t[i] != 'e' && t[i] != 'E'; ++i) {
    if (t[i] == '.') {
      point = true;
      continue;
    }
    if (leading && t[i] == '0') {
      if (point) --exponent;
      continue;
    }
    leading = false;
    if (!point) ++exponent;
  }
  if (i == t.size()) return exponent;
  ++i;
  const bool negative = t[i] == '-';
  if (t[i] == '-' || t[i] == '+') ++i;
  int64_t written = 0;
  for (; i < t.size(); ++i)
    if (written < kLarge) written = written * 10 + (t[i] - '0');
  return exponent + (negative ? -written : written);
}

// Plain integers of up to 18 digits cannot overflow: most numbers end here.
bool short_integer(std::string_view t, int64_t& out) {
  const bool negative = t[0] == '-';
  const size_t digits = t.size() - (negative ? 1 : 0);
  if (digits == 0 || digits > 18) return false;
  const size_t first = negative ? 1 : 0;
  if (t[first] == '0' && digits > 1) return false;
  int64_t value = 0;
  for (size_t i = first; i < t.size(); ++i) {
    if (!is_digit(t[i])) return false;
    value = value * 10 + (t[i] - '0');
  }
  out = negative ? -value : value;
  return true;
}

// Whether `t` is a JSON number (RFC 8259 section 6), and whether it has a fraction or an exponent.
bool number_grammar(std::string_view t, bool& integral) {
  size_t i = 0;
  const auto digits = [&] {
    const size_t from = i;
    while (i < t.size() && is_digit(t[i])) ++i;
    return i - from;
  };
  if (i < t.size() && t[i] == '-') ++i;
  const bool zero = i < t.size() && t[i] == '0';
  const size_t whole = digits();
  if (whole == 0 || (zero && whole > 1)) return false;
  integral = i == t.size();
  if (i < t.size() && t[i] == '.') {
    ++i;
    if (digits() == 0) return false;
  }
  if (i < t.size() && (t[i] == 'e' || t[i] == 'E')) {
    ++i;
    if (i < t.size() && (t[i] == '+' || t[i] == '-')) ++i;
    if (digits() == 0) return false;
  }
  return i == t.size();
}

}  // namespace

bool Scanner::escape(const char*& p, const char* end, uint32_t& c) {
  const auto at = static_cast<size_t>(p - text_.data());
  ++p;
  switch (decode_escape(p, end, c)) {
    case Escape::kOk: return true;
    case Escape::kUnknown: return fail(Reason::kSyntax, at, "unknown escape");
    case Escape::kBadHex: return fail(Reason::kSyntax, at, "\\u needs four hexadecimal digits");
    case Escape::kLoneSurrogate: return fail(Reason::kUtf8, at, "a lone surrogate escape");
  }
  return false;
}

bool Scanner::unescape(std::string_view body, char* out, size_t& length) {
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
    uint32_t c = 0;
    if (!escape(p, end, c)) return false;
    out = put_utf8(out, c);
  }
  length = static_cast<size_t>(out - begin);
  return true;
}

bool Scanner::check_escapes(std::string_view body) {
  const char* p = body.data();
  const char* const end = p + body.size();
  while (p != end) {
    const void* hit = std::memchr(p, '\\', static_cast<size_t>(end - p));
    if (hit == nullptr) return true;
    p = static_cast<const char*>(hit);
    uint32_t c = 0;
    if (!escape(p, end, c)) return false;
  }
  return true;
}

bool Scanner::number(Number& out) {
  const size_t at = offset();
  if (at_end()) return fail(Reason::kSyntax, at, "expected a value");
  const std::string_view t = token(position_);
  if (short_integer(t, out.i)) {
    out.kind = Number::Kind::kInt;
    ++position_;
    return true;
  }
  bool integral = false;
  if (!number_grammar(t, integral)) return fail(Reason::kSyntax, at, "expected a value");
  const char* const end = t.data() + t.size();
  if (integral) {
    out.kind = Number::Kind::kInt;
    auto result = std::from_chars(t.data(), end, out.i);
    if (result.ec != std::errc()) {
      out.kind = Number::Kind::kUint;
      result = std::from_chars(t.data(), end, out.u);
      if (result.ec != std::errc()) return fail(Reason::kNumberRange, at, "an integer outside [-2^63, 2^64)");
    }
  } else {
    out.kind = Number::Kind::kDouble;
    const auto result = std::from_chars(t.data(), end, out.d);
    if (result.ec == std::errc::result_out_of_range) {
      if (magnitude(t) > 0) return fail(Reason::kNumberRange, at, "a number too large for a double");
      out.d = t[0] == '-' ? -0.0 : 0.0;
    }
  }
  ++position_;
  return true;
}

}  // namespace tau::json
