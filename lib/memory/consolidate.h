// Several observations made into one memory by a model: which ones belong together, what the model is asked,
// and what of its answer is taken. The sources stay, and what is made of them leads back to each.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/base.h"
#include "memory/model_text.h"
#include "store/store.h"

namespace tau::memory {

struct ConsolidateOptions {
  std::string model;
  uint32_t types = 1U << static_cast<unsigned>(Type::kObservation);  // of sources; bit set
  size_t min_sources = 3;
  size_t max_sources = 12;          // of one request
  int64_t max_gap_ms = 86'400'000;  // in a thread: longer, and it is another matter
  bool supersede = false;           // marks the sources as replaced; they can still be found on request
  int64_t max_tokens = 1'500;
  WriteBounds bounds{.max_memories = 2};
};
Status check(const ConsolidateOptions& options);  // INVALID_ARGUMENT "invalid_consolidation"

// Groups of indices into `rows`: of one scope and of the same labels, related to each other, near by `near`
// (rows that search finds alike) or next to each other in a thread; by time within a group, at most
// max_sources each, and at least min_sources. What is forgotten, replaced, or the source of a consolidation
// already is in none. The order of rows does not matter but for the numbers.
std::vector<std::vector<size_t>> consolidation_groups(const std::vector<store::MemoryRow>& rows,
                                                      const std::vector<store::MemoryEdge>& edges,
                                                      const std::vector<std::pair<int64_t, int64_t>>& near,
                                                      const ConsolidateOptions& options);

// For the rows of one group.
StatusOr<std::string> consolidation_request(const std::vector<store::MemoryRow>& sources,
                                            const ConsolidateOptions& options);

struct Consolidated {
  // Memories, what leads to their sources (result_of), and where wanted the sources as replaced. As with
  // extraction, whoever writes these leaves out ids that are taken.
  std::vector<store::MemoryEdit> edits;
  std::vector<std::string> ids;
  std::vector<Rejected> rejected;
};
// A memory names at least two of its sources, and holds no number that none of them holds. Its labels are
// those of all sources that were shown, and that a model wrote it.
StatusOr<Consolidated> read_consolidation(const std::vector<store::MemoryRow>& sources,
                                          const ConsolidateOptions& options, std::string_view answer,
                                          int64_t now_ms);

}  // namespace tau::memory
