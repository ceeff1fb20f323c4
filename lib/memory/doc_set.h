// Numbers of a shard's documents, and sets of them: one bit each.
#pragma once

#include <bit>
#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

namespace tau::memory {

// A document of one shard, in the order of addition from 0. Numbers change when a shard is saved.
using Doc = uint32_t;
inline constexpr Doc kNoDoc = UINT32_MAX;

// What becomes of documents when a shard is saved: renumber[old] is the new number, or kNoDoc for one that is
// out. New numbers ascend with the old ones and leave no gap.
using Renumber = std::vector<Doc>;

class DocSet {
 public:
  DocSet() = default;
  // Of a shard with `size` documents: none of them, or all.
  explicit DocSet(Doc size, bool all = false) { resize(size, all); }

  Doc size() const { return size_; }  // documents that it could hold
  bool contains(Doc doc) const { return doc < size_ && (words_[doc / kBits] >> (doc % kBits) & 1) != 0; }
  void add(Doc doc) { words_[doc / kBits] |= bit(doc); }      // doc < size()
  void remove(Doc doc) { words_[doc / kBits] &= ~bit(doc); }  // doc < size()
  void fill() {
    for (uint64_t& word : words_) word = ~uint64_t{0};
    trim();
  }
  void clear() {
    for (uint64_t& word : words_) word = 0;
  }
  // New ones are in it when `in`.
  void resize(Doc size, bool in = false) {
    const Doc old = size_;
    size_ = size;
    words_.resize((size_t{size} + kBits - 1) / kBits, in ? ~uint64_t{0} : 0);
    if (in && old < size && old % kBits != 0) words_[old / kBits] |= ~uint64_t{0} << (old % kBits);
    trim();
  }

  Doc count() const {
    Doc n = 0;
    for (const uint64_t word : words_) n += static_cast<Doc>(std::popcount(word));
    return n;
  }
  bool empty() const {
    for (const uint64_t word : words_)
      if (word != 0) return false;
    return true;
  }
  // With a set of the same size.
  void intersect(const DocSet& other) {
    for (size_t i = 0; i < words_.size(); ++i) words_[i] &= other.words_[i];
  }
  void unite(const DocSet& other) {
    for (size_t i = 0; i < words_.size(); ++i) words_[i] |= other.words_[i];
  }
  void subtract(const DocSet& other) {
    for (size_t i = 0; i < words_.size(); ++i) words_[i] &= ~other.words_[i];
  }
  bool operator==(const DocSet&) const = default;

  // f(Doc) for each, ascending.
  template <class F>
  void each(F&& f) const {
    for (size_t i = 0; i < words_.size(); ++i)
      for (uint64_t word = words_[i]; word != 0; word &= word - 1)
        f(static_cast<Doc>(i * kBits + static_cast<size_t>(std::countr_zero(word))));
  }
  // 64 documents a word, the first in the lowest bit; bits beyond size() are 0.
  std::span<const uint64_t> words() const { return words_; }
  std::span<uint64_t> words() { return words_; }

 private:
  static constexpr size_t kBits = 64;
  static uint64_t bit(Doc doc) { return uint64_t{1} << (doc % kBits); }
  void trim() {
    if (size_ % kBits != 0) words_.back() &= ~(~uint64_t{0} << (size_ % kBits));
  }

  Doc size_ = 0;
  std::vector<uint64_t> words_;
};

}  // namespace tau::memory
