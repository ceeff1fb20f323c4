// Which memories are taken for one: never any that differ in what they say, and never both of a pair.
#include "memory/duplicates.h"

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include <algorithm>
#include <map>
#include <set>

#include "memory/duplicate_merge.h"
#include "memory/types.h"

namespace tau::memory {
namespace {

class Held : public DuplicateSource {
 public:
  std::map<int64_t, store::MemoryRow> all;
  std::set<std::pair<int64_t, int64_t>> relations;
  std::map<std::pair<int64_t, int64_t>, double> cosines;
  int64_t loaded = 0;

  store::MemoryRow& add(std::string text, double importance = 0.5) {
    store::MemoryRow row;
    row.row = static_cast<int64_t>(all.size()) + 1;
    row.id = format("m{}", row.row);
    row.scope.workspace = "w";
    row.type = static_cast<uint8_t>(Type::kObservation);
    row.importance = importance;
    row.text = std::move(text);
    row.revision = 1;
    row.created_ms = row.row;
    return all[row.row] = std::move(row);
  }
  std::vector<Duplicate> find(const DuplicateOptions& options = {}, bool backwards = false) {
    std::vector<DuplicateSketch> sketches;
    DuplicateSketch sketch;
    for (const auto& [number, row] : all)
      if (sketch_of(row, &sketch)) sketches.push_back(sketch);
    if (backwards) std::reverse(sketches.begin(), sketches.end());
    return *find_duplicates(std::move(sketches), *this, options);
  }
  bool same(std::string a, std::string b) {
    all.clear();
    add(std::move(a));
    add(std::move(b));
    return find().size() == 1;
  }

