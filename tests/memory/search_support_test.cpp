// What makes a memory a hit: words, likeness beyond chance, its thread; times of which there is nothing.
#include <gtest/gtest.h>

#include <algorithm>
#include <string>
#include <vector>

#include "memory/search.h"
#include "search_world.h"

namespace tau::memory {
namespace {

using test::kNow;
using test::rows_of;
using test::search;
using test::World;

// So many words that no other text has.
std::string strange_words(int seed, int count) {
  std::string text;
  uint64_t state = static_cast<uint64_t>(seed) * 0x9e3779b97f4a7c15 + 1;
  for (int i = 0; i < count; ++i) {
    for (int c = 0; c < 8; ++c) {
      state = state * 6364136223846793005 + 1442695040888963407;
      text.push_back(static_cast<char>('a' + (state >> 33) % 26));
    }
    text.push_back(' ');
  }
  return text;
}

TEST(Search, WhereNothingHasToDoWithAQueryNextToNothingIsFound) {
  World world(1);
  for (int i = 0; i < 400; ++i) world.add(strange_words(i, 12), 0, i % 3 == 0 ? "talk" : "");
  world.index();
  size_t hits = 0;
  int64_t by_chance = 0;
  for (int i = 0; i < 50; ++i) {
    SearchRequest request;
    request.text = strange_words(1000 + i, 1 + i % 6);
    const SearchResult result = search(world, request);
    hits += result.hits.size();
    by_chance += result.by_chance;
    EXPECT_GT(result.least_cosine, 0.15);
  }
  EXPECT_LE(hits, 20U);  // of 50 lists
  EXPECT_GT(by_chance, 50);
  SearchRequest request;
  request.text = strange_words(7, 1);
  request.vector_weight = 1;  // who asks for the nearest by likeness alone gets them
  EXPECT_FALSE(search(world, request).hits.empty());
}

TEST(Search, MisspeltWordsAreFoundAmongManyOthers) {
  World world(1);
  for (int i = 0; i < 400; ++i) world.add(strange_words(i, 12));
  world.add("an italian restaurant");
  world.index();
  SearchRequest request;
  request.text = "restaurnt";
  const SearchResult result = search(world, request);
  ASSERT_FALSE(result.hits.empty());
  EXPECT_EQ(result.hits[0].row, 401);
  EXPECT_EQ(result.hits[0].parts.words, 0);
}

TEST(Search, WhatIsOnlyBesideAHitIsNotFarBehindIt) {
  World world(1);
  world.add("tea garden piano", 0, "one");
  world.add("and then what?", 0, "one");
  world.add("river", 0, "two");
  world.add("and who?", 0, "two");
  for (int i = 0; i < 20; ++i) world.add("river with a boat and a bridge");
  world.index();
  SearchRequest request;
  request.text = "tea garden piano river";
  request.k = 100;
  const SearchResult result = search(world, request, false);
  const std::vector<int64_t> rows = rows_of(result);
  EXPECT_EQ(std::ranges::count(rows, 2), 1);
  EXPECT_EQ(std::ranges::count(rows, 3), 1);  // it has a word of the query
  EXPECT_EQ(std::ranges::count(rows, 4), 0);
  EXPECT_EQ(result.far_behind, 1);
}

TEST(Search, AThreadThatSaysAllOfAQueryGoesFirst) {
  World world(1);
  // Beside its neighbours each has as much in either thread.
  for (const char* thread : {"one", "two"}) {
    world.add("we painted a sunrise", 0, thread);
    for (int i = 0; i < 4; ++i) world.add("hello", 0, thread);
    world.add(*thread == 'o' ? "painted again" : "then came the pottery", 0, thread);
  }
  for (int i = 0; i < 5; ++i) world.add("something else", 0, "three");
  world.index();
  SearchRequest request;
  request.text = "painted sunrise pottery";
  request.feedback = false;
  request.grouped = true;
  EXPECT_EQ(rows_of(search(world, request, false)).at(0), 7);
  request.context = false;
  EXPECT_EQ(rows_of(search(world, request, false)).at(0), 1);
}

TEST(Search, ATimeOfWhichThereIsNothingIsReadAsWords) {
  World world(1);
  for (int i = 0; i < 3; ++i) world.add("piano lesson number");
  world.add("piano concert in august").row.time_ms = kNow - 700 * kMsPerDay;
  world.index();
  SearchRequest request;
  request.text = "piano in August";  // nothing is from the last one
  request.now_ms = kNow;
  request.feedback = false;
  EXPECT_EQ(rows_of(search(world, request, false)).at(0), 4);
  request.strict = true;
  EXPECT_TRUE(search(world, request, false).hits.empty());
}

TEST(Ranking, ChanceExplainsMoreWhereThereIsMoreToChooseFrom) {
  EXPECT_EQ(least_cosine(0.3, 0, 1'000'000), 0.3);
  EXPECT_EQ(least_cosine(0.15, 0.065, 0), 0.15);
  double before = 0;
  for (const int64_t documents : {0, 1, 10, 1000, 100'000, 10'000'000}) {
    const double least = least_cosine(0.15, 0.065, documents);
    EXPECT_GE(least, before);
    before = least;
  }
  // One in 10,000 is 3.719 deviations above the mean.
  EXPECT_NEAR(least_cosine(0.15, 0.065, 1000), 0.15 + 0.065 * 1.719, 1e-3);
  EXPECT_LT(before, 0.4);
}

}  // namespace
}  // namespace tau::memory
