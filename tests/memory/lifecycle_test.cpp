// The upkeep of memories: what it plans, and that it plans nothing twice.
#include "memory/lifecycle.h"

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include <algorithm>
#include <cmath>
#include <map>
#include <set>

#include "json/json.h"
#include "memory/types.h"

namespace tau::memory {
namespace {

constexpr int64_t kNow = 1'700'000'000'000;

// A store in a few lines, as far as upkeep sees one.
class Shelf : public DuplicateSource {
 public:
  std::map<int64_t, store::MemoryRow> rows_;
  std::map<int64_t, store::MemoryUses> uses_;
  std::vector<store::MemoryEdge> edges_;

  store::MemoryRow& add(Type type, double importance, int64_t age_ms, std::string text = "") {
    store::MemoryRow row;
    row.row = static_cast<int64_t>(rows_.size()) + 1;
    row.id = format("m{}", row.row);
    row.scope.workspace = "w";
    row.type = static_cast<uint8_t>(type);
    row.importance = importance;
    row.text = text.empty() ? format("text number {}", row.row) : std::move(text);
    row.revision = 1;
    row.created_ms = row.updated_ms = kNow - age_ms;
    return rows_[row.row] = std::move(row);
  }
  void link(int64_t a, int64_t b, double weight = 1) { edges_.push_back({a, b, 0, weight, 0}); }

  LifecyclePlan plan(const LifecyclePolicy& policy = {}, int64_t now_ms = kNow, bool backwards = false) {
    EXPECT_TRUE(check(policy).ok()) << check(policy).to_string();
    Lifecycle lifecycle(policy, now_ms);
    std::vector<int64_t> order;
    for (const auto& [number, row] : rows_) order.push_back(number);
    if (backwards) std::reverse(order.begin(), order.end());
    std::vector<store::MemoryEdge> edges = edges_;
    if (backwards) std::reverse(edges.begin(), edges.end());
    for (const store::MemoryEdge& edge : edges)
      if (alive(edge.source) && alive(edge.target)) lifecycle.add_edge(edge);
    for (const int64_t row : order) lifecycle.add(rows_[row], uses_[row]);
    return *lifecycle.plan(*this);
  }
  void apply(const LifecyclePlan& plan) {
    apply(forget_edits(plan, all()));
    MergeInput input;
    input.rows = all();
    for (const auto& [number, row] : rows_) input.uses.push_back(uses_[number]);
    for (const store::MemoryEdge& edge : edges_)
      if (alive(edge.source) && alive(edge.target)) input.edges.push_back(edge);
    input.now_ms = plan.at_ms;
    std::vector<int64_t> lost;
    apply(merge_edits(plan.duplicates, input, &lost));
    for (const LifecycleAction& action : plan.actions)
      if (action.reason == LifecycleReason::kForgottenLong) rows_.erase(action.row);
  }
  std::vector<store::MemoryRow> all() {
    std::vector<store::MemoryRow> rows;
    for (const auto& [number, row] : rows_) rows.push_back(row);
    return rows;
  }
  bool alive(int64_t row) { return rows_.contains(row) && rows_[row].forgotten_ms == 0; }
  std::set<int64_t> living() {
    std::set<int64_t> left;
    for (const auto& [number, row] : rows_)
      if (row.forgotten_ms == 0) left.insert(number);
    return left;
  }

  StatusOr<std::vector<store::MemoryRow>> rows(const std::vector<int64_t>& wanted) override {
    std::vector<store::MemoryRow> found;
    for (const int64_t row : wanted)
      if (rows_.contains(row)) found.push_back(rows_[row]);
    return found;
  }
  bool related(int64_t, int64_t) override { return false; }

