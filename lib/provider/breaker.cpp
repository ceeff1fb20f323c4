// The circuit breaker.
#include "provider/breaker.h"

#include <algorithm>

namespace tau::provider {

Breaker::Breaker(const BreakerPolicy& policy) : policy_(policy) {
  policy_.failures = std::max<int64_t>(policy.failures, 0);
  policy_.failure_percent = std::clamp<int64_t>(policy.failure_percent, 0, 100);
  policy_.min_calls = std::max<int64_t>(policy.min_calls, 1);
  policy_.window_ms = std::max<int64_t>(policy.window_ms, static_cast<int64_t>(kSlots));
  policy_.open_ms = std::max<int64_t>(policy.open_ms, 1);
  policy_.max_open_ms = std::max(policy.max_open_ms, policy_.open_ms);
  open_ms_ = policy_.open_ms;
}

// Loops read their clocks at different moments: time never goes back here.
int64_t Breaker::monotonic(int64_t now_ns) { return last_ns_ = std::max(last_ns_, now_ns); }

std::optional<Breaker::Permit> Breaker::try_acquire(int64_t now_ns) {
  const int64_t now = monotonic(now_ns);
  if (state_ == State::kClosed) return Permit{generation_, false};
  if (state_ == State::kOpen) {
    if (now < open_until_ns_) return std::nullopt;
    state_ = State::kHalfOpen;
    ++generation_;
    probing_ = false;
  }
  if (probing_) return std::nullopt;
  probing_ = true;
  return Permit{generation_, true};
}

void Breaker::succeeded(const Permit& permit, int64_t now_ns) {
  const int64_t now = monotonic(now_ns);
  if (permit.generation != generation_) return;
  if (permit.probe) return close();
  in_a_row_ = 0;
  count(false, now);
}

void Breaker::failed(const Permit& permit, int64_t now_ns) {
  const int64_t now = monotonic(now_ns);
  if (permit.generation != generation_) return;
  if (permit.probe) {
    open_ms_ = std::min(policy_.max_open_ms,
                        open_ms_ > policy_.max_open_ms / 2 ? policy_.max_open_ms : open_ms_ * 2);
    return open(now);
  }
  ++in_a_row_;
  count(true, now);
  if (trips(now)) open(now);
}

void Breaker::abandoned(const Permit& permit) {
  if (permit.probe && permit.generation == generation_) probing_ = false;
}

void Breaker::count(bool failure, int64_t now_ns) {
  const int64_t number = now_ns / (policy_.window_ms * kNanosPerMilli / static_cast<int64_t>(kSlots));
  Slot& slot = slots_[static_cast<size_t>(number) % kSlots];
  if (slot.number != number) slot = {.number = number};
  ++slot.calls;
  if (failure) ++slot.failures;
}

bool Breaker::trips(int64_t now_ns) const {
  if (policy_.failures > 0 && in_a_row_ >= policy_.failures) return true;
  if (policy_.failure_percent == 0) return false;
  const int64_t number = now_ns / (policy_.window_ms * kNanosPerMilli / static_cast<int64_t>(kSlots));
  int64_t calls = 0;
  int64_t failures = 0;
  for (const Slot& slot : slots_) {
    if (slot.number < 0 || slot.number <= number - static_cast<int64_t>(kSlots)) continue;
    calls += slot.calls;
    failures += slot.failures;
  }
  return calls >= policy_.min_calls && failures * 100 >= policy_.failure_percent * calls;
}

void Breaker::open(int64_t now_ns) {
  state_ = State::kOpen;
  ++generation_;
  ++times_opened_;
  open_until_ns_ = now_ns + open_ms_ * kNanosPerMilli;
  probing_ = false;
  in_a_row_ = 0;
  slots_ = {};
}

void Breaker::close() {
  state_ = State::kClosed;
  ++generation_;
  open_ms_ = policy_.open_ms;
  probing_ = false;
  in_a_row_ = 0;
  slots_ = {};
}

Breaker::State Breaker::state(int64_t now_ns) const {
  if (state_ != State::kOpen) return state_;
  return std::max(last_ns_, now_ns) < open_until_ns_ ? State::kOpen : State::kHalfOpen;
}

std::string_view breaker_state_name(Breaker::State state) {
  switch (state) {
    case Breaker::State::kOpen: return "open";
    case Breaker::State::kHalfOpen: return "half_open";
    default: return "closed";
  }
}

}  // namespace tau::provider
