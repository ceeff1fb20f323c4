// Rates by the generic cell rate algorithm (ITU-T I.371), which is a token bucket without a timer.
#include <algorithm>

#include "safety/monitor.h"

namespace tau::safety {
namespace {

constexpr int64_t kMinuteNs = 60 * int64_t{1'000'000'000};

int64_t interval_ns(int64_t per_minute) { return std::max<int64_t>(1, kMinuteNs / per_minute); }

bool has_token(int64_t full_at_ns, int64_t per_minute, int64_t now_ns) {
  if (per_minute <= 0 || full_at_ns <= now_ns) return true;
  // Only a clock that went back leaves more than a minute to be refilled.
  return full_at_ns - now_ns <= interval_ns(per_minute) * (per_minute - 1);
}

int64_t take_token(int64_t full_at_ns, int64_t per_minute, int64_t now_ns) {
  return per_minute <= 0 ? full_at_ns : std::max(full_at_ns, now_ns) + interval_ns(per_minute);
}

}  // namespace

const CallMeter::Bucket* CallMeter::find(std::string_view tool) const {
  const auto at = std::find_if(tools_.begin(), tools_.end(), [&](const Bucket& b) { return b.tool == tool; });
  return at == tools_.end() ? nullptr : &*at;
}

bool CallMeter::within_rate(const Caps& caps, std::string_view tool, int64_t now_ns) const {
  if (!has_token(run_.full_at_ns, caps.calls_per_minute, now_ns)) return false;
  const Bucket* const bucket = caps.tool_calls_per_minute > 0 ? find(tool) : nullptr;
  return bucket == nullptr || has_token(bucket->full_at_ns, caps.tool_calls_per_minute, now_ns);
}

void CallMeter::charge(const Caps& caps, std::string_view tool, int64_t now_ns) {
  if (!caps.any()) return;
  ++calls_;
  run_.full_at_ns = take_token(run_.full_at_ns, caps.calls_per_minute, now_ns);
  if (caps.tool_calls_per_minute <= 0) return;
  const Bucket* const known = find(tool);
  if (known == nullptr) tools_.push_back({std::string(tool), INT64_MIN});
  Bucket& bucket = known == nullptr ? tools_.back() : tools_[static_cast<size_t>(known - tools_.data())];
  bucket.full_at_ns = take_token(bucket.full_at_ns, caps.tool_calls_per_minute, now_ns);
}

}  // namespace tau::safety
