// The simulated machine: one source of chance, one virtual clock, one loop per process. Everything that
// happens in a simulation follows from one seed.
#pragma once

#include <algorithm>
#include <cstdint>
#include <cstring>
#include <deque>
#include <utility>
#include <vector>

#include "base/base.h"
#include "net/net.h"

namespace tau::sim {

inline constexpr int64_t kMs = kNanosPerMilli;

// xorshift64*: small, fast, the same everywhere.
class Rng final : public Random {
 public:
  explicit Rng(uint64_t seed) : state_(seed * 0x9E3779B97F4A7C15u + 0x2545F4914F6CDD1Du) {}
  uint64_t next() {
    state_ ^= state_ >> 12;
    state_ ^= state_ << 25;
    state_ ^= state_ >> 27;
    return state_ * 0x2545F4914F6CDD1Du;
  }
  int64_t below(int64_t n) { return static_cast<int64_t>((next() >> 11) % static_cast<uint64_t>(n)); }
  bool chance(int64_t percent) { return below(100) < percent; }
  void fill(std::span<std::byte> out) override {
    for (std::byte& b : out) b = static_cast<std::byte>(next() >> 56);
  }

 private:
  uint64_t state_;
};

class SimClock final : public Clock {
 public:
  int64_t now_ns = 1'000'000'000;
  int64_t wall_offset_ms = 1'700'000'000'000;  // jumps
  int64_t monotonic_ns() override { return now_ns; }
  int64_t wall_ms() override { return wall_offset_ms + now_ns / kMs; }
};

// The loop of one process. Time passes when nothing is ready.
class SimLoop final : public net::Loop {
 public:
  explicit SimLoop(SimClock& clock) : clock_(clock) {}
  void post(net::Task task) override { ready_.push_back(std::move(task)); }
  bool on_owner_thread() const override { return !foreign_; }
  int64_t now_ns() override { return clock_.now_ns; }
  net::TimerId set_timer(int64_t deadline_ns, net::Task task) override;
  void cancel_timer(net::TimerId id) override;

  // A timer of the world around the library: not among library_timers().
  void after(int64_t delay_ns, net::Task task);

  // Runs one task, or lets time pass to the next timer. False when nothing is left.
  bool step();
  int64_t next_ns();  // when there is something to do again
  void drain();       // all that is ready, without time passing
  bool ready() const { return !ready_.empty(); }
  int64_t library_timers() const { return library_timers_; }
  // Runs `f` as if on another thread.
  template <class F>
  void as_foreign_thread(F&& f) {
    const bool was = std::exchange(foreign_, true);
    f();
    foreign_ = was;
  }
  int64_t steps() const { return steps_; }

 private:
  struct Timer {  // a slot, used again under another id
    net::TimerId id = 0;
    bool world = false;
    net::Task task;
  };
  struct Due {
    int64_t deadline_ns;
    net::TimerId id;  // grows in its upper half: equal deadlines keep their order
    bool operator>(const Due& o) const {
      return deadline_ns != o.deadline_ns ? deadline_ns > o.deadline_ns : id > o.id;
    }
  };
  Timer* find(net::TimerId id);
  net::TimerId add(int64_t deadline_ns, net::Task task, bool world);
  net::Task take(Timer& timer);
  void run_ready();

  SimClock& clock_;
  std::deque<net::Task> ready_;
  std::vector<Timer> timers_;
  std::vector<uint32_t> free_;
  std::vector<Due> heap_;  // may name timers that are gone
  uint64_t last_ = 0;
  int64_t library_timers_ = 0;
  int64_t steps_ = 0;
  bool foreign_ = false;
};

}  // namespace tau::sim
