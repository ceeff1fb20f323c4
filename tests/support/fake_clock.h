// FakeClock: a tau::Clock that stands still until the test moves it.
#pragma once

#include <atomic>

#include "base/clock.h"

namespace tau::test {

// Any thread. An EventLoop that waits does not notice advance(): call process(0) or wake() afterwards.
class FakeClock final : public Clock {
 public:
  explicit FakeClock(int64_t monotonic_ns = 1'000'000'000, int64_t wall_ms = 1'700'000'000'000)
      : monotonic_ns_(monotonic_ns), wall_ms_(wall_ms) {}

  int64_t monotonic_ns() override { return monotonic_ns_; }
  int64_t wall_ms() override { return wall_ms_; }

  // Both clocks go forward.
  void advance_ms(int64_t ms) {
    monotonic_ns_ += ms * kNanosPerMilli;
    wall_ms_ += ms;
  }
  void advance_ns(int64_t ns) { monotonic_ns_ += ns; }
  // The wall clock alone jumps, as an administrator or NTP makes it.
  void set_wall_ms(int64_t ms) { wall_ms_ = ms; }

 private:
  std::atomic<int64_t> monotonic_ns_;
  std::atomic<int64_t> wall_ms_;
};

}  // namespace tau::test
