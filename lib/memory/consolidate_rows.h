// What consolidation looks at: observations out of the store, what relates them, and which of them are alike.
#pragma once

#include <utility>
#include <vector>

#include "memory/consolidate.h"
#include "memory/engine.h"

namespace tau::memory {

struct ConsolidationRows {
  std::vector<store::MemoryRow> rows;
  std::vector<store::MemoryEdge> edges;
  std::vector<std::pair<int64_t, int64_t>> near;
  bool more = false;  // there are rows that were not looked at
};

// Of those that `reach` writes, the newest first, at most kMostConsolidationRows.
inline constexpr size_t kMostConsolidationRows = 5'000;
StatusOr<ConsolidationRows> consolidation_rows(Engine& engine, const Reach& reach, store::MemoryFilter filter,
                                               const ConsolidateOptions& options);

}  // namespace tau::memory
