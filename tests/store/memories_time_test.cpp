// Facts in time: of one subject and predicate there is one object at each moment, as it was known at each
// moment.
#include <gtest/gtest.h>

#include <map>
#include <random>

#include "memories_fixture.h"

namespace tau::store {
namespace {

class MemoryFacts : public testing::TestWithParam<bool> {
 protected:
  void SetUp() override {
    if (!GetParam()) {
      store_ = make_memory_store(clock_);
      return;
    }
    auto opened = open_store({.path = dir_.file("tau.db")}, clock_);
    ASSERT_TRUE(opened.ok()) << opened.status().to_string();
    store_ = std::move(*opened);
  }
  static MemoryRow fact(std::string_view id, std::string_view object, int64_t from, int64_t recorded) {
    MemoryRow row = memory(id, object);
    row.fact = {.subject = "ada", .predicate = "lives_in", .object = std::string(object)};
    row.valid_from_ms = from;
    row.created_ms = recorded;
    row.updated_ms = recorded;
    return row;
  }
  MemoryRow load(std::string_view id) {
    const auto row = store_->memories()->load({scope_of("w"), std::string(id)}, true);
    EXPECT_TRUE(row.ok()) << row.status().to_string();
    return row.ok() ? *row : MemoryRow();
  }
  std::vector<MemoryRow> all() {
    MemoryFilter filter = everything();
    filter.superseded = true;
    auto rows = store_->memories()->list(filter, 0, 10'000);
    EXPECT_TRUE(rows.ok()) << rows.status().to_string();
    return rows.ok() ? *rows : std::vector<MemoryRow>();
  }
  // What was known at `recorded` to hold at `valid`. Several when they contradict each other.
  static std::vector<std::string> as_of(const std::vector<MemoryRow>& rows, int64_t valid, int64_t recorded) {
    std::vector<std::string> out;
    for (const MemoryRow& row : rows) {
      if (row.created_ms > recorded || row.valid_from_ms > valid) continue;
      const int64_t end = recorded < row.superseded_ms ? row.valid_to_before_ms : row.valid_to_ms;
      const int64_t to = row.superseded_ms == kEndless ? row.valid_to_ms : end;
      if (valid < to) out.push_back(row.fact.object);
    }
    return out;
  }

  TempDir dir_;
  FixedClock clock_;
  std::unique_ptr<Store> store_;
};

using Objects = std::vector<std::string>;

TEST_P(MemoryFacts, ANewFactClosesTheOneBeforeItAndIsLinkedToIt) {
  const int64_t paris = put_fact(*store_, fact("p", "paris", 100, 1000)).outcome.row;
  const Edited rome = put_fact(*store_, fact("r", "rome", 200, 2000), 1);
  ASSERT_EQ(rome.outcome.superseded.size(), 1u);
  EXPECT_EQ(rome.outcome.superseded[0].id, "p");
  const MemoryRow closed = load("p");
  EXPECT_EQ(closed.valid_from_ms, 100);
  EXPECT_EQ(closed.valid_to_ms, 200);
  EXPECT_EQ(closed.superseded_ms, 2000);
  EXPECT_EQ(closed.revision, 1);
  const auto edges = store_->memories()->edges({paris}, 10, {});
  ASSERT_EQ(edges->size(), 1u);
  EXPECT_EQ((*edges)[0].source, rome.outcome.row);
  EXPECT_EQ((*edges)[0].target, paris);
  EXPECT_EQ((*edges)[0].relation, 1);
  EXPECT_EQ(ids(store_->memories()->list(everything(), 0, 10)), (Objects{"r"}));
  EXPECT_EQ(visit(*store_, only_scope(*store_)).rows.size(), 2u);
  EXPECT_EQ(as_of(all(), 150, 3000), (Objects{"paris"}));
  EXPECT_EQ(as_of(all(), 250, 3000), (Objects{"rome"}));
  EXPECT_EQ(as_of(all(), 250, 1500), (Objects{"paris"}));
}

TEST_P(MemoryFacts, AFactOfThePastEndsWhereTheNextOneBegins) {
  ASSERT_TRUE(put_fact(*store_, fact("r", "rome", 200, 1000)).status.ok());
  const Edited paris = put_fact(*store_, fact("p", "paris", 100, 2000));
  EXPECT_TRUE(paris.outcome.superseded.empty());
  EXPECT_EQ(load("p").valid_to_ms, 200);
  EXPECT_EQ(load("p").superseded_ms, 2000);
  EXPECT_EQ(load("r").superseded_ms, kEndless);
  EXPECT_EQ(as_of(all(), 150, 1500), Objects());
  EXPECT_EQ(as_of(all(), 150, 2500), (Objects{"paris"}));
  EXPECT_EQ(put_fact(*store_, fact("p", "paris", 100, 3000)).outcome.unchanged, true);
}

TEST_P(MemoryFacts, WithoutAStartAFactHoldsFromItsTimeOn) {
  MemoryRow row = fact("p", "paris", kNoTime, 1000);
  row.time_ms = 100;
  ASSERT_TRUE(put_fact(*store_, row).status.ok());
  EXPECT_EQ(load("p").valid_from_ms, 100);
  EXPECT_TRUE(put_fact(*store_, row).outcome.unchanged);
  EXPECT_TRUE(put(*store_, fact("plain", "oslo", kNoTime, 1000)).outcome.superseded.empty());
  EXPECT_EQ(load("plain").valid_from_ms, kNoTime);
  EXPECT_EQ(load("p").superseded_ms, kEndless);
}

TEST_P(MemoryFacts, OtherScopesSubjectsAndTheSameObjectAreLeftAlone) {
  ASSERT_TRUE(put_fact(*store_, fact("p", "paris", 100, 1000)).status.ok());
  MemoryRow elsewhere = fact("r", "rome", 200, 2000);
  elsewhere.scope = scope_of("w", "c");
  EXPECT_TRUE(put_fact(*store_, elsewhere).outcome.superseded.empty());
  MemoryRow bob = fact("b", "rome", 200, 2000);
  bob.fact.subject = "bob";
  EXPECT_TRUE(put_fact(*store_, bob).outcome.superseded.empty());
  EXPECT_TRUE(put_fact(*store_, fact("p2", "paris", 200, 2000)).outcome.superseded.empty());
  EXPECT_EQ(load("p").superseded_ms, kEndless);
}

TEST_P(MemoryFacts, AFactThatIsClosedStaysSoWhenItIsWrittenAgain) {
  ASSERT_TRUE(put_fact(*store_, fact("p", "paris", 100, 1000)).status.ok());
  ASSERT_TRUE(put_fact(*store_, fact("r", "rome", 200, 2000)).status.ok());
  MemoryRow again = fact("p", "paris", 100, 3000);
  again.importance = .75;
  ASSERT_EQ(put_fact(*store_, again).outcome.revision, 2);
  EXPECT_EQ(load("p").valid_to_ms, 200);
  EXPECT_EQ(load("p").superseded_ms, 2000);
  EXPECT_EQ(load("p").importance, .75);
}

TEST_P(MemoryFacts, ARestoredFactTakesItsPlace) {
  ASSERT_TRUE(put_fact(*store_, fact("p", "paris", 100, 1000)).status.ok());
  ASSERT_TRUE(forget(*store_, "p", 1500).status.ok());
  ASSERT_TRUE(put_fact(*store_, fact("r", "rome", 200, 2000)).status.ok());
  ASSERT_TRUE(put_fact(*store_, fact("o", "oslo", 50, 2100)).status.ok());
  EXPECT_EQ(load("p").superseded_ms, kEndless);
  ASSERT_TRUE(forget(*store_, "p", 0).status.ok());
  EXPECT_EQ(load("p").valid_to_ms, 200);
  EXPECT_EQ(load("o").valid_to_ms, 100);
  for (const int64_t valid : {60, 150, 250}) EXPECT_EQ(as_of(all(), valid, 9000).size(), 1u) << valid;
}

TEST_P(MemoryFacts, WhatGoesOnInARowOfItsOwnIsForgottenAndPurgedWithTheFact) {
  ASSERT_TRUE(put_fact(*store_, fact("p", "paris", 100, 1000)).status.ok());
  ASSERT_TRUE(put_fact(*store_, fact("r", "rome", 300, 2000)).status.ok());
  ASSERT_TRUE(put_fact(*store_, fact("o", "oslo", 200, 3000)).status.ok());
  ASSERT_EQ(all().size(), 4u);
  EXPECT_EQ(as_of(all(), 250, 2500), (Objects{"paris"}));
  EXPECT_EQ(as_of(all(), 250, 3500), (Objects{"oslo"}));
  ASSERT_TRUE(forget(*store_, "p").status.ok());
  EXPECT_EQ(all().size(), 2u);
  ASSERT_TRUE(forget(*store_, "p", 0).status.ok());
  EXPECT_EQ(as_of(all(), 250, 2500), (Objects{"paris"}));
  EXPECT_EQ(*store_->memories()->purge({{scope_of("w"), "p"}}), 2);
  EXPECT_EQ(all().size(), 2u);
}

// Whatever is said in whatever order, of whatever time.
TEST_P(MemoryFacts, IntervalsNeverOverlapAndThePastNeverChanges) {
  for (uint64_t seed = 0; seed < 12; ++seed) {
    std::mt19937_64 random(seed);
    const MemoryScope scope = scope_of("w", "c" + std::to_string(seed));
    std::map<std::pair<int64_t, int64_t>, Objects> known;
    MemoryFilter filter = everything();
    filter.channels = {scope.channel};
    filter.superseded = true;
    for (int64_t now = 1; now <= 25; ++now) {
      MemoryRow row = fact("f" + std::to_string(now), "o" + std::to_string(now),
                           static_cast<int64_t>(random() % 20), now * 10);
      if (random() % 4 == 0) row.valid_to_ms = row.valid_from_ms + static_cast<int64_t>(random() % 10);
      row.scope = scope;
      ASSERT_TRUE(put_fact(*store_, row).status.ok());
      const auto rows = store_->memories()->list(filter, 0, 10'000);
      ASSERT_TRUE(rows.ok());
      for (const auto& [when, objects] : known)
        ASSERT_EQ(as_of(*rows, when.first, when.second), objects)
            << "seed " << seed << ": after " << now << ", of " << when.first << " as of " << when.second;
      for (int64_t valid = 0; valid < 32; ++valid) {
        const Objects objects = as_of(*rows, valid, now * 10 + 5);
        ASSERT_LE(objects.size(), 1u) << "seed " << seed << ": " << valid << " as of " << now;
        known[{valid, now * 10 + 5}] = objects;
      }
    }
  }
}

INSTANTIATE_TEST_SUITE_P(Stores, MemoryFacts, testing::Bool(),
                         [](const auto& store) { return store.param ? "sqlite" : "memory"; });

}  // namespace
}  // namespace tau::store
