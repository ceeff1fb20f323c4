// The built-in tools, one factory each; every tool lives in a file of its own.
#pragma once

#include <memory>

#include "tool/tool.h"

namespace tau::tool {

std::shared_ptr<Tool> make_bash_tool(bool sandboxed);
std::shared_ptr<Tool> make_edit_tool();
std::shared_ptr<Tool> make_glob_tool();
std::shared_ptr<Tool> make_grep_tool();
std::shared_ptr<Tool> make_http_tool();
std::shared_ptr<Tool> make_ls_tool();
std::shared_ptr<Tool> make_read_tool();
std::shared_ptr<Tool> make_write_tool();

}  // namespace tau::tool
