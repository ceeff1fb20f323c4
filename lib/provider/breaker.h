// A circuit breaker: whether an upstream that keeps failing is asked at all. Pure: time comes in, nothing is
// called. Not for several threads at once.
//
//   closed --(so many failures in a row, or such a share of the window)--> open --(open_ms)--> half-open
//   half-open: one probe; it succeeds -> closed, it fails -> open for twice as long, up to max_open_ms
//
// The owner of a permit settles it exactly once. Outcomes of calls that began before the last change of state
// say nothing of the state now, and are dropped.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string_view>

#include "base/base.h"

namespace tau::provider {

struct BreakerPolicy {
  int64_t failures = 5;          // in a row; 0: not looked at
  int64_t failure_percent = 50;  // of the window; 0: not looked at
  int64_t min_calls = 20;        // in the window, before its share counts
  int64_t window_ms = 10'000;
  int64_t open_ms = 30'000;
  int64_t max_open_ms = 300'000;
};

class Breaker {
 public:
  enum class State : uint8_t { kClosed, kOpen, kHalfOpen };
  struct Permit {
    uint64_t generation = 0;
    bool probe = false;
  };

  // Bounds of a policy that are not positive are taken for their least sensible value.
  explicit Breaker(const BreakerPolicy& policy);

  // Whether a call may go out now; none while open, and none beside the probe of a half-open breaker.
  std::optional<Permit> try_acquire(int64_t now_ns);
  void succeeded(const Permit& permit, int64_t now_ns);
  void failed(const Permit& permit, int64_t now_ns);
  // The call ended and says nothing of the upstream: it was cancelled, or the request was at fault.
  void abandoned(const Permit& permit);

  State state(int64_t now_ns) const;  // kHalfOpen as soon as a probe would be let through
  int64_t open_until_ns() const { return open_until_ns_; }  // while open
  uint64_t times_opened() const { return times_opened_; }

 private:
  static constexpr size_t kSlots = 10;
  struct Slot {
    int64_t number = -1;  // of slots since time 0
    int64_t calls = 0;
    int64_t failures = 0;
  };

  int64_t monotonic(int64_t now_ns);
  void count(bool failure, int64_t now_ns);
  bool trips(int64_t now_ns) const;
  void open(int64_t now_ns);
  void close();

  BreakerPolicy policy_;
  State state_ = State::kClosed;
  uint64_t generation_ = 1;
  int64_t last_ns_ = 0;
  int64_t in_a_row_ = 0;
  std::array<Slot, kSlots> slots_;
  int64_t open_ms_ = 0;  // of the next opening
  int64_t open_until_ns_ = 0;
  bool probing_ = false;
  uint64_t times_opened_ = 0;
};

std::string_view breaker_state_name(Breaker::State state);  // "closed", "open", "half_open"

}  // namespace tau::provider
