// The scan of codes. A histogram of estimates tells how high the bar may be so that enough are above it.
#include "memory/vector_candidates.h"

#include <algorithm>
#include <array>
#include <bit>
#include <cmath>

namespace tau::memory {
namespace {

constexpr size_t kBatch = 64;    // blocks between two looks at the bar
constexpr size_t kSampled = 16;  // one block of so many says where the bar may be from the beginning

class Collector {
 public:
  // Estimates below `bar` are not wanted.
  Collector(size_t most, int32_t reach, int32_t bar)
      : most_(most), reach_(reach), counts_(2 * static_cast<size_t>(reach) + 1), bar_(bar) {}

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
    if (found_.size() > 2 * above_ + kBatch * kBlockDocs)
      std::erase_if(found_, [this](const VectorCandidate& one) { return one.estimate < bar_; });
  }
  size_t above() const { return above_; }  // at the bar
  VectorCandidates take(size_t wanted) {
    size_t above = above_;
    return {std::move(found_), static_cast<int16_t>(bar_for(wanted, &above)), static_cast<int16_t>(bar_)};
  }

 private:
  // The highest bar that leaves so many above it, from the one that stands and the number above that.
  int32_t bar_for(size_t wanted, size_t* above) const {
    int32_t bar = bar_;
    while (*above > wanted && *above - counts_[static_cast<size_t>(bar + reach_)] >= wanted)
      *above -= counts_[static_cast<size_t>(bar++ + reach_)];
    return bar;
  }
  size_t most_;
  int32_t reach_;  // estimates are within ±reach_
  std::vector<uint32_t> counts_;
  int32_t bar_;
  size_t above_ = 0;  // of those found, at the bar or higher
  std::vector<VectorCandidate> found_;
};

// Estimates of documents, by blocks.
class Scan {
 public:
  Scan(std::span<const VectorSpan> spans, std::span<const uint64_t> eligible, const VectorQuery& query,
       const VectorKernels& kernels)
      : spans_(spans),
        eligible_(eligible),
        code_{query.padded(), query.weights(), static_cast<int16_t>(query.middle())},
        reach_(query.reach()),
        kernels_(kernels) {}

  // A bar that a few more than `most` documents reach, unless those of the sample are unlike the others; the
  // lowest, when the sample is too small to tell.
  int32_t likely_bar(size_t most) {
    std::vector<uint32_t> counts(2 * static_cast<size_t>(reach_) + 1);
    size_t left = 0;
    each_block(kSampled, [&](const VectorSpan& span, size_t block) {
      estimate(span, block, 1, -reach_ - 1);
      for (uint32_t bits = above_[0]; bits != 0; bits &= bits - 1, ++left)
        ++counts[static_cast<size_t>(estimates_[static_cast<size_t>(std::countr_zero(bits))] + reach_)];
    });
    const double share = static_cast<double>(most) / kSampled;
    const auto wanted = static_cast<size_t>(share + 3 * std::sqrt(share)) + 1;
    if (left <= wanted) return -reach_;
    int32_t bar = -reach_;
    while (left - counts[static_cast<size_t>(bar + reach_)] > wanted)
      left -= counts[static_cast<size_t>(bar++ + reach_)];
    return bar;
  }
  // All that are above the collector's bar.
  void collect(Collector& collector) {
    each_block(kBatch, [&](const VectorSpan& span, size_t block) {
      const size_t blocks = (span.count + kBlockDocs - 1) / kBlockDocs;
      const size_t count = std::min(kBatch, blocks - block);
      estimate(span, block, count, collector.bar());
      for (size_t i = 0; i < count; ++i)
        for (uint32_t left = above_[i]; left != 0; left &= left - 1) {
          const size_t in_batch = i * kBlockDocs + static_cast<size_t>(std::countr_zero(left));
          collector.offer(static_cast<Doc>(span.first + block * kBlockDocs + in_batch), estimates_[in_batch]);
        }
      collector.raise();
    });
  }

 private:
  // f(span, block) of every `step`th block of each span.
  template <class F>
  void each_block(size_t step, F&& f) const {
    for (const VectorSpan& span : spans_)
      for (size_t block = 0; block * kBlockDocs < span.count; block += step) f(span, block);
  }
  void estimate(const VectorSpan& span, size_t block, size_t count, int32_t bar) {
    std::array<uint32_t, kBatch> bits;
    for (size_t i = 0; i < count; ++i) bits[i] = eligible_in(span, block + i, eligible_);
    kernels_.estimate(span.blocks + block * block_lines(code_.padded), count, code_,
                      static_cast<int16_t>(bar), bits.data(), estimates_.data(), above_.data());
  }

  std::span<const VectorSpan> spans_;
  std::span<const uint64_t> eligible_;
  CodeQuery code_;
  int32_t reach_;
  const VectorKernels& kernels_;
  std::array<uint32_t, kBatch> above_;
  std::array<int16_t, kBatch * kBlockDocs> estimates_;
};

}  // namespace

VectorCandidates vector_candidates(std::span<const VectorSpan> spans, std::span<const uint64_t> eligible,
                                   const VectorQuery& query, size_t wanted, size_t most,
                                   const VectorKernels& kernels) {
  Scan scan(spans, eligible, query, kernels);
  const int32_t bar = scan.likely_bar(most);
  Collector collector(most, query.reach(), bar);
  scan.collect(collector);
  if (bar == -query.reach() || collector.above() >= most) return collector.take(wanted);
  Collector all(most, query.reach(), -query.reach());
  scan.collect(all);
  return all.take(wanted);
}

}  // namespace tau::memory