 private:
  int64_t number(const store::MemoryRef& ref) {
    for (const auto& [number, row] : rows_)
      if (row.id == ref.id && row.scope == ref.scope) return number;
    return 0;
  }
  void apply(const std::vector<store::MemoryEdit>& edits) {
    for (const store::MemoryEdit& edit : edits) {
      if (const auto* put = std::get_if<store::MemoryPut>(&edit.what)) {
        EXPECT_EQ(put->expected_revision, rows_[put->row.row].revision);
        rows_[put->row.row] = put->row;
        ++rows_[put->row.row].revision;
      } else if (const auto* forget = std::get_if<store::MemoryForget>(&edit.what)) {
        store::MemoryRow& row = rows_[number(forget->ref)];
        EXPECT_EQ(forget->expected_revision, row.revision);
        row.forgotten_ms = forget->at_ms;
      } else if (const auto* relate = std::get_if<store::MemoryRelate>(&edit.what)) {
        EXPECT_TRUE(alive(number(relate->source)) && alive(number(relate->target)));
        edges_.push_back(
            {number(relate->source), number(relate->target), relate->relation, relate->weight, 0});
      } else if (const auto* use = std::get_if<store::MemoryUse>(&edit.what)) {
        uses_[use->row].count += use->count;
        uses_[use->row].last_ms = std::max(uses_[use->row].last_ms, use->at_ms);
      }
    }
  }
};

std::string reason_of(const LifecyclePlan& plan, int64_t row) {
  for (const LifecycleAction& action : plan.actions)
    if (action.row == row) return std::string(reason_name(action.reason));
  return "";
}

TEST(Lifecycle, ForgetsWhatFadedAfterItsGraceUnlessItIsLinkedOrInAThread) {
  Shelf shelf;
  shelf.add(Type::kObservation, 0.3, 40 * kDayMs);               // 1: faded
  shelf.add(Type::kObservation, 0.01, 20 * kDayMs);              // 2: weak, but not idle for long
  shelf.add(Type::kObservation, 0.3, 40 * kDayMs);               // 3: linked
  shelf.add(Type::kFact, 0.9, 40 * kDayMs);                      // 4
  shelf.add(Type::kIdentity, 0, 4000 * kDayMs);                  // 5
  shelf.add(Type::kPreference, 0.01, 4000 * kDayMs);             // 6
  shelf.add(Type::kObservation, 0.3, 40 * kDayMs).thread = "t";  // 7
  shelf.add(Type::kObservation, 0.3, 40 * kDayMs);               // 8: used
  shelf.uses_[8] = {1, kNow - kDayMs};
  shelf.link(3, 4);
  const LifecyclePlan plan = shelf.plan();
  ASSERT_EQ(plan.actions.size(), 1U);
  EXPECT_EQ(reason_of(plan, 1), "faded");
  EXPECT_NEAR(plan.actions[0].strength, 0.3 * std::exp2(-40 / 7.0), 1e-12);
  EXPECT_EQ(plan.scanned, 8);
  EXPECT_EQ(plan.exempt, 2);
  LifecyclePolicy harsh;
  harsh.forget_linked = harsh.forget_threads = true;
  EXPECT_EQ(reason_of(shelf.plan(harsh), 3), "faded");
  EXPECT_EQ(reason_of(shelf.plan(harsh), 7), "faded");
}

TEST(Lifecycle, WhatLosesItsLastRelationInARunGoesInThatRun) {
  Shelf shelf;
  for (int i = 0; i < 4; ++i) shelf.add(Type::kObservation, 0.3, 40 * kDayMs);
  shelf.link(1, 4);
  shelf.link(4, 2);
  shelf.link(2, 3);
  EXPECT_TRUE(shelf.plan().empty());
  shelf.rows_[4].valid_to_ms = kNow - 10 * kDayMs;
  LifecyclePolicy policy;
  policy.ended_after_ms = kDayMs;
  const LifecyclePlan plan = shelf.plan(policy);
  EXPECT_EQ(reason_of(plan, 4), "ended");
  EXPECT_EQ(reason_of(plan, 1), "faded");
  shelf.apply(plan);
  EXPECT_EQ(shelf.living(), (std::set<int64_t>{2, 3}));  // they have each other
  EXPECT_TRUE(shelf.plan(policy).empty());
}

TEST(Lifecycle, BetweenItsFloorsOnlyWhatHasNoRelationGoes) {
  Shelf shelf;
  shelf.add(Type::kFact, 0.08, 31 * kDayMs);
  shelf.add(Type::kFact, 0.08, 31 * kDayMs);
  shelf.add(Type::kFact, 0.9, 0);
  shelf.link(2, 3);
  const LifecyclePlan plan = shelf.plan();
  EXPECT_EQ(reason_of(plan, 1), "orphan");
  EXPECT_EQ(reason_of(plan, 2), "");
  shelf.edges_[0].weight = 0;  // leads nowhere
  EXPECT_EQ(reason_of(shelf.plan(), 2), "orphan");
  LifecyclePolicy policy;
  policy.orphans = false;
  EXPECT_TRUE(shelf.plan(policy).empty());
}

TEST(Lifecycle, AFreshMemoryStaysHoweverWeak) {
  Shelf shelf;
  shelf.add(Type::kObservation, 0, 0);
  shelf.add(Type::kObservation, 0.05, -5 * kDayMs);  // written by a clock that was ahead
  EXPECT_TRUE(shelf.plan().empty());
}

TEST(Lifecycle, ErasesWhatWasForgottenForLonger) {
  Shelf shelf;
  shelf.add(Type::kFact, 1, 0).forgotten_ms = kNow - 31 * kDayMs;
  shelf.add(Type::kFact, 1, 0).forgotten_ms = kNow - 29 * kDayMs;
  EXPECT_TRUE(shelf.plan().empty());
  LifecyclePolicy policy;
  policy.purge_after_ms = 30 * kDayMs;
  const LifecyclePlan plan = shelf.plan(policy);
  EXPECT_EQ(reason_of(plan, 1), "forgotten_long");
  EXPECT_EQ(plan.actions.size(), 1U);
  EXPECT_EQ(plan.forgotten, 2);
  EXPECT_TRUE(forget_edits(plan, {shelf.rows_[1]}).empty());
}

TEST(Lifecycle, AMemoryThatChangedSinceThePlanIsLeftAlone) {
  Shelf shelf;
  shelf.add(Type::kObservation, 0.3, 40 * kDayMs);
  const LifecyclePlan plan = shelf.plan();
  ASSERT_EQ(plan.actions.size(), 1U);
  EXPECT_EQ(forget_edits(plan, {shelf.rows_[1]}).size(), 1U);
  ++shelf.rows_[1].revision;
  EXPECT_TRUE(forget_edits(plan, {shelf.rows_[1]}).empty());
}

TEST(Lifecycle, OfAPairOfDuplicatesOneStaysWithWhatTheOtherHad) {
  Shelf shelf;
  shelf.add(Type::kFact, 0.9, 10, "The same thing").tags = {"x"};
  shelf.add(Type::kFact, 0.5, 20, "the same thing.").tags = {"y"};
  shelf.add(Type::kFact, 0.5, 20, "something else");
  shelf.link(2, 3, 0.5);
  shelf.uses_[2] = {3, kNow - 5};
  const LifecyclePlan plan = shelf.plan();
  ASSERT_EQ(plan.duplicates.size(), 1U);
  EXPECT_EQ(reason_of(plan, 2), "duplicate");
  shelf.apply(plan);
  EXPECT_EQ(shelf.living(), (std::set<int64_t>{1, 3}));
  EXPECT_EQ(shelf.rows_[1].tags, (std::vector<std::string>{"x", "y"}));
  EXPECT_EQ(shelf.uses_[1].count, 3);
  EXPECT_TRUE(shelf.plan().empty());
  // Brought back, it is known to be the other one's, and stays.
  shelf.rows_[2].forgotten_ms = 0;
  EXPECT_TRUE(shelf.plan().empty());
}

TEST(Lifecycle, TheReportNamesWhatGoesAndWhy) {
  Shelf shelf;
  shelf.add(Type::kObservation, 0.3, 40 * kDayMs).scope.channel = "c";
  shelf.add(Type::kFact, 0.9, 10, "The same thing");
  shelf.add(Type::kFact, 0.9, 5, "The same thing");
  const LifecyclePlan plan = shelf.plan();
  LifecycleReport report(plan, 2);
  EXPECT_EQ(report.wants(0, 2), (std::vector<int64_t>{1, 2}));
  for (const int64_t row : report.wants(0, 9)) report.add(shelf.rows_[row]);
  const json::Value value = *json::parse(report.json());
  EXPECT_EQ(value["counts"]["faded"].as_int(), 1);
  EXPECT_EQ(value["counts"]["duplicate"].as_int(), 1);
  EXPECT_EQ(value["actions"].as_array()[0]["id"].as_string(), "m1");
  EXPECT_EQ(value["actions"].as_array()[0]["channel"].as_string(), "c");
  EXPECT_EQ(value["actions"].as_array()[1]["kept"].as_string(), "m2");
  EXPECT_EQ(value["left_out"].as_int(), 0);
  EXPECT_EQ((*json::parse(LifecycleReport(plan, 1).json()))["left_out"].as_int(), 1);
}

TEST(Lifecycle, RefusesPoliciesThatCannotBe) {
  LifecyclePolicy policy;
  policy.forget_below = std::nan("");
  EXPECT_EQ(check(policy).reason(), "invalid_lifecycle");
  policy = {};
  policy.grace_ms = -1;
  EXPECT_EQ(check(policy).reason(), "invalid_lifecycle");
  policy = {};
  policy.retention.push_back({});
  policy.retention[0].max_count = -1;
  EXPECT_EQ(check(policy).reason(), "invalid_retention");
  policy.retention[0] = {};
  policy.retention[0].types = 0;
  EXPECT_EQ(check(policy).reason(), "invalid_retention");
}

TEST(Retention, TheWeakestGoFirstInEveryScopeByItself) {
  Shelf shelf;
  shelf.add(Type::kFact, 0.9, 0);
  shelf.add(Type::kFact, 0.2, 0);
  shelf.add(Type::kFact, 0.8, 0);
  shelf.add(Type::kIdentity, 0, 0);
  shelf.add(Type::kFact, 0.1, 0).scope.channel = "other";
  LifecyclePolicy policy;
  policy.retention.push_back({});
  policy.retention[0].max_count = 2;
  LifecyclePlan plan = shelf.plan(policy);
  ASSERT_EQ(plan.actions.size(), 1U);
  EXPECT_EQ(reason_of(plan, 2), "too_many");
  policy.retention[0].max_count = 0;
  policy.retention[0].max_bytes = 20;  // one text
  plan = shelf.plan(policy);
  EXPECT_EQ(reason_of(plan, 2), "too_large");
  EXPECT_EQ(reason_of(plan, 3), "too_large");
  EXPECT_EQ(plan.actions.size(), 2U);
  policy.retention[0] = {};
  policy.retention[0].channel = "other";
  policy.retention[0].max_age_ms = 1;
  EXPECT_TRUE(shelf.plan(policy).empty());
  EXPECT_EQ(reason_of(shelf.plan(policy, kNow + 2), 5), "too_old");
}

LifecyclePolicy any_policy() {
  LifecyclePolicy policy;
  policy.grace_ms = *rc::gen::inRange<int64_t>(0, 3) * 20 * kDayMs;
  policy.forget_linked = *rc::gen::inRange(0, 3) == 0;
  policy.forget_threads = *rc::gen::inRange(0, 3) == 0;
  policy.orphans = *rc::gen::inRange(0, 4) != 0;
  policy.orphan_below = *rc::gen::inRange(0, 6) / 10.0;
  policy.forget_below = *rc::gen::inRange(0, 6) / 10.0;
  policy.ended_after_ms = *rc::gen::inRange<int64_t>(0, 2) * 10 * kDayMs;
  policy.purge_after_ms = *rc::gen::inRange<int64_t>(0, 2) * 10 * kDayMs;
  for (int i = *rc::gen::inRange(0, 3); i > 0; --i) {
    RetentionRule rule;
    rule.max_count = *rc::gen::inRange(0, 12);
    rule.max_bytes = *rc::gen::inRange(0, 3) * 60;
    rule.max_age_ms = *rc::gen::inRange<int64_t>(0, 3) * 50 * kDayMs;
    if (*rc::gen::inRange(0, 2) == 0) rule.channel = "c";
    rule.types = static_cast<uint32_t>(*rc::gen::inRange(1, 256));
    policy.retention.push_back(rule);
  }
  return policy;
}

void fill(Shelf& shelf) {
  const auto text = rc::gen::elementOf(std::vector<std::string>{"red cat", "the red cat", "red cats",
                                                                "Red cat.", "red cat on 5", "blue", "a blue",
                                                                "not blue", "walk by lake"});
  const int count = *rc::gen::inRange(0, 25);
  for (int i = 0; i < count; ++i) {
    store::MemoryRow& row =
        shelf.add(static_cast<Type>(*rc::gen::inRange(0, kTypes)), *rc::gen::inRange(0, 11) / 10.0,
                  *rc::gen::inRange<int64_t>(-1, 10) * 15 * kDayMs, *text);
    if (*rc::gen::inRange(0, 3) == 0) row.type = 0;
    if (*rc::gen::inRange(0, 4) == 0) row.scope.channel = "c";
    if (*rc::gen::inRange(0, 8) == 0) row.thread = "t";
    if (*rc::gen::inRange(0, 8) == 0) row.valid_to_ms = kNow - 20 * kDayMs;
    if (*rc::gen::inRange(0, 8) == 0) row.forgotten_ms = kNow - 20 * kDayMs;
    if (*rc::gen::inRange(0, 3) == 0) row.tags = {format("t{}", i % 3)};
    if (*rc::gen::inRange(0, 3) == 0) shelf.uses_[row.row] = {i % 5, kNow - i * kDayMs};
  }
  for (int i = *rc::gen::inRange(0, count + 1); i > 0; --i)
    shelf.link(*rc::gen::inRange(1, count + 1), *rc::gen::inRange(1, count + 1),
               *rc::gen::inRange(0, 3) / 2.0);
}

RC_GTEST_PROP(LifecycleProperty, ASecondRunPlansNothingAndOrderDoesNotMatter, ()) {
  Shelf shelf;
  fill(shelf);
  const LifecyclePolicy policy = any_policy();
  const LifecyclePlan plan = shelf.plan(policy);
  const LifecyclePlan again = shelf.plan(policy, kNow, true);
  RC_ASSERT(plan.actions.size() == again.actions.size());
  for (size_t i = 0; i < plan.actions.size(); ++i) {
    RC_ASSERT(plan.actions[i].row == again.actions[i].row);
    RC_ASSERT(plan.actions[i].reason == again.actions[i].reason);
    RC_ASSERT(plan.actions[i].kept == again.actions[i].kept);
  }
  shelf.apply(plan);
  RC_ASSERT(shelf.plan(policy).empty());
}

RC_GTEST_PROP(LifecycleProperty, NeverBothOfAPairNorIdentity, ()) {
  Shelf shelf;
  fill(shelf);
  LifecyclePolicy policy = any_policy();
  for (RetentionRule& rule : policy.retention) rule.types = kTypesButIdentity;
  const LifecyclePlan plan = shelf.plan(policy);
  shelf.apply(plan);
  const std::set<int64_t> living = shelf.living();
  for (const Duplicate& duplicate : plan.duplicates) {
    RC_ASSERT(living.contains(duplicate.kept));
    RC_ASSERT(!living.contains(duplicate.lost));
  }
  for (const auto& action : plan.actions) {
    if (action.reason == LifecycleReason::kForgottenLong) continue;
    RC_ASSERT(shelf.rows_[action.row].type != static_cast<uint8_t>(Type::kIdentity));
  }
}

// As often as one likes, in between: what is left at the end is what one run leaves there. Only what is
// linked to nothing is weighed here, as relations that go in between are gone.
RC_GTEST_PROP(LifecycleProperty, HowOftenItRunsDoesNotMatter, ()) {
  Shelf once;
  fill(once);
  once.edges_.clear();
  Shelf often = once;
  LifecyclePolicy policy;
  policy.duplicates = false;
  int64_t now = kNow;
  for (int i = *rc::gen::inRange(1, 8); i > 0; --i) {
    now += *rc::gen::inRange<int64_t>(0, 40) * kDayMs;
    often.apply(often.plan(policy, now));
  }
  once.apply(once.plan(policy, now));
  RC_ASSERT(once.living() == often.living());
}

}  // namespace
}  // namespace tau::memory
