// A home at rest against what was promised of it.
#pragma once

#include <string>
#include <vector>

#include "memory_ledger.h"

namespace tau::campaign {

// What is not as it was promised; empty: nothing. Settles what killed writers left open, so that it is a
// promise from now on. Nobody else has the home open.
std::vector<std::string> judge_home(const std::string& home, Ledger& ledger);

}  // namespace tau::campaign
