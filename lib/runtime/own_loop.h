// Waiting on a loop of one's own, whoever drives the others.
#pragma once

#include <algorithm>
#include <cstdint>
#include <string_view>

#include "net/net.h"
#include "runtime/core.h"

namespace tau::runtime {

// Until `done()` is true: OK. DEADLINE_EXCEEDED `late` after `timeout_ms`, with the message "no WHAT within
// …"; CANCELLED "runtime_stopped"; as the loop fails.
template <class Done>
Status wait_on(net::EventLoop& loop, const Core& core, int64_t timeout_ms, std::string_view late,
               std::string_view what, const Done& done) {
  constexpr int kTurnMs = 100;  // a stop is seen within
  const int64_t deadline = loop.now_ns() + timeout_ms * kNanosPerMilli;
  while (!done()) {
    const int64_t left_ms = (deadline - system_clock().monotonic_ns()) / kNanosPerMilli;
    if (left_ms < 0) return deadline_exceeded(late, format("no {} within {} ms", what, timeout_ms));
    if (core.stopping()) return Status(Code::kCancelled, "runtime_stopped", "the runtime was stopped");
    TAU_RETURN_IF_ERROR(loop.process(static_cast<int>(std::clamp<int64_t>(left_ms, 1, kTurnMs))).status());
  }
  return ok_status();
}

// What a limit or a budget has told a loop that is about to go is still to be undone.
inline void settle(net::EventLoop& loop) {
  for (int turn = 0; turn < 3; ++turn) (void)loop.process(0);
}

}  // namespace tau::runtime
