// Which documents are worth a closer look: those with the largest estimates by their sign codes, and of these
// those with the largest by their fine codes.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "memory/doc_set.h"
#include "memory/vector_collector.h"
#include "memory/vector_query.h"
#include "memory/vector_span.h"

namespace tau::memory {

// What a search goes through.
struct VectorField {
  std::span<const VectorSpan> spans;
  std::span<const uint64_t> eligible;
  const VectorQuery& query;
  const VectorKernels& kernels;
};

// Of one block of thirty-two: what the estimates of all may be like.
class VectorSample {
 public:
  explicit VectorSample(const VectorField& field);
  // A bar that a few more than so many of all are likely to reach; the lowest, when the sample is too small
  // to tell.
  int32_t bar_for(size_t wanted) const;
  // Those of the largest estimates, ascending by document.
  const std::vector<VectorCandidate>& best() { return best_.found(); }

 private:
  std::vector<uint32_t> counts_;
  size_t count_ = 0;
  int32_t reach_;
  Collector best_;
};

// Offers all that the collector takes, ascending by document, by their sign codes.
void collect_by_signs(const VectorField& field, Collector* collector);
// The same by their fine codes, of candidates with an estimate of `least` to `most`.
void collect_by_fine_codes(const VectorField& field, const std::vector<VectorCandidate>& candidates,
                           int32_t least, int32_t most, Collector* collector);

}  // namespace tau::memory
