#include "json/schema_number.h"

#include <charconv>
#include <cmath>
#include <cstdlib>

#include "json/number.h"

namespace tau::json {
namespace {

__extension__ using Wide = unsigned __int128;

// |number| = digits * 10^exponent, by the shortest decimal text: what the author of the JSON meant.
struct Decimal {
  uint64_t digits = 0;
  int exponent = 0;
};

Decimal decimal(const Value& v) {
  Decimal out;
  if (v.kind() == Value::Kind::kInt) {
    const int64_t n = v.as_int();
    out.digits = n < 0 ? 0 - static_cast<uint64_t>(n) : static_cast<uint64_t>(n);
    return out;
  }
  if (v.kind() == Value::Kind::kUint) {
    out.digits = v.as_uint();
    return out;
  }
  char text[32];
  const auto end =
      std::to_chars(text, text + sizeof text, std::fabs(v.as_double()), std::chars_format::scientific).ptr;
  bool fraction = false;
  const char* p = text;
  for (; p != end && *p != 'e'; ++p) {
    if (*p == '.') {
      fraction = true;
      continue;
    }
    out.digits = out.digits * 10 + static_cast<uint64_t>(*p - '0');
    if (fraction) --out.exponent;
  }
  int exponent = 0;
  if (p != end) std::from_chars(p[1] == '+' ? p + 2 : p + 1, end, exponent);
  out.exponent += exponent;
  return out;
}

bool is_multiple(const Value& v, const Value& of) {
  if (!std::isfinite(v.as_double()) || !std::isfinite(of.as_double())) return false;
  const Decimal a = decimal(v);
  Decimal b = decimal(of);
  if (a.digits == 0) return true;
  int shift = a.exponent - b.exponent;
  // a.digits * 10^shift mod b.digits; a divisor with more decimals than `a` is scaled instead, until it is
  // larger.
  Wide divisor = b.digits;
  for (; shift < 0; ++shift) {
    divisor *= 10;
    if (divisor > a.digits) return false;
  }
  Wide rest = a.digits % divisor;
  for (; shift > 0 && rest != 0; --shift) rest = rest * 10 % divisor;
  return rest == 0;
}

}  // namespace

bool is_integral(const Value& v) {
  return v.is_integer() || (std::isfinite(v.as_double()) && std::trunc(v.as_double()) == v.as_double());
}

std::optional<NumberProblem> number_problem(const NumberRule& rule, const Value& v) {
  const int order = compare_numbers(v, rule.bound);
  switch (rule.kind) {
    case NumberRule::Kind::kMinimum:
      if (order < 0) return NumberProblem{"minimum", "must be at least"};
      break;
    case NumberRule::Kind::kExclusiveMinimum:
      if (order <= 0) return NumberProblem{"exclusiveMinimum", "must be above"};
      break;
    case NumberRule::Kind::kMaximum:
      if (order > 0) return NumberProblem{"maximum", "must be at most"};
      break;
    case NumberRule::Kind::kExclusiveMaximum:
      if (order >= 0) return NumberProblem{"exclusiveMaximum", "must be below"};
      break;
    case NumberRule::Kind::kMultipleOf:
      if (!is_multiple(v, rule.bound)) return NumberProblem{"multipleOf", "must be a multiple of"};
      break;
  }
  return std::nullopt;
}

}  // namespace tau::json
