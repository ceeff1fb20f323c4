// The process environment, for runtimes that may read it. The one place of the library that does.
#pragma once

#include "runtime/config.h"

namespace tau::runtime {

Environment process_environment();

}  // namespace tau::runtime
