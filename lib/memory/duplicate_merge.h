// What becomes of duplicates: edits that leave one of them, with what the others had.
#pragma once

#include <cstdint>
#include <vector>

#include "memory/duplicates.h"
#include "store/store.h"

namespace tau::memory {

struct MergeInput {
  // Those that are kept, those that are lost, and the other ends of relations, as they are once whatever else
  // is forgotten is forgotten; in any order.
  std::vector<store::MemoryRow> rows;
  std::vector<store::MemoryUses> uses;   // of `rows`, in their order; may be empty
  std::vector<store::MemoryEdge> edges;  // of those that are lost and those that are kept
  int64_t now_ms = 0;
};

// The one that is kept gets the tags of the others, their relations (the heavier of two that are the same),
// their uses, and their attributes where it has none. The others are related to it and forgotten: each can be
// restored, and is not taken for a duplicate of it then. Only rows that are there, not forgotten and as they
// were when the edits were made are touched: every edit of a row names its revision. A pair whose attributes
// turn out to differ is left alone; the rows that are lost are added to `lost`.
std::vector<store::MemoryEdit> merge_edits(const std::vector<Duplicate>& duplicates, const MergeInput& input,
                                           std::vector<int64_t>* lost);

}  // namespace tau::memory
