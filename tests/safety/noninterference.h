// Random programs that read, transform and call, over the labels and the monitor: does a byte that the user
// did not write reach an argument that says where an effect lands?
#pragma once

#include <cstdint>
#include <string>

#include "base/label.h"

namespace tau::safety::test {

using Join = void (*)(Labels& into, const Labels& other);
inline void join_all(Labels& into, const Labels& other) { into.join(other); }

struct Outcome {
  int64_t programs = 0;
  int64_t calls = 0;
  int64_t allowed_in_doubt = 0;  // allowed although untrusted input had been seen
  int64_t violations = 0;
  std::string first;  // of the violations
};

// The same for the same seed.
Outcome run_programs(int64_t count, uint64_t seed, Join join);

}  // namespace tau::safety::test
