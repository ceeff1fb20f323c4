// One run of one session from its start to its end, through any number of crashes and processes.
#pragma once

#include <string>
#include <vector>

#include "simulator/coverage.h"

namespace tau::sim {

struct Outcome {
  std::vector<std::string> violations;
  int64_t steps = 0;
  int crashes = 0;
  std::string trace;  // one line for each thing that happened, when asked for
};

Outcome simulate(uint64_t seed, Coverage& coverage, bool trace = false);

}  // namespace tau::sim
