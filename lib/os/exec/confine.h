// Confining the calling process, for good and for all that it starts.
#pragma once

#include "payload.h"

namespace tau::os::exec {

// Gives up every capability, then applies Landlock by the rules of `payload` and the filter of system calls.
// no_new_privs must be set. False with errno when any of it fails: the process must not go on then.
bool confine_self(const Payload& payload, Stage& stage);

}  // namespace tau::os::exec
