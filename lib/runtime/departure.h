// Runtimes of this process that are closing: whoever meets a lease of theirs waits a moment instead of
// failing, and so does the end of the process, whose static objects their threads still use.
#pragma once

#include <cstdint>

namespace tau::runtime {

// From the last handle of a runtime to the end of all that it had. Any thread; takes no lock of its own, so
// that a child forked meanwhile can go on.
class Departure {
 public:
  Departure();
  ~Departure();
  Departure(const Departure&) = delete;
  Departure& operator=(const Departure&) = delete;

  // How many are over; to be asked before a lease is.
  static uint64_t ended_so_far();
  // Waits until all that have begun are over. Whether any ended since `ended_before` was asked.
  static bool wait_for_those_begun(uint64_t ended_before);
};

}  // namespace tau::runtime
