#include "base/clock.h"

#include <sys/random.h>
#include <time.h>

#include <cerrno>
#include <cstdlib>

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

class SystemRandom final : public Random {
 public:
  void fill(std::span<std::byte> out) override {
    while (!out.empty()) {
      const ssize_t n = getrandom(out.data(), out.size(), 0);
      if (n < 0 && errno == EINTR) continue;
      if (n < 0) std::abort();  // no entropy: going on would make guessable ids
      out = out.subspan(static_cast<size_t>(n));
    }
  }
};

}  // namespace

Clock& system_clock() {
  static SystemClock* const clock = new SystemClock;
  return *clock;
}

Random& system_random() {
  static SystemRandom* const random = new SystemRandom;
  return *random;
}

}  // namespace tau
