#include "memory/decay.h"

#include <algorithm>
#include <cmath>
#include <limits>

namespace tau::memory {
namespace {

constexpr double kNever = std::numeric_limits<double>::infinity();

double stability(const DecayPolicy& policy, int64_t uses) {
  if (uses <= 0) return 1;
  const double grown = 1 + std::log2(1 + static_cast<double>(uses)) * policy.use_gain;
  return std::clamp(grown, 1.0, std::max(1.0, policy.max_stability));
}

}  // namespace

DecayPolicy::DecayPolicy() : half_life_days() {
  for (size_t i = 0; i < half_life_days.size(); ++i)
    half_life_days[i] = memory::half_life_days(static_cast<Type>(i));
}

StatusOr<DecayPolicy> DecayPolicy::from_rate(double rate, int64_t period_ms) {
  if (!(rate > 0 && rate <= 1) || period_ms <= 0) {
    return invalid_argument("invalid_decay",
                            format("a decay of {} each {} ms; the rate is above 0 and at most 1, the period "
                                   "positive",
                                   rate, period_ms));
  }
  const double days = static_cast<double>(period_ms) / static_cast<double>(kDayMs);
  DecayPolicy policy;
  for (size_t i = 0; i < policy.half_life_days.size(); ++i) {
    const bool keeps = rate == 1 || never_fades(static_cast<Type>(i));
    policy.half_life_days[i] = keeps ? kNever : days / -std::log2(rate);
  }
  return policy;
}

bool never_fades(Type type) { return type == Type::kIdentity || type == Type::kPreference; }

Status check(const DecayPolicy& policy) {
  for (size_t i = 0; i < policy.half_life_days.size(); ++i) {
    const auto type = static_cast<Type>(i);
    const double days = policy.half_life_days[i];
    if (!(days > 0)) {
      return invalid_argument("invalid_decay",
                              format("a half-life of {} days for {}; it is above 0", days, type_name(type)));
    }
    if (never_fades(type) && std::isfinite(days)) {
      return invalid_argument(
          "invalid_decay", format("a half-life of {} days for {}, which never fades", days, type_name(type)));
    }
  }
  if (!(policy.use_gain >= 0 && std::isfinite(policy.use_gain)) ||
      !(policy.max_stability >= 1 && std::isfinite(policy.max_stability))) {
    return invalid_argument("invalid_decay",
                            format("use_gain {} and max_stability {}; they are at least 0 and 1",
                                   policy.use_gain, policy.max_stability));
  }
  return ok_status();
}

int64_t elapsed_ms(int64_t since_ms, int64_t now_ms) {
  if (now_ms <= since_ms) return 0;
  int64_t elapsed = 0;
  if (__builtin_sub_overflow(now_ms, since_ms, &elapsed)) return std::numeric_limits<int64_t>::max();
  return elapsed;
}

int64_t idle_ms(const Worth& worth, int64_t now_ms) {
  return elapsed_ms(std::max(worth.updated_ms, worth.used_ms), now_ms);
}

double freshness(const DecayPolicy& policy, const Worth& worth, int64_t now_ms) {
  if (never_fades(worth.type)) return 1;
  const double days = policy.half_life_days[static_cast<size_t>(worth.type)];
  if (!std::isfinite(days)) return 1;
  const double idle = static_cast<double>(idle_ms(worth, now_ms)) / static_cast<double>(kDayMs);
  return std::clamp(std::exp2(-idle / (days * stability(policy, worth.uses))), 0.0, 1.0);
}

double strength(const DecayPolicy& policy, const Worth& worth, int64_t now_ms) {
  // The comparison is false of what is no number.
  const double importance = worth.importance > 0 ? std::min(worth.importance, 1.0) : 0.0;
  return importance * freshness(policy, worth, now_ms);
}

}  // namespace tau::memory
