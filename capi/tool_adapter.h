// Turns a tau_tool of the host into a tool of the runtime.
#pragma once

#include <functional>
#include <memory>

#include "guard.h"
#include "runtime/runtime.h"

namespace tau::capi {

struct HostTool {
  std::shared_ptr<tool::Tool> tool;
  std::function<void()> keep;  // from now on the library owns userdata: finalize will be called
};

StatusOr<HostTool> convert_tool(const tau_tool& given);

}  // namespace tau::capi
