// Memories that a search looks at closer. Private to memory.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "memory/doc_set.h"

namespace tau::memory {

// Numbers pairs from 0, in the order in which they come.
class PairIndex {
 public:
  // Room for half as many; it grows.
  explicit PairIndex(size_t slots = 2048) : table_(slots) {}
  size_t size() const { return pairs_.size(); }
  // Its number: size() as it was before, when the pair is a new one.
  size_t find_or_add(uint32_t first, uint32_t second);

 private:
  size_t slot_of(uint64_t pair) const;
  void grow();

  std::vector<uint64_t> pairs_;
  std::vector<uint32_t> table_;  // open addressing: number plus 1
};

struct Candidate {
  uint32_t shard = 0;
  Doc doc = 0;
  int64_t row = 0;
  bool hit = false;        // else it is only somebody's neighbour
  bool supported = false;  // by a word of the query or by likeness, not by others alone
  double words = 0;        // 0 to 1, as the next
  double vectors = 0;
  double own = 0;  // the two together
  double neighbours = 0;
  double context = 0;  // own and neighbours
  double thread = 0;   // the best context of its thread
  double whole = 0;    // how much its thread says of the query
  double graph = 0;
  double sum = 0;
  double score = 0;
};

// A table by shard and document, in the order of addition. References do not outlive the next addition.
class Candidates {
 public:
  size_t size() const { return all_.size(); }
  Candidate& operator[](size_t i) { return all_[i]; }
  const Candidate& operator[](size_t i) const { return all_[i]; }
  // Where it is; added, with nothing but its name, when it was not there.
  size_t find_or_add(uint32_t shard, Doc doc, bool* added);

 private:
  PairIndex index_{8192};
  std::vector<Candidate> all_;
};

}  // namespace tau::memory
