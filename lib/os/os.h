// The public face of os: the one file access path and the one process launcher. (Seam; being filled.)
#pragma once

#include "base/base.h"

namespace tau::os {
class Workspace;
class Launcher;
}  // namespace tau::os
