// The scan of codes. A histogram of estimates tells how high the bar may be so that enough are above it.
#include "memory/vector_candidates.h"

#include <algorithm>
#include <array>
#include <bit>

namespace tau::memory {
namespace {

constexpr size_t kBatch = 64;  // blocks between two looks at the bar

class Collector {
 public:
  Collector(size_t most, int32_t reach)
      : most_(most), reach_(reach), counts_(2 * static_cast<size_t>(reach) + 1), bar_(-reach) {}

  // What is above it is worth offering.
  int16_t bar() const { return static_cast<int16_t>(bar_ - 1); }
  void offer(Doc doc, int16_t estimate) {
    if (estimate < bar_) return;
    found_.push_back({doc, estimate});
    ++counts_[static_cast<size_t>(estimate + reach_)];
    ++above_;
  }
  void raise() {
    bar_ = bar_for(most_, &above_);
    if (found_.size() > 2 * above_ + kBatch * kBlockDocs) drop();
  }
  VectorCandidates take(size_t wanted) {
    drop();
    size_t above = above_;
    return {std::move(found_), static_cast<int16_t>(bar_for(wanted, &above))};
  }

 private:
  // The highest bar that leaves so many above it, from the one that stands and the number above that.
  int32_t bar_for(size_t wanted, size_t* above) const {
    int32_t bar = bar_;
    while (*above > wanted && *above - counts_[static_cast<size_t>(bar + reach_)] >= wanted)
      *above -= counts_[static_cast<size_t>(bar++ + reach_)];
    return bar;
  }
  void drop() {
    std::erase_if(found_, [this](const VectorCandidate& one) { return one.estimate < bar_; });
  }

  size_t most_;
  int32_t reach_;  // estimates are within ±reach_
  std::vector<uint32_t> counts_;
  int32_t bar_;
  size_t above_ = 0;  // of those found, at the bar or higher
  std::vector<VectorCandidate> found_;
};

}  // namespace

VectorCandidates vector_candidates(std::span<const VectorSpan> spans, std::span<const uint64_t> eligible,
                                   const VectorQuery& query, size_t wanted, size_t most,
                                   const VectorKernels& kernels) {
  const CodeQuery code{query.padded(), query.weights(), static_cast<int16_t>(query.middle())};
  Collector collector(most, query.reach());
  std::array<uint32_t, kBatch> bits;
  std::array<uint32_t, kBatch> above;
  std::array<int16_t, kBatch * kBlockDocs> estimates;
  for (const VectorSpan& span : spans) {
    const size_t blocks = (span.count + kBlockDocs - 1) / kBlockDocs;
    for (size_t at = 0; at < blocks; at += kBatch) {
      const size_t count = std::min(kBatch, blocks - at);
      for (size_t i = 0; i < count; ++i) bits[i] = eligible_in(span, at + i, eligible);
      kernels.estimate(span.blocks + at * block_lines(code.padded), count, code, collector.bar(), bits.data(),
                       estimates.data(), above.data());
      for (size_t i = 0; i < count; ++i)
        for (uint32_t left = above[i]; left != 0; left &= left - 1) {
          const size_t in_batch = i * kBlockDocs + static_cast<size_t>(std::countr_zero(left));
          collector.offer(static_cast<Doc>(span.first + at * kBlockDocs + in_batch), estimates[in_batch]);
        }
      collector.raise();
    }
  }
  return collector.take(wanted);
}

}  // namespace tau::memory
