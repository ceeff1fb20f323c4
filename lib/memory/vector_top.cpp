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
constexpr size_t kManyRows = 4096;
constexpr size_t kLeastRoom = 128;

constexpr size_t kSure = 10;      // hits that must not be missed
constexpr size_t kFineTimes = 4;  // fine codes that are looked at, at the least, for each row that is scored
constexpr size_t kClosest = 128;  // that tell how near the first kSure are
// What estimates say of a vector at a right angle: their variance times the number of dimensions, by signs
// (pi / 2) - 1; and how many deviations they may be off.
struct Errors {
  double variance;
  double deviations;
};
constexpr Errors kOfSigns = {0.5708, 2.25};
constexpr Errors kOfFineCodes = {0.14, 2.5};

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

// Candidates with estimates in this range. Many at once: the memory of rows is slow, and kernels fetch the
// next ones while they go through the first.
void score(const VectorField& field, const std::vector<VectorCandidate>& candidates, int32_t least,
           int32_t most, TopHits* top) {
  Scorer scorer(field.query, field.kernels, std::min(candidates.size() + 1, kManyRows), top);
  auto next = candidates.begin();
  for (const VectorSpan& span : field.spans) {
    scorer.begin(span);
    for (; next != candidates.end() && next->doc - span.first < span.count; ++next)
      scorer.add_if(next->doc - span.first, next->estimate >= least && next->estimate <= most);
    scorer.flush();
  }
}

// The score of the last of the first kSure.
double last_of(const std::vector<VectorHit>& hits) {
  return hits.size() < kSure ? -1.0 : static_cast<double>(hits[kSure - 1].score);
}

// The least cosine that the estimate of a document with the score `last` may say. Errors have a known
// deviation, for the rotation made the direction of rows random. No product is followed by a sum here: they
// would be fused on some CPUs.
double needed(double last, const Errors& errors, const VectorQuery& query) {
  const double squared = errors.variance * (1 - last) * (1 + last) / static_cast<double>(query.dimensions());
  return last - std::sqrt(errors.deviations * errors.deviations * squared);
}

int32_t bar_of(double estimate) {
  return static_cast<int32_t>(std::floor(std::clamp<double>(estimate, INT16_MIN, INT16_MAX)));
}

int32_t signs_bar(double last, const VectorQuery& query) {
  return std::max(bar_of(query.estimate_of(needed(last, kOfSigns, query))), -query.reach());
}

int32_t fine_bar(double last, const VectorQuery& query) {
  return bar_of(needed(last, kOfFineCodes, query) * (1 << VectorQuery::kFineBits));
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

namespace {

// The search by codes: fine codes of those with the largest estimates by their signs, rows of the nearest of
// these; then whatever else may be as near as the tenth of them. What is found depends on estimates alone,
// not on how documents are cut into spans or where the best of them stand.
class LikelySearch {
 public:
  LikelySearch(const VectorField& field, size_t count, size_t k, const VectorEffort& effort)
      : field_(field),
        scored_(std::max(effort.candidates, count / effort.candidates_part)),
        fine_(kFineTimes * scored_),
        most_(std::max(fine_, count / effort.closer_part)),
        top_(std::max(k, kSure)) {}

  std::vector<VectorHit> run() {
    if (!search_from(likely_bar())) search_from(-field_.query.reach());
    return top_.take();
  }

 private:
  // Not higher than it will be needed, unless the sample is unlike the others.
  int32_t likely_bar() {
    VectorSample sample(field_);
    Collector fine = all_fine();
    collect_by_fine_codes(field_, sample.best(), INT16_MIN, INT16_MAX, &fine);
    score(field_, fine.found(), fine.bar_for(kClosest), INT16_MAX, &top_);
    const int32_t needed = signs_bar(last_of(top_.take()), field_.query);
    return std::max(sample.bar_for(most_), std::min(needed, sample.bar_for(fine_)));
  }
  // Of documents with such an estimate by their signs, or a larger one: whether all that were needed are.
  bool search_from(int32_t bar) {
    const bool lowest = bar == -field_.query.reach();
    Collector signs(most_, field_.query.reach(), bar, field_.query.reach());
    collect_by_signs(field_, &signs);
    const bool all = lowest || signs.bar() > bar;
    if (!all && signs.count() < fine_) return false;
    const int32_t first = signs.bar_for(fine_);
    Collector fine = all_fine();
    collect_by_fine_codes(field_, signs.found(), first, INT16_MAX, &fine);
    const int32_t closest = fine.bar_for(kClosest);
    score(field_, fine.found(), closest, INT16_MAX, &top_);
    std::vector<VectorHit> hits = top_.take();
    const double last = last_of(hits);
    const int32_t needed = signs_bar(last, field_.query);
    if (!all && needed < bar) return false;
    for (const VectorHit& hit : hits) top_.offer(hit);
    const int32_t near = fine_bar(last, field_.query);
    score(field_, fine.found(), std::min(near, fine.bar_for(scored_)), closest - 1, &top_);
    Collector others(0, VectorQuery::kFineReach, near, near);
    collect_by_fine_codes(field_, signs.found(), std::max(needed, signs.bar()), first - 1, &others);
    score(field_, others.found(), near, INT16_MAX, &top_);
    return true;
  }
  static Collector all_fine() {
    return {SIZE_MAX, VectorQuery::kFineReach, -VectorQuery::kFineReach, -VectorQuery::kFineReach};
  }

  const VectorField& field_;
  size_t scored_;  // at least so many are
  size_t fine_;    // of so many fine codes are looked at, at least
  size_t most_;    // and at most
  TopHits top_;
};

}  // namespace

std::vector<VectorHit> top_of_likely(std::span<const VectorSpan> spans, std::span<const uint64_t> eligible,
                                     size_t count, const VectorQuery& query, size_t k,
                                     const VectorEffort& effort) {
  const VectorField field{spans, eligible, query, *effort.kernels};
  std::vector<VectorHit> hits = LikelySearch(field, count, k, effort).run();
  hits.resize(std::min(k, hits.size()));
  return hits;
}

}  // namespace tau::memory
