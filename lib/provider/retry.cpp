#include "provider/retry.h"

#include <algorithm>
#include <array>
#include <cstring>

namespace tau::provider {

int64_t retry_delay_ms(const RetryPolicy& policy, int next, int64_t asked_ms, Random& random) {
  const int doublings = std::clamp(next - 2, 0, 20);
  const int64_t full = std::min(policy.max_delay_ms, policy.base_delay_ms << doublings);
  std::array<std::byte, 4> bytes;
  random.fill(bytes);
  uint32_t r = 0;
  std::memcpy(&r, bytes.data(), sizeof r);
  const int64_t half = full / 2;
  const int64_t delay = half + static_cast<int64_t>(r % static_cast<uint64_t>(full - half + 1));
  return std::max(delay, asked_ms);
}

}  // namespace tau::provider
