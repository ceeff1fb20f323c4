// Adding up BM25, term by term.
#include "memory/word_scores.h"

#include <algorithm>

namespace tau::memory {

WordScores::WordScores(const Shard& shard, std::vector<float>& sums) : shard_(shard), sums_(sums) {
  if (sums_.size() < shard.size()) sums_.resize(shard.size());
  touched_.resize(size_t{shard.size()} / kGroup + 1);
}

void WordScores::touch(size_t group) {
  touched_[group] = 1;
  const size_t first = group * kGroup;
  std::fill_n(sums_.begin() + static_cast<std::ptrdiff_t>(first), std::min(kGroup, sums_.size() - first),
              0.0F);
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
