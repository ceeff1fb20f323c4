// The seams for time and randomness. No other code of libtau reads a clock or an entropy source.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

namespace tau {

class Clock {
 public:
  virtual ~Clock() = default;
  // Nanoseconds of a clock that never goes back; its zero means nothing. Deadlines use it.
  virtual int64_t monotonic_ns() = 0;
  // Milliseconds since 1970-01-01 UTC; may jump. Records use it, decisions do not.
  virtual int64_t wall_ms() = 0;
};

class Random {
 public:
  virtual ~Random() = default;
  virtual void fill(std::span<std::byte> out) = 0;
};

// The operating system's clock and entropy; any thread, never destroyed.
Clock& system_clock();
Random& system_random();

inline constexpr int64_t kNanosPerMilli = 1'000'000;

}  // namespace tau
