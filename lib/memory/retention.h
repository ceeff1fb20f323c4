// How much of what may be kept, and for how long: rules by scope and type. What must go is what is weakest.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "memory/lifecycle_rows.h"

namespace tau::memory {

inline constexpr uint32_t kAllTypes = (1U << kTypes) - 1;
inline constexpr uint32_t kTypesButIdentity = kAllTypes & ~(1U << static_cast<unsigned>(Type::kIdentity));

// What is empty or 0 limits nothing. Counts and bytes are of each scope by itself, over all types of the rule
// together: one scope never pays for what another one keeps.
struct RetentionRule {
  std::string workspace;  // empty: any
  std::string channel;    // empty: any
  std::string actor;      // empty: any
  uint32_t types = kTypesButIdentity;
  int64_t max_age_ms = 0;  // since it was recorded first, whether it is used or not
  int64_t max_count = 0;
  int64_t max_bytes = 0;  // of texts and facts
};
// INVALID_ARGUMENT "invalid_retention".
Status check(const RetentionRule& rule);

enum class RetentionReason : uint8_t { kTooOld, kTooMany, kTooLarge };

struct RetentionLoss {
  size_t index = 0;  // into rows.rows()
  RetentionReason reason = RetentionReason::kTooOld;
};

// What goes of the rows that are `alive`, by index. Rules apply one after the other, each to what those
// before it leave. Of those that are too many the weakest go first; of equals the older, then the lower row.
std::vector<RetentionLoss> plan_retention(const std::vector<RetentionRule>& rules, const DecayPolicy& decay,
                                          const LifecycleRows& rows, std::vector<bool> alive, int64_t now_ms);

}  // namespace tau::memory
