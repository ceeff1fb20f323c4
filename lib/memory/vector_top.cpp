// The scan of all rows and the selection of the nearest.
#include "memory/vector_top.h"

#include <algorithm>
#include <array>
#include <bit>
#include <cmath>
#include <utility>

namespace tau::memory {
namespace {

constexpr size_t kBatch = 256;  // rows scored in one call
constexpr size_t kLeastRoom = 128;

// So many times as many candidates are at hand, for vectors that lie too close together for their signs.
constexpr size_t kMoreCandidates = 5;
constexpr size_t kSure = 10;  // hits that must not be missed
constexpr double kDeviations = 2.5;
// Of an estimate, times the number of dimensions, at a right angle: (pi / 2) - 1.
constexpr double kErrorVariance = 0.5708;

// Rows of one span that wait for their scores: `room` at the most.
class Scorer {
 public:
  Scorer(const VectorQuery& query, const VectorKernels& kernels, size_t room, TopHits* top)
      : query_(query), kernels_(kernels), top_(top), rows_(room), dots_(room) {}
  void begin(const VectorSpan& span) { span_ = &span; }
  // Without a branch: nothing tells beforehand which ones are wanted.
  void add_if(uint32_t row, bool wanted) {
    rows_[count_] = row;
    count_ += wanted ? 1 : 0;
    if (count_ == rows_.size()) flush();
  }
  // Thirty-two from `row` on, those whose bit is set.
  void add_block(uint32_t row, uint32_t bits) {
    if (count_ + kBlockDocs > rows_.size()) flush();
    if (bits == ~uint32_t{0}) {
      for (uint32_t i = 0; i < kBlockDocs; ++i) rows_[count_ + i] = row + i;
      count_ += kBlockDocs;
      return;
    }
    for (; bits != 0; bits &= bits - 1) rows_[count_++] = row + static_cast<uint32_t>(std::countr_zero(bits));
  }
  void flush() {
    kernels_.dots(span_->rows, query_.padded(), query_.values(), rows_.data(), count_, dots_.data());
    for (size_t i = 0; i < count_; ++i) {
      if (i + kAhead < count_) __builtin_prefetch(span_->factors + rows_[i + kAhead]);
      top_->offer({span_->first + rows_[i], query_.score(dots_[i], span_->factors[rows_[i]])});
    }
    count_ = 0;
  }

 private:
  static constexpr size_t kAhead = 16;  // factors that are fetched before they are needed

  const VectorQuery& query_;
  const VectorKernels& kernels_;
  TopHits* top_;
  const VectorSpan* span_ = nullptr;
  std::vector<uint32_t> rows_;
  std::vector<int32_t> dots_;
  size_t count_ = 0;
};

// Candidates with estimates in this range. All of a span at once: the memory of rows is slow, and kernels
// fetch the next ones while they go through the first.
void score(std::span<const VectorSpan> spans, const VectorCandidates& candidates, int32_t least, int32_t most,
           const VectorQuery& query, const VectorKernels& kernels, TopHits* top) {
  Scorer scorer(query, kernels, candidates.found.size() + 1, top);
  auto next = candidates.found.begin();
  for (const VectorSpan& span : spans) {
    scorer.begin(span);
    for (; next != candidates.found.end() && next->doc - span.first < span.count; ++next)
      scorer.add_if(next->doc - span.first, next->estimate >= least && next->estimate <= most);
    scorer.flush();
  }
}

// The least estimate with which a document may still have the score of the last of the first kSure hits. The
// error of an estimate has a known deviation, for the rotation made the direction of its signs random. No
// product is followed by a sum here: they would be fused on some CPUs.
int32_t needed_bar(const std::vector<VectorHit>& hits, const VectorQuery& query) {
  const double last = hits.size() < kSure ? -1.0 : static_cast<double>(hits[kSure - 1].score);
  const double variance = kErrorVariance * (1 - last) * (1 + last) / static_cast<double>(query.dimensions());
  const double least = last - std::sqrt(kDeviations * kDeviations * variance);
  return static_cast<int32_t>(std::floor(std::clamp<double>(query.estimate_of(least), INT16_MIN, INT16_MAX)));
}

// As a value of its own: compilers take it in where they sort.
constexpr auto kBefore = [](const VectorHit& a, const VectorHit& b) { return before(a, b); };

}  // namespace

TopHits::TopHits(size_t k) : k_(k), room_(std::max(2 * k, kLeastRoom)) {}

void TopHits::cut() {
  if (hits_.size() <= k_) return;
  const auto middle = hits_.begin() + static_cast<std::ptrdiff_t>(k_ - 1);
  std::nth_element(hits_.begin(), middle, hits_.end(), kBefore);
  last_ = *middle;
  full_ = true;
  hits_.resize(k_);
}

std::vector<VectorHit> TopHits::take() {
  cut();
  std::sort(hits_.begin(), hits_.end(), kBefore);
  full_ = false;
  return std::exchange(hits_, {});
}

std::vector<VectorHit> top_of_all(std::span<const VectorSpan> spans, std::span<const uint64_t> eligible,
                                  const VectorQuery& query, size_t k, const VectorEffort& effort) {
  TopHits top(k);
  Scorer scorer(query, *effort.kernels, kBatch, &top);
  for (const VectorSpan& span : spans) {
    scorer.begin(span);
    for (size_t block = 0; block * kBlockDocs < span.count; ++block)
      scorer.add_block(static_cast<uint32_t>(block * kBlockDocs), eligible_in(span, block, eligible));
    scorer.flush();
  }
  return top.take();
}

std::vector<VectorHit> top_of_likely(std::span<const VectorSpan> spans, std::span<const uint64_t> eligible,
                                     size_t count, const VectorQuery& query, size_t k,
                                     const VectorEffort& effort) {
  const size_t wanted = std::max(effort.candidates, count / effort.candidates_part);
  const VectorCandidates candidates =
      vector_candidates(spans, eligible, query, wanted, kMoreCandidates * wanted, *effort.kernels);
  TopHits top(std::max(k, kSure));
  score(spans, candidates, candidates.bar, INT16_MAX, query, *effort.kernels, &top);
  std::vector<VectorHit> hits = top.take();
  const int32_t bar = needed_bar(hits, query);
  if (bar < candidates.bar && candidates.least < candidates.bar) {
    for (const VectorHit& hit : hits) top.offer(hit);
    score(spans, candidates, std::max<int32_t>(bar, candidates.least), candidates.bar - 1, query,
          *effort.kernels, &top);
    hits = top.take();
  }
  hits.resize(std::min(k, hits.size()));
  return hits;
}

}  // namespace tau::memory
