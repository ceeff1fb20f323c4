// Recorded streams, each from its first byte to its response.
#pragma once

#include "support/report.h"

namespace tau::bench {

// Prints a line for each stream of the folder of recordings that TAU_SHARED_DATA names, and how many keep
// each limit; reports the median stream of each provider, and of all, and all events pooled. Nothing without
// that folder.
void compare_recorded(Report& report);

}  // namespace tau::bench
