// The list of tools of a request, as most dialects have it: one element a tool.
#pragma once

#include <functional>
#include <string_view>
#include <vector>

#include "wire/form.h"

namespace tau::wire {

// Takes "tools". INVALID_ARGUMENT "invalid_request" when an element is no object.
Status decode_tools(ObjectReader& in, const std::function<ToolSpec(const json::Value& tool)>& decode,
                    std::vector<ToolSpec>& tools);
// Writes "tools" without those that another dialect's server runs; nothing when no tool is left.
void write_tools(ObjectWriter& out, const std::vector<ToolSpec>& tools, std::string_view dialect,
                 const std::function<void(json::Writer& out, const ToolSpec& tool)>& write);

}  // namespace tau::wire
