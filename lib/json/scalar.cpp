// Reading numbers.
#include <charconv>

#include "json/number.h"
#include "json/text_scan.h"

namespace tau::json {
namespace {

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
  if (t.empty()) return false;
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

NumberError parse_number(std::string_view text, Number& out) {
  out.kind = Number::Kind::kInt;
  if (short_integer(text, out.i)) return NumberError::kNone;
  bool integral = false;
  if (!number_grammar(text, integral)) return NumberError::kGrammar;
  const char* const end = text.data() + text.size();
  if (integral) {
    if (std::from_chars(text.data(), end, out.i).ec == std::errc()) return NumberError::kNone;
    out.kind = Number::Kind::kUint;
    const bool good = std::from_chars(text.data(), end, out.u).ec == std::errc();
    return good ? NumberError::kNone : NumberError::kInteger;
  }
  out.kind = Number::Kind::kDouble;
  if (std::from_chars(text.data(), end, out.d).ec == std::errc::result_out_of_range) {
    if (magnitude(text) > 0) return NumberError::kDouble;
    out.d = text[0] == '-' ? -0.0 : 0.0;
  }
  return NumberError::kNone;
}

}  // namespace tau::json
