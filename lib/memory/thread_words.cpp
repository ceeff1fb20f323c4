// Counting, word by word, the memories of threads that have it.
#include "memory/thread_words.h"

#include <algorithm>

namespace tau::memory {
namespace {

constexpr double kSteepness = 0.9;  // k1
constexpr double kByLength = 0.75;  // b

}  // namespace

ThreadWords::ThreadWords(std::span<const Shard* const> shards, std::span<const DocSet> allowed)
    : shards_(shards), allowed_(allowed) {
  uint64_t documents = 0;
  for (const Shard* shard : shards_) {
    documents += shard->documents().in_threads();
    live_ += shard->documents().live_threads();
    added_.emplace_back(shard->documents().threads());
  }
  if (live_ > 0) average_ = static_cast<double>(documents) / live_;
}

size_t ThreadWords::add(uint32_t shard, uint32_t thread) {
  const size_t i = index_.find_or_add(shard, thread);
  if (i == threads_.size()) {
    threads_.push_back({.size = shards_[shard]->documents().thread_size(thread), .count = 0});
    added_[shard].add(thread);
  }
  return i;
}

void ThreadWords::score(std::span<const TermCount> terms, const ShardStatistics& statistics) {
  scores_.assign(threads_.size(), 0);
  if (threads_.empty()) return;
  double most = 0;
  for (const TermCount& term : terms) {
    if (is_common(statistics.count(term.term), statistics.documents())) continue;
    int64_t with = 0;
    for (uint32_t shard = 0; shard < shards_.size(); ++shard) with += count(shard, term.term);
    const double weight = inverse_document_frequency(live_, with) * query_term_weight(term.count);
    most += weight;
    if (with > 0) add_term(weight);
  }
  if (most <= 0) return;
  for (double& score : scores_) score = std::min(1.0, score / most);
}

// Counts for those that were added; returns how many of all threads have the term.
int64_t ThreadWords::count(uint32_t shard, uint64_t term) {
  const Documents& documents = shards_[shard]->documents();
  const DocSet& live = documents.live();
  DocSet with(documents.threads());
  int64_t found = 0;
  shards_[shard]->postings().each(term, [&](Doc doc, uint32_t) {
    if (!live.contains(doc)) return;
    const uint32_t thread = documents.thread(doc);
    if (thread == kNoThread) return;
    if (!with.contains(thread)) {
      with.add(thread);
      ++found;
    }
    if (added_[shard].contains(thread) && allowed_[shard].contains(doc))
      ++threads_[index_.find_or_add(shard, thread)].count;
  });
  return found;
}

void ThreadWords::add_term(double weight) {
  for (size_t i = 0; i < threads_.size(); ++i) {
    Thread& thread = threads_[i];
    if (thread.count == 0) continue;
    const double count = thread.count;
    const double length = 1 - kByLength + kByLength * thread.size / average_;
    scores_[i] += weight * count / (count + kSteepness * length);
    thread.count = 0;
  }
}

}  // namespace tau::memory
