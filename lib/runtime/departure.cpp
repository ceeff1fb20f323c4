#include "runtime/departure.h"

#include <unistd.h>

#include <atomic>
#include <chrono>
#include <cstdint>
#include <cstdlib>
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

void wait_for(uint64_t count) {
  for (int i = 0; i < kPatienceMs && ended < count; ++i)
    std::this_thread::sleep_for(std::chrono::milliseconds(1));
}

// Before the static objects go that were made until then: a host that gives its last handle back and returns
// from main() does not pull them from under threads that end. A host that ends itself on such a thread waits
// in vain, for no longer than this.
void wait_at_exit() {
  count_in_this_process();
  wait_for(begun);
}

}  // namespace

Departure::Departure() {
  static const int registered = std::atexit(wait_at_exit);
  (void)registered;
  count_in_this_process();
  ++begun;
}

Departure::~Departure() { ++ended; }

uint64_t Departure::ended_so_far() {
  count_in_this_process();
  return ended;
}

bool Departure::wait_for_those_begun(uint64_t ended_before) {
  wait_for(begun);
  return ended != ended_before;
}

}  // namespace tau::runtime
