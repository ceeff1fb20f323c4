#include "runtime/departure.h"

#include <unistd.h>

#include <atomic>
#include <chrono>
#include <cstdint>
#include <thread>

namespace tau::runtime {
namespace {

constexpr int kPatienceMs = 2'000;

std::atomic<uint64_t> begun{0};
std::atomic<uint64_t> ended{0};
std::atomic<pid_t> counted_in{0};

// What a parent began is not over in its child, ever.
void count_in_this_process() {
  const pid_t self = ::getpid();
  if (counted_in.exchange(self) != self) ended = begun.load();
}

}  // namespace

Departure::Departure() {
  count_in_this_process();
  ++begun;
}

Departure::~Departure() { ++ended; }

uint64_t Departure::ended_so_far() {
  count_in_this_process();
  return ended;
}

bool Departure::wait_for_those_begun(uint64_t ended_before) {
  const uint64_t seen = begun;
  for (int i = 0; i < kPatienceMs && ended < seen; ++i)
    std::this_thread::sleep_for(std::chrono::milliseconds(1));
  return ended != ended_before;
}

}  // namespace tau::runtime
