// The best by words of many memories: which ones they are does not depend on where they stand.
#include "memory/word_scores.h"

#include <gtest/gtest.h>

#include <memory>
#include <set>
#include <string>
#include <vector>

#include "memory/search.h"

namespace tau::memory {
namespace {

constexpr size_t kMemories = 6'400;

// Memories of one word where `is_short`, else longer ones with it: the shorter, the better.
template <class F>
std::unique_ptr<Shard> shard_of(F&& is_short) {
  ShardOptions options;
  options.key.scope_key = 1;
  std::unique_ptr<Shard> shard = *Shard::open(options);
  for (size_t i = 0; i < kMemories; ++i) {
    store::MemoryRow row;
    row.row = row.change = row.position = static_cast<int64_t>(i + 1);
    row.text = is_short(i) ? "plum" : "plum stone " + std::to_string(i) + " of a tree";
    EXPECT_TRUE(shard->apply(row, {}).ok());
  }
  return shard;
}

std::vector<SearchHit> best_of(const Shard& shard) {
  SearchRequest request;
  request.text = "plum";
  request.k = SearchRequest::kMaxHits;
  request.context = request.feedback = false;
  request.graph_weight = 0;
  const std::vector<const Shard*> shards = {&shard};
  return Searcher().search(request, shards, nullptr, nullptr)->hits;
}

// One block of sixteen says how good the best may be. It is wrong where those blocks hold all of the best, or
// none of them.
TEST(WordScores, TheBestAreFoundWhereverTheyStand) {
  for (const bool best_are_sampled : {true, false}) {
    std::set<int64_t> best;
    const auto shard = shard_of([&](size_t i) {
      const bool is_short = (i / 64 % 16 == 0) == best_are_sampled && best.size() < 400;
      if (is_short) best.insert(static_cast<int64_t>(i + 1));
      return is_short;
    });
    const std::vector<SearchHit> hits = best_of(*shard);
    ASSERT_EQ(hits.size(), SearchRequest::kMaxHits);
    for (size_t i = 0; i < hits.size(); ++i) EXPECT_EQ(best.contains(hits[i].row), i < best.size()) << i;
  }
}

TEST(WordScores, AGuessIsSeldomTooHighAndNeverWhereFewAreLookedAt) {
  const auto shard = shard_of([](size_t i) { return i % 8 == 0; });
  std::vector<float> sums;
  WordScores scores(*shard, sums);
  std::vector<uint64_t> terms;
  Analyzer().analyze("plum", &terms);
  scores.add(terms.at(0), 1, Bm25(1.2, 0.75, 4));
  const DocSet all(kMemories, true);
  DocSet few(kMemories);
  for (Doc doc = 0; doc < 500; ++doc) few.add(doc);
  const float best = static_cast<float>(scores.of(0));
  ASSERT_LT(scores.of(1), scores.of(0));
  EXPECT_EQ(scores.likely_least(all, 256), best);
  EXPECT_EQ(scores.likely_least(all, 1'000), static_cast<float>(scores.of(1)));
  EXPECT_EQ(scores.likely_least(few, 1'000), 0);
}

}  // namespace
}  // namespace tau::memory
