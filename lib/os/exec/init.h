// Process 1 of the command's own process namespace.
#pragma once

#include "payload.h"

namespace tau::os::exec {

// Starts the command, passes SIGTERM on to its process group, and when it has ended kills what it left and
// reports to kInitStatusFd. Should this process die, the kernel kills all others of the namespace.
int run_init(const Payload& payload);

}  // namespace tau::os::exec
