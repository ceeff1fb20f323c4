// The scanner's scalars: what is wrong with an escape, and numbers.
#include <charconv>

#include "json/escape.h"
#include "json/scanner.h"

namespace tau::json {
namespace {

bool is_digit(char c) { return c >= '0' && c <= '9'; }

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

bool Scanner::fail_escape(EscapeError error, const char* place) {
  const auto at = static_cast<size_t>(place - text_.data());
  switch (error) {
    case EscapeError::kNone: return true;
    case EscapeError::kUnknown: return fail(Reason::kSyntax, at, "unknown escape");
    case EscapeError::kBadHex: return fail(Reason::kSyntax, at, "\\u needs four hexadecimal digits");
    case EscapeError::kLoneSurrogate: return fail(Reason::kUtf8, at, "a lone surrogate escape");
  }
  return false;
}

bool Scanner::unescape(std::string_view body, Halves halves, char* out, size_t& length) {
  const char* place = nullptr;
  const EscapeError error = json::unescape(body, halves, out, length, place);
  return error == EscapeError::kNone || fail_escape(error, place);
}

bool Scanner::check_escapes(std::string_view body) {
  const char* place = nullptr;
  const EscapeError error = json::check_escapes(body, halves_, place);
  return error == EscapeError::kNone || fail_escape(error, place);
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
