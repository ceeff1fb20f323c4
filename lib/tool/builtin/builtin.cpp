#include "tool/builtin/builtin.h"

namespace tau::tool {

std::vector<std::shared_ptr<Tool>> builtin_tools(bool sandboxed) {
  return {make_bash_tool(sandboxed), make_edit_tool(), make_glob_tool(), make_grep_tool(),
          make_http_tool(),          make_ls_tool(),   make_read_tool(), make_write_tool()};
}

}  // namespace tau::tool
