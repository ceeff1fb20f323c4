// Scores by words of the documents of one shard. Private to memory.
#pragma once

#include <algorithm>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "memory/doc_set.h"
#include "memory/ranking.h"
#include "memory/shard.h"

namespace tau::memory {

// Sums are kept for groups of documents: those that no word of the query touches cost nothing.
class WordScores {
 public:
  // `sums` is memory to use, whatever is in it.
  WordScores(const Shard& shard, std::vector<float>& sums);

  // Adds what a term brings to all documents that have it.
  void add(uint64_t term, double weight, const Bm25& bm25);
  // The same weight for all documents of a set.
  void add(const DocSet& docs, double weight);
  double of(Doc doc) const { return touched_[doc / kGroup] != 0 ? static_cast<double>(sums_[doc]) : 0; }

  // f(Doc, float) of the allowed whose score is at least `least()` and above 0, ascending.
  template <class Least, class F>
  void each(const DocSet& allowed, Least&& least, F&& f) const {
    const std::span<const uint64_t> words = allowed.words();
    for (size_t i = 0; i < words.size(); ++i) {
      if (words[i] == 0 || touched_[i * 64 / kGroup] == 0 || !reaches(i * 64, static_cast<float>(least())))
        continue;
      for (uint64_t word = words[i]; word != 0; word &= word - 1) {
        const size_t doc = i * 64 + static_cast<size_t>(std::countr_zero(word));
        if (sums_[doc] > 0 && static_cast<double>(sums_[doc]) >= least())
          f(static_cast<Doc>(doc), sums_[doc]);
      }
    }
  }

 private:
  static constexpr size_t kGroup = 512;
  float& sum(Doc doc) {
    if (touched_[doc / kGroup] == 0) touch(doc / kGroup);
    return sums_[doc];
  }
  void touch(size_t group);
  // Whether one of the 64 documents from this one on has such a score, which is not below 0. Floats that are
  // not negative are in the order of their bits: whole numbers are compared many at a time.
  bool reaches(size_t first, float least) const {
    const size_t end = std::min(first + 64, sums_.size());
    int32_t most = 0;
    if (end - first == 64) {
      for (size_t i = 0; i < 64; ++i) most = std::max(most, std::bit_cast<int32_t>(sums_[first + i]));
    } else {
      for (size_t i = first; i < end; ++i) most = std::max(most, std::bit_cast<int32_t>(sums_[i]));
    }
    return most > 0 && most >= std::bit_cast<int32_t>(least);
  }

  const Shard& shard_;
  std::vector<float>& sums_;
  std::vector<uint8_t> touched_;  // by group
};

}  // namespace tau::memory
