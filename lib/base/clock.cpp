#include "base/clock.h"

#include <time.h>

namespace tau {
namespace {

int64_t read_ns(clockid_t id) {
  timespec t{};
  clock_gettime(id, &t);
  return int64_t{t.tv_sec} * 1'000'000'000 + t.tv_nsec;
}

class SystemClock final : public Clock {
 public:
  int64_t monotonic_ns() override { return read_ns(CLOCK_MONOTONIC); }
  int64_t wall_ms() override { return read_ns(CLOCK_REALTIME) / kNanosPerMilli; }
};

}  // namespace

Clock& system_clock() {
  static SystemClock* const clock = new SystemClock;
  return *clock;
}

}  // namespace tau
