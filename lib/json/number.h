// Numbers as JSON text, and their exact order.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "json/json.h"

namespace tau::json {

struct Number {
  enum class Kind : uint8_t { kInt, kUint, kDouble } kind = Kind::kInt;
  int64_t i = 0;
  uint64_t u = 0;  // only values above INT64_MAX
  double d = 0;
};

enum class NumberError : uint8_t {
  kNone,
  kGrammar,
  kInteger,  // outside of [-2^63, 2^64)
  kDouble    // too large
};

// Reads `text`, all of it, as one JSON number.
NumberError parse_number(std::string_view text, Number& out);

// Whether `text` is a number with a fraction, and what append_double() would write. False in doubt.
bool is_short_fraction(std::string_view text);

// Appends the shortest text that reads back as `d`, with a fraction or exponent; "null" unless finite.
void append_double(std::string& out, double d);

// Appends `d` as ECMAScript's Number::toString does (RFC 8785 section 3.2.2.3); "null" unless finite.
void append_ecma_double(std::string& out, double d);

void append_integer(std::string& out, const Value& integer);
void append_integer(std::string& out, int64_t n);

// -1, 0 or 1 by exact value, whatever the kinds; 2 when one is NaN. Both must be numbers.
int compare_numbers(const Value& a, const Value& b);

}  // namespace tau::json
