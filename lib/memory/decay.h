// How strong a memory is at a moment: what it weighed when it was written, less what time took. Derived at
// every read from what the row says, and never written back: it does not matter how often, or whether at all,
// somebody tidies up.
//
//   strength = importance * 2^(-idle / (half-life * stability))
//   idle      = now - max(updated, last used), 0 when the clock went back
//   stability = min(1 + log2(1 + uses) * use_gain, max_stability)
//
// The forgetting curve of MemoryBank (2305.10250), with half-lives by type in the place of one constant, and
// with a bound on what use can do: what is found often must not live for ever for that alone.
#pragma once

#include <array>
#include <cstdint>

#include "memory/types.h"

namespace tau::memory {

inline constexpr int64_t kDayMs = 24 * 60 * 60 * 1000;

struct DecayPolicy {
  DecayPolicy();
  // By the rule of older tools: a memory is multiplied by `rate` for every `period_ms` that it was idle.
  // INVALID_ARGUMENT "invalid_decay" unless rate is above 0 and at most 1 and the period positive.
  static StatusOr<DecayPolicy> from_rate(double rate, int64_t period_ms);

  std::array<double, kTypes> half_life_days;  // infinity: never fades
  double use_gain = 1;                        // 0: uses only restart the clock
  double max_stability = 4;
};

// Identity and preference: no policy makes them fade.
bool never_fades(Type type);

// INVALID_ARGUMENT "invalid_decay" names the value that cannot be.
Status check(const DecayPolicy& policy);

// What strength is computed from.
struct Worth {
  double importance = 0;
  Type type = Type::kObservation;
  int64_t updated_ms = 0;
  int64_t used_ms = 0;  // last use; 0: none
  int64_t uses = 0;
};

// Between two moments, 0 when the later one is not later; no overflow.
int64_t elapsed_ms(int64_t since_ms, int64_t now_ms);
// Since it was written or used last.
int64_t idle_ms(const Worth& worth, int64_t now_ms);
// What time left of it: 1 of what is new or never fades, 0 in the end. Falls with age.
double freshness(const DecayPolicy& policy, const Worth& worth, int64_t now_ms);
// importance * freshness, within 0 to 1 whatever the row says.
double strength(const DecayPolicy& policy, const Worth& worth, int64_t now_ms);

}  // namespace tau::memory
