// Search through runs of rows: which of them are nearest to a query.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "memory/doc_set.h"
#include "memory/vector_candidates.h"
#include "memory/vector_query.h"
#include "memory/vector_span.h"

namespace tau::memory {

struct VectorHit {
  Doc doc = 0;
  float score = 0;  // cosine, -1 to 1
  bool operator==(const VectorHit&) const = default;
};

// The order of hits: by score downwards, then by document upwards. Total.
inline bool before(const VectorHit& a, const VectorHit& b) {
  return a.score != b.score ? a.score > b.score : a.doc < b.doc;
}

// How a search goes about it. The usual values are right; others are for tests.
struct VectorEffort {
  size_t scored = 50'000;          // where there are no more, every row is scored
  size_t candidates = 1'000;       // at least so many are scored where there are more
  size_t candidates_part = 1'000;  // or this part of all
  size_t closer_part = 4;          // at most this part of all is looked at more closely, if that is more
  const VectorKernels* kernels = &vector_kernels();
};

// The first `k` of all hits that are offered, whatever their order.
class TopHits {
 public:
  explicit TopHits(size_t k);
  void offer(const VectorHit& hit) {
    if (full_ && !before(hit, last_)) return;
    hits_.push_back(hit);
    if (hits_.size() == room_) cut();
  }
  std::vector<VectorHit> take();  // sorted

 private:
  void cut();

  size_t k_;
  size_t room_;
  bool full_ = false;
  VectorHit last_;  // of k, at the last cut
  std::vector<VectorHit> hits_;
};

// Scores every document whose bit is set. Bits beyond the words are not.
std::vector<VectorHit> top_of_all(std::span<const VectorSpan> spans, std::span<const uint64_t> eligible,
                                  const VectorQuery& query, size_t k, const VectorEffort& effort);
// Scores those that may be among the first by the estimates of their codes, of `count` that are
// eligible: the same ones for every k.
std::vector<VectorHit> top_of_likely(std::span<const VectorSpan> spans, std::span<const uint64_t> eligible,
                                     size_t count, const VectorQuery& query, size_t k,
                                     const VectorEffort& effort);

}  // namespace tau::memory
