// Search beside a plain reading of its formulas: every memory scored, one after the other.
#include "memory/search.h"

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "memory/decay.h"
#include "memory/feedback.h"
#include "memory/graph_spread.h"
#include "memory/hash_embedder.h"
#include "search_world.h"

namespace tau::memory {
namespace {

using test::kNow;
using test::Memory;
using test::rows_of;
using test::search;
using test::World;
using test::WorldSource;

// The formulas of ranking.h, memory by memory. Of words, vectors, neighbours, threads and relations; without
// feedback.
class Oracle {
 public:
  Oracle(const World& world, const SearchRequest& request) : world_(world), request_(request) {
    query_ = parse_query(request.text, request.now_ms);
    int64_t length = 0;
    for (const Memory& memory : world.memories) {
      std::vector<TermCount> counts;
      document_terms(memory.row, &counts);
      uint32_t size = 0;
      for (const TermCount& count : counts) size += count.count;
      counts_.push_back(counts);
      lengths_.push_back(size);
      if (memory.row.forgotten_ms != 0) continue;
      ++live_;
      length += size;
    }
    average_ = live_ == 0 ? 1 : static_cast<double>(length) / static_cast<double>(live_);
  }

  std::vector<std::pair<int64_t, double>> run() {
    const size_t n = world_.memories.size();
    std::vector<double> own(n), context(n), vectors(n), sums(n);
    std::vector<bool> hit(n);
    double most = 0, unknown = 0;
    std::vector<double> words(n);
    const Bm25 bm25 = Bm25::of(average_);
    for (const TermCount& term : query_.terms) {
      const double weight = idf(term.term) * query_term_weight(term.count);
      most += weight * static_cast<double>(bm25.most());
      if (!known(term.term)) unknown += weight * static_cast<double>(bm25.most());
      for (size_t i = 0; i < n; ++i)
        words[i] += weight * static_cast<double>(bm25.score(count(i, term.term), lengths_[i]));
    }
    const auto shards = world_.shards();
    const auto vector = *embed_query(HashEmbedder(), request_.text, shards);
    const double w = vector ? weight_of_vectors(vector->usual_weight, vector->by_spelling,
                                                most > 0 ? unknown / most : 1, average_)
                            : 0;
    for (size_t i = 0; i < n; ++i) {
      words[i] = most > 0 ? words[i] / most : 0;
      bool alike = false;
      if (vector) {
        const double cosine = cosine_of(i, *vector);
        vectors[i] = vector_score(cosine, vector->unrelated_cosine);
        alike =
            static_cast<float>(cosine) >=
            static_cast<float>(least_cosine(vector->unrelated_cosine, vector->unrelated_deviation, live_));
      }
      own[i] = (1 - w) * words[i] + w * vectors[i];
      hit[i] = allowed(i) && (words[i] > 0 || alike);
    }
    std::vector<bool> beside = hit;
    for (size_t i = 0; i < n; ++i) {
      if (!allowed(i)) continue;
      context[i] = own[i];
      for (size_t j = 0; j < n; ++j) {
        const size_t distance = distance_of(i, j);
        if (distance == 0 || distance >= kNeighbour.size() || !allowed(j)) continue;
        context[i] += kNeighbour[distance] * own[j];
        if (hit[j]) beside[i] = true;
      }
    }
    for (size_t i = 0; i < n; ++i) {
      if (!allowed(i) || !beside[i]) continue;
      double thread = context[i], alike = 0;
      for (size_t j = 0; j < n; ++j)
        if (allowed(j) && beside[j] && same_thread(i, j)) {
          thread = std::max(thread, context[j]);
          alike = std::max(alike, vectors[j]);
        }
      const bool alone = world_.memories[i].row.thread.empty();
      const double whole = alone ? own[i] : (1 - w) * said_by_thread(i) + w * alike;
      sums[i] = context[i] + kThread * thread + kWhole * whole;
    }
    const double best = sums.empty() ? 0 : *std::ranges::max_element(sums);
    std::vector<std::pair<int64_t, double>> scores;
    for (size_t i = 0; i < n; ++i) {
      if (!allowed(i) || !beside[i] || (!hit[i] && sums[i] < kLeastShare * best)) continue;
      const double total = sums[i] / (kMaxContext * (1 + kThread) + kWhole + request_.graph_weight);
      Worth worth;
      worth.importance = world_.memories[i].row.importance;
      worth.type = static_cast<Type>(world_.memories[i].row.type);
      worth.updated_ms = world_.memories[i].row.updated_ms;
      const double boost = request_.importance_weight * worth.importance +
                           request_.recency_weight * freshness({}, worth, request_.now_ms);
      const double score = total * (1 + boost) / (1 + kMaxBoost);
      if (score > 0) scores.emplace_back(world_.memories[i].row.row, score);
    }
    return scores;
  }

