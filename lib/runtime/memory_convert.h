// Text of files that another program takes out of them. Private to the module.
#pragma once

#include <atomic>
#include <string>

#include "base/base.h"
#include "memory/memory.h"
#include "os/os.h"

namespace tau::runtime {

class Core;

// Runs the converter, which sees the folder of the file, confined where this machine can, and waits for its
// output. CANCELLED "stopped"; UNAVAILABLE "converter_missing" where it is not installed or nothing can be
// started; "converter_failed", DEADLINE_EXCEEDED "converter_timeout", RESOURCE_EXHAUSTED "file_too_large".
StatusOr<std::string> convert_file(Core& core, const os::Workspace& folder,
                                   const memory::ExternalText& converter,
                                   const std::atomic<bool>* stop = nullptr);

}  // namespace tau::runtime
