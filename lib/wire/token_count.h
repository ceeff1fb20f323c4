// Token counts as providers write them: what cannot be one is not taken for one.
#pragma once

#include <cstdint>
#include <initializer_list>
#include <optional>
#include <string_view>

#include "json/json.h"

namespace tau::wire {

// Sums of millions of them do not overflow.
inline constexpr int64_t kMostTokens = int64_t{1} << 40;

// The count that compact JSON text is: an integer from 0 to kMostTokens.
inline std::optional<int64_t> token_count(std::string_view json) {
  json::Field field;
  field.text = json;
  const std::optional<int64_t> n = field.integer();
  return n && *n >= 0 && *n <= kMostTokens ? n : std::nullopt;
}

// The first of these that is one, else 0.
inline int64_t first_token_count(std::initializer_list<std::string_view> counts) {
  for (const std::string_view json : counts)
    if (const std::optional<int64_t> n = token_count(json)) return *n;
  return 0;
}

}  // namespace tau::wire