 private:
  bool allowed(size_t i) const {
    const store::MemoryRow& row = world_.memories[i].row;
    const store::MemoryFilter& filter = request_.filter;
    for (const uint64_t term : query_.excluded)
      if (count(i, term) > 0) return false;
    for (const std::string& tag : filter.tags)
      if (std::ranges::count(row.tags, tag) == 0) return false;
    return row.forgotten_ms == 0 && (filter.types >> row.type & 1) != 0 && row.time_ms >= filter.since_ms &&
           row.time_ms <= filter.until_ms && (filter.thread.empty() || filter.thread == row.thread);
  }
  uint32_t count(size_t i, uint64_t term) const {
    for (const TermCount& c : counts_[i])
      if (c.term == term) return c.count;
    return 0;
  }
  double idf(uint64_t term) const {
    int64_t with = 0;
    for (size_t i = 0; i < counts_.size(); ++i)
      if (world_.memories[i].row.forgotten_ms == 0 && count(i, term) > 0) ++with;
    return inverse_document_frequency(live_, with);
  }
  bool live(size_t i) const { return world_.memories[i].row.forgotten_ms == 0; }
  bool known(uint64_t term) const {
    for (size_t i = 0; i < counts_.size(); ++i)
      if (live(i) && count(i, term) > 0) return true;
    return false;
  }
  // How much the thread of i says of the query.
  double said_by_thread(size_t i) const {
    std::set<std::pair<size_t, std::string>> threads;
    double members = 0;
    size_t size = 0;
    for (size_t j = 0; j < counts_.size(); ++j) {
      const Memory& memory = world_.memories[j];
      if (!live(j) || memory.row.thread.empty()) continue;
      threads.emplace(memory.shard, memory.row.thread);
      ++members;
      if (same_thread(i, j)) ++size;
    }
    const double length =
        0.25 + 0.75 * static_cast<double>(size) * static_cast<double>(threads.size()) / members;
    double said = 0, most = 0;
    for (const TermCount& term : query_.terms) {
      std::set<std::pair<size_t, std::string>> with;
      double here = 0;
      for (size_t j = 0; j < counts_.size(); ++j) {
        const Memory& memory = world_.memories[j];
        if (!live(j) || memory.row.thread.empty() || count(j, term.term) == 0) continue;
        with.emplace(memory.shard, memory.row.thread);
        if (same_thread(i, j) && allowed(j)) ++here;
      }
      const double weight = inverse_document_frequency(static_cast<int64_t>(threads.size()),
                                                       static_cast<int64_t>(with.size())) *
                            query_term_weight(term.count);
      most += weight;
      said += weight * here / (here + 0.9 * length);
    }
    return most > 0 ? said / most : 0;
  }
  double cosine_of(size_t i, const QueryVector& query) const {
    const Shard& shard = *world_.shards()[world_.memories[i].shard];
    const Doc doc = shard.documents().find(world_.memories[i].row.row);
    return static_cast<double>(shard.vectors().similarity(doc, query.vector));
  }
  bool same_thread(size_t i, size_t j) const {
    const Memory& a = world_.memories[i];
    const Memory& b = world_.memories[j];
    return i == j || (!a.row.thread.empty() && a.shard == b.shard && a.row.thread == b.row.thread);
  }
  // In the thread, among those that are not forgotten; 0: it is not in it.
  size_t distance_of(size_t i, size_t j) const {
    if (i == j || !same_thread(i, j)) return 0;
    const auto place = [&](size_t at) {
      const store::MemoryRow& row = world_.memories[at].row;
      return std::tuple(row.time_ms, row.position, row.row);
    };
    if (world_.memories[j].row.forgotten_ms != 0) return 0;
    size_t distance = 1;
    for (size_t at = 0; at < counts_.size(); ++at)
      if (at != i && at != j && same_thread(i, at) && world_.memories[at].row.forgotten_ms == 0 &&
          std::min(place(i), place(j)) < place(at) && place(at) < std::max(place(i), place(j)))
        ++distance;
    return distance;
  }

