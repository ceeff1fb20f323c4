#include "json/number.h"

#include <charconv>
#include <cmath>
#include <cstdlib>
#include <string_view>

#include "json/text_scan.h"

namespace tau::json {
namespace {

constexpr size_t kNumberBytes = 32;  // the shortest form of any double or integer is below 25

// Appends decimal `digits` with the point after the first `point` of them, which may lie outside.
void append_plain(std::string& out, std::string_view digits, int point) {
  const int count = static_cast<int>(digits.size());
  if (point <= 0) {
    out += "0.";
    out.append(static_cast<size_t>(-point), '0');
    out += digits;
  } else if (point >= count) {
    out += digits;
    out.append(static_cast<size_t>(point - count), '0');
  } else {
    out += digits.substr(0, static_cast<size_t>(point));
    out += '.';
    out += digits.substr(static_cast<size_t>(point));
  }
}

// Exact: on x86-64 and arm64 a long double holds every int64, uint64 and double.
long double exact(const Value& v) {
  if (v.kind() == Value::Kind::kInt) return static_cast<long double>(v.as_int());
  if (v.kind() == Value::Kind::kUint) return static_cast<long double>(v.as_uint());
  return static_cast<long double>(v.as_double());
}

}  // namespace

// Decimals of up to 15 digits are all different doubles, so that the shortest text for one of them is itself,
// unless its zeros make the form with an exponent shorter.
bool is_short_fraction(std::string_view text) {
  constexpr size_t kDigits = 15;
  if (text.starts_with('-')) text.remove_prefix(1);
  const size_t point = text.find('.');
  if (point == 0 || point == text.npos || text.back() == '0' || text.size() > kDigits + 5) return false;
  const bool below_one = text[0] == '0';
  if (below_one && point > 1) return false;
  const size_t first = below_one ? text.find_first_not_of('0', 2) : 0;  // significant digit
  if (first == text.npos) return false;
  for (size_t i = first; i < text.size(); ++i)
    if (!is_digit(text[i]) && i != point) return false;
  const size_t digits = text.size() - first - (below_one ? 0 : 1);
  const size_t most_zeros = digits > 1 ? 3 : 2;  // behind the point
  return digits > 0 && digits <= kDigits && point + 1 < text.size() &&
         (!below_one || first - 2 <= most_zeros);
}

void append_double(std::string& out, double d) {
  if (!std::isfinite(d)) {
    out += "null";
    return;
  }
  char buffer[kNumberBytes];
  const auto end = std::to_chars(buffer, buffer + sizeof buffer, d).ptr;
  const std::string_view text(buffer, static_cast<size_t>(end - buffer));
  out += text;
  if (text.find_first_of(".e") == std::string_view::npos) out += ".0";
}

void append_ecma_double(std::string& out, double d) {
  if (!std::isfinite(d)) {
    out += "null";
    return;
  }
  if (d == 0) {
    out += '0';  // also for -0
    return;
  }
  char buffer[kNumberBytes];
  const auto end =
      std::to_chars(buffer, buffer + sizeof buffer, std::fabs(d), std::chars_format::scientific).ptr;
  const std::string_view text(buffer, static_cast<size_t>(end - buffer));
  const size_t e = text.find('e');
  std::string digits(text.substr(0, e));
  if (digits.size() > 1) digits.erase(1, 1);
  int exponent = 0;
  const size_t sign = text[e + 1] == '+' ? 2 : 1;
  std::from_chars(text.data() + e + sign, text.data() + text.size(), exponent);
  if (d < 0) out += '-';
  if (exponent >= -6 && exponent < 21) {
    append_plain(out, digits, exponent + 1);
    return;
  }
  out += digits[0];
  if (digits.size() > 1) {
    out += '.';
    out.append(digits, 1);
  }
  out += exponent < 0 ? "e-" : "e+";
  append_integer(out, int64_t{std::abs(exponent)});
}

void append_integer(std::string& out, int64_t n) {
  char buffer[kNumberBytes];
  out.append(buffer, std::to_chars(buffer, buffer + sizeof buffer, n).ptr);
}

void append_integer(std::string& out, const Value& integer) {
  if (integer.kind() == Value::Kind::kInt) return append_integer(out, integer.as_int());
  char buffer[kNumberBytes];
  out.append(buffer, std::to_chars(buffer, buffer + sizeof buffer, integer.as_uint()).ptr);
}

int compare_numbers(const Value& a, const Value& b) {
  const long double x = exact(a);
  const long double y = exact(b);
  if (x < y) return -1;
  if (x > y) return 1;
  return x == y ? 0 : 2;
}

}  // namespace tau::json
