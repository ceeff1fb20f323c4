// How much of a query whole threads say: BM25 over threads, each one a text of all its memories. Private to
// memory.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "memory/candidates.h"
#include "memory/search.h"

namespace tau::memory {

// A word counts by the number of memories of the thread that have it, and by how few threads do.
class ThreadWords {
 public:
  // Memories that may not be found say nothing.
  ThreadWords(std::span<const Shard* const> shards, std::span<const DocSet> allowed);

  // The number of a thread, from 0 in the order in which they come.
  size_t add(uint32_t shard, uint32_t thread);
  size_t size() const { return threads_.size(); }
  // Of all threads that were added.
  void score(std::span<const TermCount> terms, const ShardStatistics& statistics);
  double of(size_t thread) const { return scores_[thread]; }  // 0 to 1

 private:
  int64_t count(uint32_t shard, uint64_t term);
  void add_term(double weight);

  std::span<const Shard* const> shards_;
  std::span<const DocSet> allowed_;
  PairIndex index_;
  struct Thread {
    uint32_t size = 0;   // memories
    uint32_t count = 0;  // of those, with the word at hand
  };
  std::vector<Thread> threads_;
  std::vector<DocSet> added_;  // threads, by shard
  std::vector<double> scores_;
  double average_ = 1;  // memories of a thread
  uint32_t live_ = 0;   // threads
};

}  // namespace tau::memory
