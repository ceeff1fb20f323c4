// What relations give to what was found: bounded, each path once, nothing out of nothing.
#include "memory/graph_spread.h"

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include <algorithm>
#include <map>

namespace tau::memory {
namespace {

class Given : public SpreadSource {
 public:
  std::vector<store::MemoryEdge> all;
  std::map<int64_t, double> important;
  int asked = 0;

  void add(int64_t source, int64_t target, double weight, uint8_t relation = 0) {
    all.push_back({source, target, relation, weight, 0});
  }
  StatusOr<std::vector<store::MemoryEdge>> edges(const std::vector<int64_t>& rows) override {
    ++asked;
    std::vector<store::MemoryEdge> found;
    for (const auto& edge : all) {
      const auto touches = [&](int64_t row) { return row == edge.source || row == edge.target; };
      if (std::any_of(rows.begin(), rows.end(), touches)) found.push_back(edge);
    }
    return found;
  }
  double importance(int64_t row) override {
    const auto at = important.find(row);
    return at == important.end() ? 1 : at->second;
  }
};

double score_of(const std::vector<SpreadScore>& scores, int64_t row) {
  for (const auto& score : scores)
    if (score.row == row) return score.score;
  return 0;
}
std::vector<SpreadScore> run(Given& given, std::vector<SpreadScore> seeds, SpreadOptions options = {}) {
  return *spread(seeds, given, options);
}

TEST(GraphSpread, TwoRelatedSeedsGiveEachOther) {
  Given given;
  given.add(1, 2, 0.5);
  given.important = {{1, 0.8}, {2, 0.6}};
  const auto scores = run(given, {{1, 1}, {2, 1}});
  EXPECT_NEAR(score_of(scores, 1), 0.24, 1e-12);
  EXPECT_NEAR(score_of(scores, 2), 0.24, 1e-12);
}

TEST(GraphSpread, PathsOfTwoSeedsAddUpThroughWhatIsNotImportant) {
  Given given;
  given.add(1, 3, 0.5);
  given.add(3, 5, 0.5);
  given.add(2, 4, 0.5);
  given.add(4, 5, 0.5);
  given.important = {{3, 0}, {4, 0}};
  const auto scores = run(given, {{1, 1}, {2, 1}});
  EXPECT_NEAR(score_of(scores, 5), 0.25, 1e-12);
  EXPECT_EQ(score_of(scores, 3), 0);
}

TEST(GraphSpread, OnlyTheStrongestPathFromASeedCounts) {
  Given given;
  given.add(1, 2, 0.1);
  given.add(1, 3, 1);
  given.add(3, 2, 1);
  const auto scores = run(given, {{1, 1}});
  EXPECT_NEAR(score_of(scores, 2), 0.5, 1e-12);  // over 3, and the weak direct relation not on top
  given.add(1, 2, 0.9, 1);
  EXPECT_NEAR(score_of(run(given, {{1, 1}}), 2), 0.9, 1e-12);
}

TEST(GraphSpread, NothingComesOfNoWeightNoImportanceOrNoRelation) {
  Given given;
  given.add(1, 2, 0);
  given.add(1, 3, -1);
  given.add(1, 1, 1);
  EXPECT_TRUE(run(given, {{1, 1}}).empty());
  given.add(1, 2, 1);
  given.important[1] = 0;
  EXPECT_TRUE(run(given, {{1, 1}}).empty());
  given.important = {{2, 0}};
  EXPECT_TRUE(run(given, {{1, 1}}).empty());
  EXPECT_TRUE(run(given, {}).empty());
}

TEST(GraphSpread, AsksOncePerStepAndStopsAtItsBounds) {
  Given given;
  for (int64_t i = 1; i < 100; ++i) given.add(i, i + 1, 1);
  EXPECT_EQ(run(given, {{50, 1}}).size(), 4U);
  EXPECT_EQ(given.asked, 2);
  SpreadOptions options;
  options.max_edges = 1;
  EXPECT_EQ(run(given, {{50, 1}}, options).size(), 1U);
  options = {};
  options.depth = 0;
  EXPECT_TRUE(run(given, {{50, 1}}, options).empty());
}

TEST(GraphSpread, AFailureOfTheSourceIsTheAnswer) {
  class Broken : public Given {
    StatusOr<std::vector<store::MemoryEdge>> edges(const std::vector<int64_t>&) override {
      return unavailable("store_busy", "busy");
    }
  } broken;
  EXPECT_EQ(spread({{1, 1}}, broken, {}).status().reason(), "store_busy");
}

struct Case {
  Given given;
  std::vector<SpreadScore> seeds;
};
Case any_case() {
  Case made;
  const int nodes = *rc::gen::inRange(1, 12);
  const auto node = rc::gen::inRange<int64_t>(1, nodes + 1);
  const auto tenth = rc::gen::map(rc::gen::inRange(0, 11), [](int n) { return n / 10.0; });
  for (int i = *rc::gen::inRange(0, 30); i > 0; --i) made.given.add(*node, *node, *tenth);
  for (int i = 1; i <= nodes; ++i) made.given.important[i] = *tenth;
  for (int i = *rc::gen::inRange(0, 5); i > 0; --i) made.seeds.push_back({*node, *tenth});
  return made;
}

// All walks, tried one by one.
double strongest_walk(const Given& given, int64_t from, int64_t to, int hops, double damping, bool first) {
  double best = 0;
  if (hops == 0) return 0;
  for (const auto& edge : given.all) {
    for (const auto& [a, b] : {std::pair(edge.source, edge.target), std::pair(edge.target, edge.source)}) {
      if (a != from || a == b) continue;
      const double step = edge.weight * (first ? 1 : damping);
      if (b == to) best = std::max(best, step);
      best = std::max(best, step * strongest_walk(given, b, to, hops - 1, damping, false));
    }
  }
  return best;
}

RC_GTEST_PROP(GraphSpreadProperty, IsTheStrongestWalkFromEverySeed, ()) {
  Case made = any_case();
  SpreadOptions options;
  options.depth = *rc::gen::inRange(1, 4);
  const auto scores = run(made.given, made.seeds, options);
  std::map<int64_t, double> seeds;
  for (const auto& seed : made.seeds) seeds[seed.row] = std::max(seeds[seed.row], seed.score);
  for (const auto& [row, importance] : made.given.important) {
    double sum = 0;
    for (const auto& [seed, score] : seeds) {
      if (seed == row) continue;
      sum += score * made.given.important[seed] * importance *
             strongest_walk(made.given, seed, row, options.depth, options.damping, true);
    }
    RC_ASSERT(std::abs(score_of(scores, row) - std::min(sum, 1.0)) < 1e-9);
  }
}

RC_GTEST_PROP(GraphSpreadProperty, BoundedSortedAndIndependentOfOrder, ()) {
  Case made = any_case();
  const auto scores = run(made.given, made.seeds);
  for (size_t i = 0; i < scores.size(); ++i) {
    RC_ASSERT(scores[i].score > 0 && scores[i].score <= 1);
    if (i > 0) RC_ASSERT(scores[i - 1].row < scores[i].row);
  }
  std::reverse(made.seeds.begin(), made.seeds.end());
  std::reverse(made.given.all.begin(), made.given.all.end());
  const auto again = run(made.given, made.seeds);
  RC_ASSERT(again.size() == scores.size());
  for (size_t i = 0; i < scores.size(); ++i) RC_ASSERT(again[i].score == scores[i].score);
}

}  // namespace
}  // namespace tau::memory
