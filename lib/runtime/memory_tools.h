// Memory as tools of an agent: bound to the scope that the configuration gives its principal and session,
// which no argument of a call changes.
#pragma once

#include <memory>
#include <string>
#include <string_view>

#include "base/base.h"
#include "memory/memory.h"
#include "runtime/config.h"
#include "tool/tool.h"

namespace tau::runtime {

class Runtime;

// Where the memories of one run are: the configuration, with "{session}" and "{principal}" filled in.
memory::Reach reach_of(const MemoryConfig& config, std::string_view session, std::string_view principal);

// Labels of memories that are shown to a model: theirs, and that they were recalled.
Labels labels_of(const std::vector<store::MemoryRow>& rows);

// memory_write, memory_search, memory_read, memory_forget, memory_relate, memory_tree.
Status add_memory_tools(const std::shared_ptr<Runtime>& runtime, const MemoryConfig& config,
                        tool::Registry& registry);

}  // namespace tau::runtime
