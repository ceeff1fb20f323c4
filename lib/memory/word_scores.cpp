// Adding up BM25, term by term.
#include "memory/word_scores.h"

#include <algorithm>
#include <cfloat>
#include <cmath>
#include <functional>

#if defined(__SSE2__)
#include <emmintrin.h>
#endif

namespace tau::memory {
namespace {

constexpr size_t kSampled = 16;  // one block of so many is looked at for likely_least()

}  // namespace

WordScores::WordScores(const Shard& shard, std::vector<float>& sums) : shard_(shard), sums_(sums) {
  const size_t groups = size_t{shard.size()} / kGroup + 1;
  if (sums_.size() < groups * kGroup) sums_.resize(groups * kGroup);
  touched_.resize(groups);
}

void WordScores::touch(size_t group) {
  touched_[group] = 1;
  std::fill_n(sums_.begin() + static_cast<std::ptrdiff_t>(group * kGroup), kGroup, 0.0F);
}

uint64_t WordScores::reaching(size_t block, float least) const {
  const float* const sums = sums_.data() + block * kBlock;
  const float bar = std::max(least, FLT_TRUE_MIN);
  uint64_t bits = 0;
#if defined(__SSE2__)
  const __m128 bars = _mm_set1_ps(bar);
  for (size_t i = 0; i < kBlock; i += 4) {
    const auto four = static_cast<unsigned>(_mm_movemask_ps(_mm_cmpge_ps(_mm_loadu_ps(sums + i), bars)));
    bits |= uint64_t{four} << i;
  }
#else
  for (size_t i = 0; i < kBlock; ++i) bits |= uint64_t{sums[i] >= bar} << i;
#endif
  return bits;
}

float WordScores::likely_least(const DocSet& allowed, size_t k) const {
  const std::span<const uint64_t> words = allowed.words();
  std::vector<float> found;
  for (size_t i = 0; i < words.size(); i += kSampled) {
    if (words[i] == 0 || touched_[i * kBlock / kGroup] == 0) continue;
    for (uint64_t word = words[i] & reaching(i, 0); word != 0; word &= word - 1)
      found.push_back(sums_[i * kBlock + static_cast<size_t>(std::countr_zero(word))]);
  }
  // Three deviations more than its share: then it is seldom too high.
  const double share = static_cast<double>(k) / kSampled;
  const auto wanted = static_cast<size_t>(share + 3 * std::sqrt(share)) + 1;
  if (found.size() <= wanted) return 0;
  std::ranges::nth_element(found, found.begin() + static_cast<std::ptrdiff_t>(wanted), std::greater<>());
  return found[wanted];
}

void WordScores::add(uint64_t term, double weight, const Bm25& bm25) {
  const Postings& postings = shard_.postings();
  const auto by = static_cast<float>(weight);
  postings.each(term,
                [&](Doc doc, uint32_t count) { sum(doc) += by * bm25.score(count, postings.length(doc)); });
}

void WordScores::add(const DocSet& docs, double weight) {
  const auto by = static_cast<float>(weight);
  docs.each([&](Doc doc) { sum(doc) += by; });
}

}  // namespace tau::memory