  const World& world_;
  const SearchRequest& request_;
  Query query_;
  std::vector<std::vector<TermCount>> counts_;
  std::vector<uint32_t> lengths_;
  int64_t live_ = 0;
  double average_ = 1;
};

std::string random_text(int most) {
  std::string text;
  const int words = *rc::gen::inRange(1, most);
  for (int i = 0; i < words; ++i)
    text += *rc::gen::element<std::string>("tea", "coffee", "garden", "river", "paint", "piano", "Caroline",
                                           "Bob", "hike", "hiking", "dog", "book") +
            " ";
  return text;
}

World random_world(size_t shards, int most) {
  World world(shards);
  const int memories = *rc::gen::inRange(1, most);
  for (int i = 0; i < memories; ++i) {
    const size_t shard = *rc::gen::inRange<size_t>(0, shards);
    Memory& memory = world.add(random_text(8), shard, *rc::gen::element<std::string>("", "one", "two"));
    memory.row.type = *rc::gen::inRange<uint8_t>(0, kTypes);
    memory.row.importance = *rc::gen::inRange(0, 11) / 10.0;
    memory.row.time_ms = kNow - *rc::gen::inRange(0, 5) * kMsPerDay;
    memory.row.updated_ms = kNow - *rc::gen::inRange(0, 100) * kMsPerDay;
    memory.row.position = *rc::gen::inRange(0, 5);
    if (*rc::gen::inRange(0, 3) == 0) memory.row.tags = {"work"};
    if (*rc::gen::inRange(0, 8) == 0) memory.row.forgotten_ms = kNow;
  }
  return world;
}

SearchRequest random_request() {
  SearchRequest request;
  request.text = random_text(5);
  request.k = 100;
  request.now_ms = kNow;
  request.feedback = false;
  if (*rc::gen::inRange(0, 4) == 0) request.text += "-dog";
  if (*rc::gen::inRange(0, 3) == 0) request.filter.types = *rc::gen::inRange(1U, 256U);
  if (*rc::gen::inRange(0, 4) == 0) request.filter.tags = {"work"};
  if (*rc::gen::inRange(0, 4) == 0) request.filter.thread = "one";
  if (*rc::gen::inRange(0, 4) == 0) request.filter.since_ms = kNow - 2 * kMsPerDay;
  return request;
}

RC_GTEST_PROP(SearchProperty, FindsWhatAPlainReadingOfTheFormulasFinds, ()) {
  World world = random_world(*rc::gen::inRange<size_t>(1, 4), 40);
  world.index();
  const SearchRequest request = random_request();
  const SearchResult result = search(world, request);
  auto wanted = Oracle(world, request).run();
  RC_ASSERT(result.hits.size() == wanted.size());
  std::map<int64_t, double> scores(wanted.begin(), wanted.end());
  for (size_t i = 0; i < result.hits.size(); ++i) {
    const SearchHit& hit = result.hits[i];
    RC_ASSERT(scores.count(hit.row) == 1);
    RC_ASSERT(std::abs(scores[hit.row] - hit.score) < 1e-6);
    RC_ASSERT(std::abs(hit.parts.sum() - hit.score) < 1e-9);
    RC_ASSERT(hit.score > 0 && hit.score <= 1);
    if (i == 0) continue;
    const SearchHit& before = result.hits[i - 1];
    RC_ASSERT(before.score > hit.score || (before.score == hit.score && before.row < hit.row));
  }
}

RC_GTEST_PROP(SearchProperty, TheFirstHitsAreTheSameWhateverTheirNumber, ()) {
  World world = random_world(2, 40);
  world.index();
  SearchRequest request = random_request();
  request.feedback = true;
  const std::vector<int64_t> all = rows_of(search(world, request));
  request.k = *rc::gen::inRange<size_t>(0, 20);
  const std::vector<int64_t> some = rows_of(search(world, request));
  RC_ASSERT(some.size() == std::min(all.size(), request.k));
  RC_ASSERT(std::equal(some.begin(), some.end(), all.begin()));
}

RC_GTEST_PROP(SearchProperty, TheOrderOfWritingDoesNotMatter, ()) {
  World world = random_world(2, 30);
  SearchRequest request = random_request();
  request.feedback = true;
  world.index();
  const SearchResult before = search(world, request);
  std::vector<size_t> order(world.memories.size());
  for (size_t i = 0; i < order.size(); ++i) order[i] = i;
  for (size_t i = order.size(); i > 1; --i) std::swap(order[i - 1], order[*rc::gen::inRange<size_t>(0, i)]);
  world.index(order);
  const SearchResult after = search(world, request);
  RC_ASSERT(rows_of(before) == rows_of(after));
  for (size_t i = 0; i < before.hits.size(); ++i) RC_ASSERT(before.hits[i].score == after.hits[i].score);
}

RC_GTEST_PROP(SearchProperty, MoreImportanceNeverLowersARank, ()) {
  World world = random_world(1, 30);
  world.index();
  SearchRequest request = random_request();
  request.feedback = true;
  const std::vector<int64_t> before = rows_of(search(world, request));
  if (before.empty()) return;
  const size_t place = *rc::gen::inRange<size_t>(0, before.size());
  world.memories[static_cast<size_t>(before[place] - 1)].row.importance = 1;
  world.index();
  const std::vector<int64_t> after = rows_of(search(world, request));
  RC_ASSERT(static_cast<size_t>(std::ranges::find(after, before[place]) - after.begin()) <= place);
}

RC_GTEST_PROP(SearchProperty, AListOfNoWeightIsAsGoodAsNone, ()) {
  World world = random_world(1, 30);
  world.index();
  SearchRequest request = random_request();
  request.fusion = *rc::gen::element(Fusion::kConvex, Fusion::kReciprocalRank);
  request.vector_weight = 0;
  const SearchResult with = search(world, request, true);
  const SearchResult without = search(world, request, false);
  RC_ASSERT(rows_of(with) == rows_of(without));
  for (const SearchHit& hit : with.hits) RC_ASSERT(hit.parts.vectors == 0);
  request.vector_weight = 1;
  for (const SearchHit& hit : search(world, request).hits) RC_ASSERT(hit.parts.words == 0);
  // Nor does a little of the other list change who is first by a clear margin.
  request.fusion = Fusion::kConvex;
  request.vector_weight = 1e-9;
  const SearchResult nearly = search(world, request);
  request.vector_weight = 0;
  const SearchResult words = search(world, request);
  if (words.hits.size() > 1 && words.hits[0].score > words.hits[1].score + 1e-6)
    RC_ASSERT(nearly.hits[0].row == words.hits[0].row);
}

TEST(Search, WithoutACommonWordThereAreNoHitsByWords) {
  World world(1);
  world.add("tea in the garden");
  world.add("coffee by the river");
  world.index();
  SearchRequest request;
  request.text = "philosophy";
  EXPECT_TRUE(search(world, request, false).hits.empty());
  for (const SearchHit& hit : search(world, request).hits) EXPECT_EQ(hit.parts.words, 0);
  request.text = "the of in";
  EXPECT_TRUE(search(world, request).hits.empty());
  request.text = "";
  EXPECT_TRUE(search(world, request).hits.empty());
}

// Built-in vectors know words by their letters: the score says so, and how little is certain.
TEST(Search, AMisspeltWordAloneFindsWithAScoreThatShows) {
  World world(1);
  world.add("the chrysanthemum needs water on Thursdays");
  world.add("piano lessons are in the cellar");
  world.add("piano lessons are in the attic");
  world.index();
  SearchRequest request;
  request.text = "crysanthemum";
  const SearchResult found = search(world, request);
  ASSERT_EQ(rows_of(found), (std::vector<int64_t>{1}));
  EXPECT_GT(found.hits[0].score, 0.03);
  EXPECT_EQ(found.hits[0].parts.words, 0);
  EXPECT_GT(found.hits[0].parts.vectors, found.hits[0].score / 2);
  request.text = "chrysanthemum";
  EXPECT_GT(search(world, request).hits[0].score, 2 * found.hits[0].score);
  request.text = "crysanthemum";
  request.vector_weight = 0.07;  // who says how much they weigh is taken at their word
  EXPECT_LT(search(world, request).hits[0].score, found.hits[0].score / 5);
}

TEST(Ranking, VectorsWeighMoreWhereWordsSayLess) {
  const double usual = 0.2, spelling = 0.07;
  // Of meaning: in long texts, smoothly, and no more than usual where the query is misspelt.
  EXPECT_NEAR(weight_of_vectors(usual, false, 0, 1), usual, 0.001);
  EXPECT_LT(weight_of_vectors(usual, false, 0, 20), 0.23);
  EXPECT_GT(weight_of_vectors(usual, false, 0, 90), 0.3);
  EXPECT_LE(weight_of_vectors(usual, false, 0, 1e6), 0.34 + 1e-9);
  EXPECT_GT(weight_of_vectors(usual, false, 0.5, 90), usual);
  EXPECT_LT(weight_of_vectors(usual, false, 0.5, 90), weight_of_vectors(usual, false, 0, 90));
  EXPECT_LE(weight_of_vectors(0.9, false, 0, 1e6), 1);
  // Of spelling: the more, the less of the query is known.
  EXPECT_EQ(weight_of_vectors(spelling, true, 0, 90), spelling);
  EXPECT_GT(weight_of_vectors(spelling, true, 0.5, 90), spelling);
  EXPECT_GT(weight_of_vectors(spelling, true, 0.9, 90), weight_of_vectors(spelling, true, 0.5, 90));
  // Words that nobody has bring nothing; and who wants one list alone gets it.
  for (const bool by_spelling : {false, true}) {
    EXPECT_EQ(weight_of_vectors(usual, by_spelling, 1, 20), 1);
    EXPECT_EQ(weight_of_vectors(0, by_spelling, 1, 20), 0);
    EXPECT_EQ(weight_of_vectors(1, by_spelling, 0, 20), 1);
  }
}

TEST(Search, WordsOfOneScopeDoNotCountInAnother) {
  World alone(1);
  alone.add("tea garden");
  alone.add("tea river");
  alone.index();
  World both(2);
  both.add("tea garden");
  both.add("tea river");
  for (int i = 0; i < 20; ++i) both.add("garden garden", 1);
  both.index();
  SearchRequest request;
  request.text = "tea garden";
  const SearchResult wanted = search(alone, request, false);
  const auto shards = both.shards();
  WorldSource source(both);
  const auto result = Searcher().search(request, std::span(shards).subspan(0, 1), nullptr, &source);
  ASSERT_TRUE(result.ok());
  ASSERT_EQ(rows_of(*result), rows_of(wanted));
  for (size_t i = 0; i < wanted.hits.size(); ++i) EXPECT_EQ(result->hits[i].score, wanted.hits[i].score);
}

TEST(Search, ABoostNeverOutdoesAClearlyBetterMatch) {
  World world(1);
  world.add("tea garden piano").row.importance = 0;
  Memory& fresh = world.add("tea coffee river");
  fresh.row.importance = 1;
  fresh.row.updated_ms = kNow;
  world.index();
  SearchRequest request;
  request.text = "tea garden piano";
  request.now_ms = kNow;
  request.importance_weight = 0.15;
  request.recency_weight = 0.15;
  EXPECT_EQ(rows_of(search(world, request)).at(0), 1);
  request.text = "tea";
  EXPECT_EQ(rows_of(search(world, request)).at(0), 2);
}

TEST(Search, RelationsBringOthersAndLeaveTheScaleAlone) {
  World world(1);
  world.add("tea garden");
  world.add("piano lessons on Tuesdays");
  world.add("tea cups");
  world.index();
  SearchRequest request;
  request.text = "tea";
  const SearchResult before = search(world, request, false);
  EXPECT_EQ(before.hits.size(), 2U);
  world.edges.push_back({.source = 1, .target = 2, .relation = 0, .weight = 1, .created_ms = 0});
  const SearchResult after = search(world, request, false);
  ASSERT_EQ(after.hits.size(), 3U);
  const auto score_of = [](const SearchResult& result, int64_t row) {
    for (const SearchHit& hit : result.hits)
      if (hit.row == row) return hit.score;
    return -1.0;
  };
  EXPECT_EQ(score_of(before, 3), score_of(after, 3));
  EXPECT_EQ(score_of(before, 1), score_of(after, 1));
  EXPECT_LT(score_of(after, 2), score_of(after, 1));
  request.graph_weight = 0;
  EXPECT_EQ(search(world, request, false).hits.size(), 2U);
}

TEST(Search, GivesOneMemoryOfEachThreadWhenGrouped) {
  World world(1);
  for (const char* thread : {"one", "one", "two", "two", "", ""}) world.add("tea garden", 0, thread);
  world.add("tea tea garden garden", 0, "two");
  world.index();
  SearchRequest request;
  request.text = "tea garden";
  request.grouped = true;
  const SearchResult result = search(world, request);
  EXPECT_EQ(result.hits.size(), 4U);
  std::set<std::string> threads;
  for (const SearchHit& hit : result.hits)
    threads.insert(world.memories[static_cast<size_t>(hit.row - 1)].row.thread);
  EXPECT_EQ(threads, (std::set<std::string>{"", "one", "two"}));
}

TEST(Search, DiversityPutsOtherThingsBetweenLikeOnes) {
  World world(1);
  for (int i = 0; i < 3; ++i) world.add("green tea from japan");
  world.add("tea with a garden party of friends");
  world.index();
  SearchRequest request;
  request.text = "green tea";
  request.feedback = false;
  EXPECT_EQ(rows_of(search(world, request)), (std::vector<int64_t>{1, 2, 3, 4}));
  request.diversity = 0.7;
  EXPECT_EQ(rows_of(search(world, request)), (std::vector<int64_t>{1, 4, 2, 3}));
}

TEST(Search, TimesRaiseAndWhenStrictLimit) {
  World world(1);
  world.add("hiking tour").row.time_ms = kNow - 40 * kMsPerDay;
  world.add("hiking tour").row.time_ms = kNow - 7 * kMsPerDay;
  world.add("piano").row.time_ms = kNow - 7 * kMsPerDay;
  world.add("piano").row.time_ms = kNow - 60 * kMsPerDay;
  world.index();
  SearchRequest request;
  request.text = "hiking last week";
  request.now_ms = kNow;
  request.feedback = false;
  EXPECT_EQ(rows_of(search(world, request)).at(0), 2);
  request.text = "what happened last week";
  std::vector<int64_t> rows = rows_of(search(world, request, false));
  EXPECT_EQ(rows, (std::vector<int64_t>{2, 3}));
  request.text = "hiking last week";
  request.strict = true;
  rows = rows_of(search(world, request, false));
  EXPECT_EQ(rows, (std::vector<int64_t>{2, 3}));
}

TEST(Search, PhrasesAndPrefixesRaiseAndWhenStrictLimit) {
  World world(1);
  world.add("garden tea");
  world.add("tea garden");
  world.add("microscope");
  world.index();
  SearchRequest request;
  request.text = "\"tea garden\"";
  request.feedback = false;
  EXPECT_EQ(rows_of(search(world, request)), (std::vector<int64_t>{2, 1}));
  request.strict = true;
  EXPECT_EQ(rows_of(search(world, request)), (std::vector<int64_t>{2}));
  request.text = "micro*";
  EXPECT_EQ(rows_of(search(world, request, false)), (std::vector<int64_t>{3}));
}

TEST(Search, FeedbackLooksForWordsOfTheBest) {
  World world(1);
  for (int i = 0; i < 3; ++i) world.add("the aquarium has jellyfish and octopus");
  world.add("octopus and jellyfish facts");
  world.add("piano lessons");
  world.index();
  SearchRequest request;
  request.text = "aquarium";
  EXPECT_EQ(search(world, request, false).hits.size(), 4U);
  request.feedback = false;
  EXPECT_EQ(search(world, request, false).hits.size(), 3U);
}

TEST(Search, RefusesWhatCannotBe) {
  World world(1);
  world.add("tea");
  world.index();
  const auto shards = world.shards();
  const auto refused = [&](auto&& change) {
    SearchRequest request;
    request.text = "tea";
    change(request);
    const auto result = Searcher().search(request, shards, nullptr, nullptr);
    return !result.ok() && result.status().reason() == "invalid_search";
  };
  EXPECT_FALSE(refused([](SearchRequest&) {}));
  EXPECT_TRUE(refused([](SearchRequest& r) { r.k = 1001; }));
  EXPECT_TRUE(refused([](SearchRequest& r) { r.vector_weight = 1.5; }));
  EXPECT_TRUE(refused([](SearchRequest& r) { r.vector_weight = std::numeric_limits<double>::quiet_NaN(); }));
  EXPECT_TRUE(refused([](SearchRequest& r) { r.importance_weight = 0.2, r.recency_weight = 0.2; }));
  EXPECT_TRUE(refused([](SearchRequest& r) { r.diversity = -1; }));
  EXPECT_TRUE(refused([](SearchRequest& r) { r.min_score = 2; }));
}

}  // namespace
}  // namespace tau::memory
