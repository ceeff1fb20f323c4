// What a computation costs this machine, whatever else runs on it.
#pragma once

#include "base/clock.h"

namespace tau {

// Its monotonic clock is the processor time of the calling thread; its wall clock is the system's.
Clock& thread_cpu_clock();

}  // namespace tau
