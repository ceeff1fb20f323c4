// The scans of codes.
#include "memory/vector_candidates.h"

#include <algorithm>
#include <array>
#include <bit>
#include <cmath>

#include "memory/vector_fine.h"

namespace tau::memory {
namespace {

constexpr size_t kBatch = 64;    // blocks between two looks at the bar
constexpr size_t kSampled = 32;  // one block of so many is in the sample
constexpr size_t kBestOfSample = 1024;
constexpr size_t kFineBatch = 2048;

// Estimates of documents, by blocks.
class Scan {
 public:
  explicit Scan(const VectorField& field)
      : field_(field),
        code_{field.query.padded(), field.query.weights(), static_cast<int16_t>(field.query.middle())} {}

  // f(document, estimate) of `count` blocks of every `step`, where it is `bar()` or more; then done(). Blocks
  // of `count` are looked at together.
  template <class Bar, class F, class Done>
  void each(size_t count, size_t step, Bar&& bar, F&& f, Done&& done) {
    for (const VectorSpan& span : field_.spans) {
      const size_t blocks = (span.count + kBlockDocs - 1) / kBlockDocs;
      for (size_t block = 0; block < blocks; block += step) {
        const size_t here = std::min(count, blocks - block);
        estimate(span, block, here, bar());
        for (size_t i = 0; i < here; ++i)
          for (uint32_t left = above_[i]; left != 0; left &= left - 1) {
            const size_t at = i * kBlockDocs + static_cast<size_t>(std::countr_zero(left));
            f(static_cast<Doc>(span.first + block * kBlockDocs + at), estimates_[at]);
          }
        done();
      }
    }
  }

 private:
  void estimate(const VectorSpan& span, size_t block, size_t count, int32_t bar) {
    std::array<uint32_t, kBatch> bits;
    for (size_t i = 0; i < count; ++i) bits[i] = eligible_in(span, block + i, field_.eligible);
    field_.kernels.estimate(span.blocks + block * block_lines(code_.padded), count, code_,
                            static_cast<int16_t>(bar - 1), bits.data(), estimates_.data(), above_.data());
  }

  const VectorField& field_;
  CodeQuery code_;
  std::array<uint32_t, kBatch> above_;
  std::array<int16_t, kBatch * kBlockDocs> estimates_;
};

}  // namespace

VectorSample::VectorSample(const VectorField& field)
    : counts_(2 * static_cast<size_t>(field.query.reach()) + 1),
      reach_(field.query.reach()),
      best_(kBestOfSample, reach_, -reach_, reach_) {
  Scan(field).each(
      1, kSampled, [this] { return -reach_; },
      [this](Doc doc, int16_t estimate) {
        ++counts_[static_cast<size_t>(estimate + reach_)];
        ++count_;
        best_.offer(doc, estimate);
      },
      [this] { best_.raise(); });
}

int32_t VectorSample::bar_for(size_t wanted) const {
  const double share = static_cast<double>(wanted) / kSampled;
  const auto likely = static_cast<size_t>(share + 3 * std::sqrt(share)) + 1;
  size_t left = count_;
  int32_t bar = -reach_;
  while (left > likely && left - counts_[static_cast<size_t>(bar + reach_)] > likely)
    left -= counts_[static_cast<size_t>(bar++ + reach_)];
  return bar;
}

void collect_by_signs(const VectorField& field, Collector* collector) {
  Scan(field).each(
      kBatch, kBatch, [&] { return collector->bar(); },
      [&](Doc doc, int16_t estimate) { collector->offer(doc, estimate); }, [&] { collector->raise(); });
}

void collect_by_fine_codes(const VectorField& field, const std::vector<VectorCandidate>& candidates,
                           int32_t least, int32_t most, Collector* collector) {
  std::array<uint32_t, kFineBatch> rows;
  std::array<int16_t, kFineBatch> estimates;
  std::array<int32_t, kFineBatch> sums;
  auto next = candidates.begin();
  for (const VectorSpan& span : field.spans) {
    const auto here = [&] { return next != candidates.end() && next->doc - span.first < span.count; };
    while (here()) {
      size_t count = 0;
      for (; count < kFineBatch && here(); ++next) {
        rows[count] = next->doc - span.first;
        estimates[count] = next->estimate;
        count += next->estimate >= least && next->estimate <= most ? size_t{1} : 0;
      }
      field.kernels.fine(span.fine, field.query.padded(), field.query.fine_weights(), rows.data(), count,
                         sums.data());
      for (size_t i = 0; i < count; ++i)
        collector->offer(span.first + rows[i], field.query.fine_estimate(estimates[i], sums[i]));
      collector->raise();
    }
  }
}

}  // namespace tau::memory
