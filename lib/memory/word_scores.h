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
      if (words[i] == 0 || touched_[i * kBlock / kGroup] == 0) continue;
      for (uint64_t word = words[i] & reaching(i, static_cast<float>(least())); word != 0; word &= word - 1) {
        const size_t doc = i * kBlock + static_cast<size_t>(std::countr_zero(word));
        f(static_cast<Doc>(doc), sums_[doc]);
      }
    }
  }
  // A score that about the best `k` of the allowed reach, and seldom fewer: from a part of them.
  float likely_least(const DocSet& allowed, size_t k) const;

 private:
  static constexpr size_t kBlock = 64;
  static constexpr size_t kGroup = 512;
  float& sum(Doc doc) {
    if (touched_[doc / kGroup] == 0) touch(doc / kGroup);
    return sums_[doc];
  }
  void touch(size_t group);
  // Those of the documents of a block whose score is above 0 and at least this: one bit each.
  uint64_t reaching(size_t block, float least) const;

  const Shard& shard_;
  std::vector<float>& sums_;      // whole groups
  std::vector<uint8_t> touched_;  // by group
};

}  // namespace tau::memory
