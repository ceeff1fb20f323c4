// The number keywords of JSON Schema, on exact values.
#pragma once

#include <optional>
#include <string>

#include "json/schema_node.h"

namespace tau::json {

struct NumberProblem {
  const char* keyword;
  std::string text;  // "must be at least"; the bound follows
};

// What is wrong with the number `v` by `rule`; nothing when it conforms.
std::optional<NumberProblem> number_problem(const NumberRule& rule, const Value& v);

// Whether a number has no fractional part.
bool is_integral(const Value& v);

}  // namespace tau::json
