#include "base/clock.h"

#include <time.h>

#include "base/cpu_clock.h"

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

class ThreadCpuClock final : public Clock {
 public:
  int64_t monotonic_ns() override { return read_ns(CLOCK_THREAD_CPUTIME_ID); }
  int64_t wall_ms() override { return system_clock().wall_ms(); }
};

}  // namespace

Clock& system_clock() {
  static SystemClock* const clock = new SystemClock;
  return *clock;
}

Clock& thread_cpu_clock() {
  static ThreadCpuClock* const clock = new ThreadCpuClock;
  return *clock;
}

}  // namespace tau
