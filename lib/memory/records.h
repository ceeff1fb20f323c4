// Rows with all that belongs to them, for exports.
#pragma once

#include <functional>
#include <vector>

#include "memory/engine.h"
#include "memory/memory_record.h"

namespace tau::memory {

// Calls use() with the record of each row, in their order. Relations whose other end `reach` does not see are
// left out; of one row there are at most `max_edges`, the heaviest.
Status each_record_of(store::Memories& memories, const Reach& reach,
                      const std::vector<store::MemoryRow>& rows, size_t max_edges,
                      const std::function<Status(const MemoryRecord&)>& use);

}  // namespace tau::memory
