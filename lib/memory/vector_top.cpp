// The scan of all rows and the selection of the nearest.
#include "memory/vector_top.h"

#include <algorithm>
#include <array>
#include <bit>

namespace tau::memory {
namespace {

constexpr size_t kBatch = 256;  // rows scored in one call
constexpr size_t kLeastRoom = 128;

// Rows of one span that wait for their scores.
class Scorer {
 public:
  Scorer(const VectorQuery& query, const VectorKernels& kernels, TopHits* top)
      : query_(query), kernels_(kernels), top_(top) {}
  void begin(const VectorSpan& span) { span_ = &span; }
  void add(uint32_t row) {
    rows_[count_++] = row;
    if (count_ == kBatch) flush();
  }
  void flush() {
    std::array<int32_t, kBatch> dots;
    kernels_.dots(span_->rows, query_.padded(), query_.values(), rows_.data(), count_, dots.data());
    for (size_t i = 0; i < count_; ++i)
      top_->offer({span_->first + rows_[i], query_.score(dots[i], span_->factors[rows_[i]])});
    count_ = 0;
  }

 private:
  const VectorQuery& query_;
  const VectorKernels& kernels_;
  TopHits* top_;
  const VectorSpan* span_ = nullptr;
  std::array<uint32_t, kBatch> rows_;
  size_t count_ = 0;
};

// Thirty-two bits from bit `from` on.
uint32_t bits_at(std::span<const uint64_t> words, size_t from) {
  const size_t word = from / 64;
  const size_t shift = from % 64;
  if (word >= words.size()) return 0;
  uint64_t out = words[word] >> shift;
  if (shift > 32 && word + 1 < words.size()) out |= words[word + 1] << (64 - shift);
  return static_cast<uint32_t>(out);
}

// The eligible documents of a block of a span.
uint32_t eligible_in(const VectorSpan& span, size_t block, std::span<const uint64_t> eligible) {
  const size_t at = block * kBlockDocs;
  const uint32_t bits = bits_at(eligible, span.first + at);
  const size_t left = span.count - at;
  return left >= kBlockDocs ? bits : bits & ((uint32_t{1} << left) - 1);
}

}  // namespace

TopHits::TopHits(size_t k) : k_(k), room_(std::max(2 * k, kLeastRoom)) {}

void TopHits::cut() {
  if (hits_.size() <= k_) return;
  const auto middle = hits_.begin() + static_cast<std::ptrdiff_t>(k_ - 1);
  std::nth_element(hits_.begin(), middle, hits_.end(), before);
  last_ = *middle;
  full_ = true;
  hits_.resize(k_);
}

std::vector<VectorHit> TopHits::take() {
  cut();
  std::sort(hits_.begin(), hits_.end(), before);
  return std::move(hits_);
}

std::vector<VectorHit> top_of_all(std::span<const VectorSpan> spans, std::span<const uint64_t> eligible,
                                  const VectorQuery& query, size_t k, const VectorKernels& kernels) {
  TopHits top(k);
  Scorer scorer(query, kernels, &top);
  for (const VectorSpan& span : spans) {
    scorer.begin(span);
    for (size_t block = 0; block * kBlockDocs < span.count; ++block)
      for (uint32_t bits = eligible_in(span, block, eligible); bits != 0; bits &= bits - 1)
        scorer.add(static_cast<uint32_t>(block * kBlockDocs) + static_cast<uint32_t>(std::countr_zero(bits)));
    scorer.flush();
  }
  return top.take();
}

}  // namespace tau::memory
