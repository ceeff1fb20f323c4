// Deadlines: the four time limits of one transfer, on the loop's timers. Private to net.
#pragma once

#include "net/net.h"

namespace tau::net {

// One timer for all. Traffic only notes the time: a timer that fires looks again at what is due, so that a
// chunk of a stream costs no timer operation.
class Deadlines {
 public:
  using Expired = UniqueFunction<void(const Status&)>;

  // The total limit counts from here. `expired` is called once, from a timer; it may destroy this object.
  Deadlines(EventLoop& loop, const Timeouts& limits, Expired expired);
  ~Deadlines();
  Deadlines(const Deadlines&) = delete;
  Deadlines& operator=(const Deadlines&) = delete;

  void connecting() { enter(Phase::kConnecting); }
  void sent() { enter(Phase::kWaiting); }
  void received();
  // While the reader is not reading, a silent server is not at fault: the idle limit stands still.
  void suspend_idle(bool suspended);

 private:
  enum class Phase { kQueued, kConnecting, kWaiting, kReceiving };
  void enter(Phase phase);
  int64_t phase_limit_ms() const;
  int64_t phase_deadline_ns() const;
  Status phase_failure() const;
  void arm();
  void on_timer();

  EventLoop& loop_;
  const Timeouts limits_;
  Expired expired_;
  Phase phase_ = Phase::kQueued;
  bool suspended_ = false;
  int64_t since_ns_;  // when the phase began or the last byte came
  int64_t total_ns_;
  int64_t armed_ns_ = INT64_MAX;
  TimerId timer_ = 0;
};

}  // namespace tau::net