  StatusOr<std::vector<store::MemoryRow>> rows(const std::vector<int64_t>& wanted) override {
    EXPECT_LE(wanted.size(), kMaxRows);
    std::vector<store::MemoryRow> found;
    for (const int64_t row : wanted)
      if (all.contains(row)) found.push_back(all[row]);
    loaded += static_cast<int64_t>(found.size());
    return found;
  }
  bool related(int64_t a, int64_t b) override { return relations.contains({std::min(a, b), std::max(a, b)}); }
  StatusOr<std::vector<std::pair<int64_t, double>>> nearest(int64_t row) override {
    std::vector<std::pair<int64_t, double>> near;
    for (const auto& [pair, cosine] : cosines) {
      if (pair.first == row) near.emplace_back(pair.second, cosine);
      if (pair.second == row) near.emplace_back(pair.first, cosine);
    }
    return near;
  }
  bool has_vectors() const override { return !cosines.empty(); }
};

TEST(Duplicates, TextsThatSayTheSame) {
  Held held;
  EXPECT_TRUE(held.same("User prefers dark mode.", "user prefers  dark mode"));
  EXPECT_TRUE(held.same("The user prefers dark mode", "User really prefers the dark mode"));
  EXPECT_TRUE(held.same("Bob met Ann in Paris", "bob met ann in paris"));
  EXPECT_TRUE(held.same("The plan lists every open question that the design team still has about colours",
                        "The plans list every open question that the design team still has about colours"));
  EXPECT_TRUE(held.same("\xd0\x9f\xd1\x80\xd0\xb8\xd0\xb2\xd0\xb5\xd1\x82",
                        "\xd0\xbf\xd1\x80\xd0\xb8\xd0\xb2\xd0\xb5\xd1\x82!"));
}

TEST(Duplicates, OneWordInTenMayBeMissingWhenNearlyAllOfTheTextIsShared) {
  Held held;
  const std::string text =
      "the design team agreed that deliveries are handled by whoever wrote the release notes and that "
      "reviewers "
      "answer questions about compatibility";
  EXPECT_TRUE(held.same(text, text + " promptly"));
  EXPECT_FALSE(held.same(text, text + " promptly quietly together somewhere"));
  EXPECT_FALSE(held.same(text, "never said: " + text));
}

struct Pair {
  const char* a;
  const char* b;
};

TEST(Duplicates, NeverWhatDiffersInNumbersDatesNamesOrNegation) {
  const Pair pairs[] = {
      {"The order has 12 items in the warehouse of the north",
       "The order has 13 items in the warehouse of the north"},
      {"The order has two items in the warehouse", "The order has three items in the warehouse"},
      {"The rate is .5 for all of the customers in town", "The rate is 5 for all of the customers in town"},
      {"It moved from 3 to 5 in the end of the long debate",
       "It moved from 5 to 3 in the end of the long debate"},
      {"The review is on Monday in the big room upstairs",
       "The review is on Tuesday in the big room upstairs"},
      {"the review is on monday in the big room upstairs",
       "the review is on friday in the big room upstairs"},
      {"Yesterday the release went out to all of our users", "The release went out to all of our users"},
      {"The ticket was given to Alice by the whole of the team",
       "The ticket was given to Carol by the whole of the team"},
      {"Alice paid the rent for Bob", "Bob paid the rent for Alice"},
      {"Set max_size before you start the importer of files",
       "Set min_size before you start the importer of files"},
      {"Read docs/a.md before you start the importer of files",
       "Read docs/b.md before you start the importer of files"},
      {"The user likes dark mode", "The user does not like dark mode"},
      {"The user can eat nuts with every meal of the day",
       "The user can't eat nuts with every meal of the day"},
      {"The user can\xe2\x80\x99t eat nuts with every meal", "The user can eat nuts with every meal"},
      {"The deploy is allowed in the evening", "The deploy is denied in the evening"},
      {"The feature is enabled for everybody in the group",
       "The feature is disabled for everybody in the group"},
      {"The dog bites the man", "The man bites the dog"},
      {"the plan was adopted by the committee after the debate",
       "the plan was adapted by the committee after the debate"},
      {"You are coming.", "You are coming?"},
      {"The balance is -5 euros", "The balance is 5 euros"},
      {"The flight goes from Rome to Paris", "The flight goes to Rome from Paris"},
      {"der Benutzer mag den dunklen Modus", "der Benutzer mag den dunklen Modus nicht"},
      {"\xe6\x88\x91\xe5\x96\x9c\xe6\xac\xa2\xe8\x8c\xb6",
       "\xe6\x88\x91\xe4\xb8\x8d\xe5\x96\x9c\xe6\xac\xa2\xe8\x8c\xb6"},
  };
  Held held;
  for (const Pair& pair : pairs) EXPECT_FALSE(held.same(pair.a, pair.b)) << pair.a << " | " << pair.b;
}

TEST(Duplicates, OnlyOfOneScopeTypeFactTrustAndPlace) {
  const auto differs = [](auto change) {
    Held held;
    held.add("the same text");
    change(held.add("the same text"));
    return held.find().empty();
  };
  EXPECT_FALSE(differs([](store::MemoryRow&) {}));
  EXPECT_TRUE(differs([](store::MemoryRow& row) { row.scope.workspace = "v"; }));
  EXPECT_TRUE(differs([](store::MemoryRow& row) { row.scope.channel = "c"; }));
  EXPECT_TRUE(differs([](store::MemoryRow& row) { row.scope.actor = "a"; }));
  EXPECT_TRUE(differs([](store::MemoryRow& row) { row.type = static_cast<uint8_t>(Type::kFact); }));
  EXPECT_TRUE(differs([](store::MemoryRow& row) { row.fact = {"a", "b", "c"}; }));
  EXPECT_TRUE(differs([](store::MemoryRow& row) { row.provenance.integrity = "web"; }));
  EXPECT_TRUE(differs([](store::MemoryRow& row) { row.provenance.readers = "ann"; }));
  EXPECT_TRUE(differs([](store::MemoryRow& row) { row.thread = "t"; }));
  EXPECT_TRUE(differs([](store::MemoryRow& row) { row.valid_to_ms = 5; }));
  EXPECT_TRUE(differs([](store::MemoryRow& row) { row.superseded_ms = 5; }));
  EXPECT_TRUE(differs([](store::MemoryRow& row) { row.forgotten_ms = 5; }));
  Held identity;
  for (int i = 0; i < 2; ++i) identity.add("who I am").type = static_cast<uint8_t>(Type::kIdentity);
  EXPECT_TRUE(identity.find().empty());
  Held events;
  for (int i = 0; i < 2; ++i) {
    store::MemoryRow& row = events.add("a meeting with the team");
    row.type = static_cast<uint8_t>(Type::kEvent);
    row.time_ms = i * 86'400'000;
  }
  EXPECT_TRUE(events.find().empty());
}

TEST(Duplicates, KeepsTheMoreImportantThenTheOlder) {
  Held held;
  held.add("the same text", 0.5);
  held.add("the same text", 0.9);
  held.add("the same text", 0.9);
  const auto found = held.find();
  ASSERT_EQ(found.size(), 2U);
  EXPECT_EQ(found[0].lost, 1);
  EXPECT_EQ(found[1].lost, 3);
  EXPECT_EQ(found[0].kept, 2);
  EXPECT_EQ(found[1].kept, 2);
}

TEST(Duplicates, WhatSomebodyRelatedStays) {
  Held held;
  held.add("the same text");
  held.add("the same text");
  held.relations.insert({1, 2});
  EXPECT_TRUE(held.find().empty());
}

TEST(Duplicates, VectorsMayReplaceWordsButNoNames) {
  Held held;
  held.add("the user enjoys long walks by the lake");
  held.add("the user likes long walks by the lake");
  held.cosines[{1, 2}] = 0.96;
  ASSERT_EQ(held.find().size(), 1U);
  EXPECT_EQ(held.find()[0].likeness, Likeness::kNearVector);
  DuplicateOptions options;
  options.min_cosine = 0.97;
  EXPECT_TRUE(held.find(options).empty());
  options = {};
  options.vectors_of_words = true;
  EXPECT_TRUE(held.find(options).empty());
  held.all[1].text = "Alice likes long walks by the lake";
  held.all[2].text = "Carol likes long walks by the lake";
  EXPECT_TRUE(held.find().empty());
}

TEST(Duplicates, AttributesThatDifferKeepBoth) {
  Held held;
  held.add("the same text").attributes = R"({"a":1})";
  held.add("the same text").attributes = R"({"a":2})";
  held.add("the same text");
  const auto found = held.find();
  ASSERT_EQ(found.size(), 1U);
  EXPECT_EQ(found[0].lost, 3);
}

TEST(Duplicates, AHundredThousandRowsTakeSecondsAndFewTexts) {
  Held held;
  const char* kinds[] = {"red", "green", "blue", "black", "white"};
  for (int i = 0; i < 100'000; ++i) {
    held.add(i % 2 == 0 ? format("the {} parcel number {} waits at the gate", kinds[i % 5], i)
                        : format("a {} parcel waits at the {} gate", kinds[i % 5], kinds[i / 5 % 5]));
  }
  const auto found = held.find();
  EXPECT_EQ(found.size(), 50'000U - 25U);
  EXPECT_LT(held.loaded, 60'000);
}

TEST(Duplicates, RefusesOptionsThatCannotBe) {
  Held held;
  DuplicateOptions options;
  options.min_overlap = 0;
  EXPECT_EQ(find_duplicates({}, held, options).status().reason(), "invalid_duplicates");
  options = {};
  options.max_simhash_bits = 4;
  EXPECT_EQ(find_duplicates({}, held, options).status().reason(), "invalid_duplicates");
}

TEST(DuplicateMerge, KeepsTagsRelationsUsesAndAttributes) {
  Held held;
  held.add("the same text").tags = {"b"};
  held.add("the same text").tags = {"a", "b"};
  held.all[2].attributes = "{}";
  held.add("another thing entirely");
  MergeInput input;
  for (const auto& [number, row] : held.all) input.rows.push_back(row);
  input.uses = {{1, 10}, {4, 30}, {0, 0}};
  input.edges = {{2, 3, 5, 0.7, 0}, {1, 3, 5, 0.4, 0}, {3, 2, 1, 0.2, 0}};
  input.now_ms = 99;
  std::vector<int64_t> lost;
  const auto edits = merge_edits(held.find(), input, &lost);
  EXPECT_EQ(lost, std::vector<int64_t>{2});
  ASSERT_EQ(edits.size(), 6U);
  const auto& put = std::get<store::MemoryPut>(edits[0].what);
  EXPECT_EQ(put.row.tags, (std::vector<std::string>{"a", "b"}));
  EXPECT_EQ(put.row.attributes, "{}");
  EXPECT_EQ(put.expected_revision, 1);
  const auto& heavier = std::get<store::MemoryRelate>(edits[1].what);
  EXPECT_EQ(heavier.source.id + ">" + heavier.target.id, "m1>m3");
  EXPECT_EQ(heavier.weight, 0.7);
  EXPECT_EQ(std::get<store::MemoryRelate>(edits[2].what).source.id, "m3");
  EXPECT_EQ(std::get<store::MemoryUse>(edits[3].what).count, 4);
  EXPECT_EQ(std::get<store::MemoryUse>(edits[3].what).row, 1);
  EXPECT_EQ(std::get<store::MemoryRelate>(edits[4].what).source.id, "m2");
  EXPECT_EQ(std::get<store::MemoryForget>(edits[5].what).ref.id, "m2");
  EXPECT_EQ(std::get<store::MemoryForget>(edits[5].what).at_ms, 99);
}

TEST(DuplicateMerge, OfRowsThatAreGoneNothing) {
  Held held;
  held.add("the same text");
  held.add("the same text");
  const auto found = held.find();
  held.all[1].forgotten_ms = 5;
  MergeInput input;
  for (const auto& [number, row] : held.all) input.rows.push_back(row);
  std::vector<int64_t> lost;
  EXPECT_TRUE(merge_edits(found, input, &lost).empty());
  EXPECT_TRUE(lost.empty());
}

void fill(Held& held) {
  const auto word =
      rc::gen::elementOf(std::vector<std::string>{"the", "red", "cat", "cats", "sat", "not", "Bob", "on", "5",
                                                  "mat.", "really", "long", "walk", "lake", "green"});
  for (int i = *rc::gen::inRange(0, 40); i > 0; --i) {
    std::string text;
    for (const auto& w : *rc::gen::container<std::vector<std::string>>(word)) text += w + " ";
    if (*rc::gen::inRange(0, 3) == 0 && !held.all.empty())
      text = held.all[1].text + text.substr(0, text.size() / 4);
    store::MemoryRow& row = held.add(text, *rc::gen::inRange(0, 4) / 4.0);
    if (*rc::gen::inRange(0, 4) == 0) row.scope.channel = "c";
    if (*rc::gen::inRange(0, 4) == 0)
      row.attributes = *rc::gen::elementOf(std::vector<std::string>{"{}", "[]"});
    if (*rc::gen::inRange(0, 9) == 0) row.type = static_cast<uint8_t>(Type::kIdentity);
  }
}

RC_GTEST_PROP(DuplicatesProperty, IdempotentOrderIndependentAndNeverBoth, ()) {
  Held held;
  fill(held);
  const auto found = held.find();
  const auto again = held.find({}, true);
  RC_ASSERT(found.size() == again.size());
  std::set<int64_t> lost;
  for (size_t i = 0; i < found.size(); ++i) {
    RC_ASSERT(found[i].lost == again[i].lost && found[i].kept == again[i].kept);
    lost.insert(found[i].lost);
  }
  for (const Duplicate& duplicate : found) {
    const store::MemoryRow& a = held.all[duplicate.kept];
    const store::MemoryRow& b = held.all[duplicate.lost];
    RC_ASSERT(!lost.contains(duplicate.kept));
    RC_ASSERT(a.scope == b.scope && a.type == b.type);
    RC_ASSERT(a.type != static_cast<uint8_t>(Type::kIdentity));
    if (duplicate.likeness != Likeness::kSameText)
      RC_ASSERT(form_of(a.text).guards == form_of(b.text).guards);
  }
  MergeInput input;
  for (const auto& [number, row] : held.all) input.rows.push_back(row);
  input.now_ms = 7;
  std::vector<int64_t> gone;
  for (const store::MemoryEdit& edit : merge_edits(found, input, &gone)) {
    if (const auto* put = std::get_if<store::MemoryPut>(&edit.what)) held.all[put->row.row] = put->row;
  }
  RC_ASSERT(std::set<int64_t>(gone.begin(), gone.end()) == lost);
  for (const int64_t row : gone) held.all.erase(row);
  RC_ASSERT(held.find().empty());
}

RC_GTEST_PROP(DuplicatesProperty, AnyBytesHaveAForm, ()) {
  const auto bytes = *rc::gen::container<std::vector<uint8_t>>(rc::gen::arbitrary<uint8_t>());
  const std::string text(bytes.begin(), bytes.end());
  const TextForm form = form_of(text);
  RC_ASSERT(is_valid_utf8(form.plain));
  RC_ASSERT(overlap(shingles_of(form), shingles_of(form)) == 1);
  RC_ASSERT(words_agree(form, form));
}

}  // namespace
}  // namespace tau::memory
