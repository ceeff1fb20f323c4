// Which documents are worth scoring: those with the largest estimates by their sign codes.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "memory/doc_set.h"
#include "memory/vector_query.h"
#include "memory/vector_span.h"

namespace tau::memory {

struct VectorCandidate {
  Doc doc = 0;
  int16_t estimate = 0;
};

struct VectorCandidates {
  std::vector<VectorCandidate> found;  // ascending by document
  int16_t bar = 0;                     // at least `wanted` of them have this estimate or a larger one
  int16_t least = 0;                   // those of a smaller estimate are none
};

// The eligible documents with the largest estimates: at least `most` of them, or all there are, and whatever
// has the same estimate as the last. Depends on estimates alone, not on how documents are cut into spans.
VectorCandidates vector_candidates(std::span<const VectorSpan> spans, std::span<const uint64_t> eligible,
                                   const VectorQuery& query, size_t wanted, size_t most,
                                   const VectorKernels& kernels);

}  // namespace tau::memory
