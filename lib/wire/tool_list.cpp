#include "wire/tool_list.h"

#include <algorithm>

namespace tau::wire {

Status decode_tools(ObjectReader& in, const std::function<ToolSpec(const json::Value& tool)>& decode,
                    std::vector<ToolSpec>& tools) {
  const json::Value* list = in.take_array("tools");
  if (list == nullptr) return ok_status();
  for (const json::Value& tool : list->as_array()) {
    if (!tool.is_object())
      return invalid_argument("invalid_request", "every element of \"tools\" must be an object");
    tools.push_back(decode(tool));
  }
  return ok_status();
}

void write_tools(ObjectWriter& out, const std::vector<ToolSpec>& tools, std::string_view dialect,
                 const std::function<void(json::Writer& out, const ToolSpec& tool)>& write) {
  const auto offered = [&](const ToolSpec& tool) { return !is_foreign_server_tool(tool, dialect); };
  if (!std::any_of(tools.begin(), tools.end(), offered)) return;
  json::Writer& w = out.key("tools").begin_array();
  for (const ToolSpec& tool : tools)
    if (offered(tool)) write(w, tool);
  w.end_array();
}

}  // namespace tau::wire
