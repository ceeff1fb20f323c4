// The contract of memories.h, held against every implementation.
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <future>
#include <memory>
#include <random>

#include "memories_fixture.h"

namespace tau::store {
namespace {

class MemoriesContract : public EitherStore {
 protected:
  Memories& memories() { return *store_->memories(); }
  MemoryRow load(std::string_view id, const MemoryScope& scope = scope_of("w"), bool forgotten = false) {
    const auto row = memories().load({scope, std::string(id)}, forgotten);
    EXPECT_TRUE(row.ok()) << row.status().to_string();
    return row.ok() ? *row : MemoryRow();
  }
  std::string missing(std::string_view id, bool forgotten = false) {
    const auto row = memories().load({scope_of("w"), std::string(id)}, forgotten);
    return row.ok() ? "it is there" : std::string(row.status().reason());
  }
};

TEST_P(MemoriesContract, AMemoryIsReadBackAsItWasPut) {
  MemoryRow written = memory("a", std::string("t\xC3\xA9xt with \0 inside", 18), scope_of("w", "c", "me"));
  written.type = 3;
  written.importance = .25;
  written.tags = {"one", "two words"};
  written.thread = "session";
  written.time_ms = -5;
  written.position = 9;
  written.fact = {.subject = "s", .predicate = "p", .object = "o"};
  written.valid_from_ms = 10;
  written.valid_to_ms = 20;
  written.source = "file:notes.md";
  written.attributes = R"({"k":1})";
  written.provenance = {.integrity = "user,tool:read",
                        .readers = "alice,bob",
                        .principal = "local",
                        .policy_epoch = 3,
                        .scanned_epoch = 4};
  const Edited done = put(*store_, written);
  ASSERT_TRUE(done.status.ok()) << done.status.to_string();
  EXPECT_TRUE(done.outcome.created);
  EXPECT_FALSE(done.outcome.unchanged);
  EXPECT_EQ(done.outcome.revision, 1);
  reopen();
  const MemoryRow read = load("a", written.scope);
  EXPECT_EQ(read.row, done.outcome.row);
  EXPECT_EQ(read.change, done.outcome.change);
  EXPECT_EQ(read.revision, 1);
  EXPECT_EQ(read.scope, written.scope);
  EXPECT_EQ(read.text, written.text);
  EXPECT_EQ(read.type, 3);
  EXPECT_EQ(read.importance, .25);
  EXPECT_EQ(read.tags, written.tags);
  EXPECT_EQ(read.thread, "session");
  EXPECT_EQ(read.time_ms, -5);
  EXPECT_EQ(read.position, 9);
  EXPECT_EQ(read.fact, written.fact);
  EXPECT_EQ(read.valid_from_ms, 10);
  EXPECT_EQ(read.valid_to_ms, 20);
  EXPECT_EQ(read.superseded_ms, kEndless);
  EXPECT_EQ(read.source, written.source);
  EXPECT_EQ(read.attributes, written.attributes);
  EXPECT_EQ(read.created_ms, 2000);
  EXPECT_EQ(read.forgotten_ms, 0);
  EXPECT_EQ(read.provenance.integrity, "user,tool:read");
  EXPECT_EQ(read.provenance.readers, "alice,bob");
  EXPECT_EQ(read.provenance.principal, "local");
  EXPECT_EQ(read.provenance.policy_epoch, 3);
  EXPECT_EQ(read.provenance.scanned_epoch, 4);
}

TEST_P(MemoriesContract, TheSameIdInTwoScopesNamesTwoMemories) {
  ASSERT_TRUE(put(*store_, memory("a", "here", scope_of("w", "c"))).status.ok());
  ASSERT_TRUE(put(*store_, memory("a", "there", scope_of("w", "C"))).status.ok());
  ASSERT_TRUE(forget(*store_, "a", 5000, scope_of("w", "c")).status.ok());
  EXPECT_EQ(load("a", scope_of("w", "C")).text, "there");
  EXPECT_FALSE(memories().load({scope_of("w", "c"), "a"}, false).ok());
}

TEST_P(MemoriesContract, WhatIsForgottenIsNotFoundAndCanBeRestored) {
  const int64_t row = put(*store_, memory("a", "text")).outcome.row;
  const Edited gone = forget(*store_, "a", 5000);
  EXPECT_EQ(gone.outcome.row, row);
  EXPECT_FALSE(gone.outcome.unchanged);
  EXPECT_TRUE(forget(*store_, "a", 6000).outcome.unchanged);
  EXPECT_EQ(missing("a"), "no_such_memory");
  EXPECT_EQ(load("a", scope_of("w"), true).forgotten_ms, 5000);
  EXPECT_EQ(memories().list(everything(), 0, 10)->size(), 0u);
  EXPECT_FALSE(forget(*store_, "a", 0).outcome.unchanged);
  EXPECT_EQ(load("a").text, "text");
  EXPECT_EQ(forget(*store_, "never", 5000).outcome.row, 0);
}

TEST_P(MemoriesContract, ARevisionThatIsExpectedMustBeThere) {
  const auto conditional = [&](int64_t revision, std::string_view text) {
    return edit(*store_, MemoryPut{.row = memory("a", text), .expected_revision = revision});
  };
  EXPECT_EQ(conditional(1, "x").status.reason(), "revision_changed");
  EXPECT_TRUE(conditional(0, "x").status.ok());
  EXPECT_EQ(conditional(0, "y").status.code(), Code::kAborted);
  EXPECT_EQ(conditional(1, "y").outcome.revision, 2);
  ASSERT_TRUE(forget(*store_, "a").status.ok());
  EXPECT_EQ(conditional(2, "z").status.reason(), "revision_changed");
  const Edited again = conditional(0, "z");
  EXPECT_TRUE(again.outcome.created);
  EXPECT_EQ(load("a").text, "z");
}

TEST_P(MemoriesContract, WhatIsSaidAlreadyChangesNothing) {
  const Edited first = put(*store_, memory("a", "text"));
  MemoryRow later = memory("a", "text");
  later.updated_ms = 9000;
  const Edited again = put(*store_, later);
  EXPECT_TRUE(again.outcome.unchanged);
  EXPECT_FALSE(again.outcome.created);
  EXPECT_EQ(again.outcome.revision, 1);
  EXPECT_EQ(again.outcome.change, first.outcome.change);
  EXPECT_EQ(*memories().newest_change(), first.outcome.change);
  later.importance = .75;
  EXPECT_EQ(put(*store_, later).outcome.revision, 2);
  EXPECT_EQ(load("a").created_ms, 2000);
  EXPECT_EQ(load("a").updated_ms, 9000);
}

TEST_P(MemoriesContract, ChangesOfAScopeComeInOrderEachMemoryOnce) {
  for (const char* id : {"a", "b", "c"}) ASSERT_TRUE(put(*store_, memory(id, id)).status.ok());
  ASSERT_TRUE(put(*store_, memory("a", "other")).status.ok());
  ASSERT_TRUE(put(*store_, memory("x", "elsewhere", scope_of("v"))).status.ok());
  const int64_t scope = only_scope(*store_);
  const Seen all = visit(*store_, scope);
  EXPECT_EQ(all.names(), (std::vector<std::string>{"b", "c", "a"}));
  EXPECT_TRUE(std::ranges::is_sorted(all.order));
  EXPECT_EQ(visit(*store_, scope, all.order[0]).names(), (std::vector<std::string>{"c", "a"}));
  ASSERT_TRUE(forget(*store_, "c").status.ok());
  const Seen news = visit(*store_, scope, all.last);
  ASSERT_EQ(news.rows.size(), 1u);
  EXPECT_EQ(news.rows[0].forgotten_ms, 5000);
  EXPECT_EQ(news.last, *memories().newest_change());
}

TEST_P(MemoriesContract, LabelsOfAMemoryThatIsWrittenAgainAreJoined) {
  MemoryRow first = memory("a", "text");
  first.provenance = {.integrity = "web", .readers = "alice,bob", .principal = "one"};
  ASSERT_TRUE(put(*store_, first).status.ok());
  MemoryRow second = memory("a", "other");
  second.provenance = {.integrity = "user,tool:read", .readers = "bob,carol", .principal = "two"};
  ASSERT_TRUE(put(*store_, second).status.ok());
  const Provenance joined = load("a").provenance;
  EXPECT_EQ(joined.integrity, "user,web,tool:read");
  EXPECT_EQ(joined.readers, "bob");
  EXPECT_EQ(joined.principal, "two");
  EXPECT_EQ(put(*store_, second).outcome.unchanged, true);
  // Nor does forgetting wash them off.
  ASSERT_TRUE(forget(*store_, "a").status.ok());
  ASSERT_TRUE(put(*store_, memory("a", "anew")).status.ok());
  EXPECT_EQ(load("a").provenance.integrity, "user,web,tool:read");
  EXPECT_EQ(load("a").provenance.readers, "bob");
}

TEST_P(MemoriesContract, ARefusedEditRefusesItsBatchAlone) {
  ASSERT_TRUE(put(*store_, memory("a", "text")).status.ok());
  const int64_t before = *memories().newest_change();
  Batch bad;
  bad.memories.push_back({.what = MemoryPut{.row = memory("new", "x", scope_of("w", "fresh"))}});
  bad.memories.push_back({.what = MemoryPut{.row = memory("a", "changed")}});
  bad.memories.push_back({.what = MemoryPut{.row = memory("a", "y"), .expected_revision = 7}});
  MemoryOutcome outcome;
  Batch good;
  good.memories.push_back(
      {.what = MemoryPut{.row = memory("b", "fine", scope_of("w", "fresh"))}, .outcome = &outcome});
  std::promise<Status> refused;
  store_->append(std::move(bad), [&](Status status, Lsn) { refused.set_value(std::move(status)); });
  ASSERT_TRUE(append(*store_, std::move(good)).status.ok());
  EXPECT_EQ(refused.get_future().get().reason(), "revision_changed");
  EXPECT_EQ(load("a").text, "text");
  EXPECT_EQ(load("a").revision, 1);
  EXPECT_FALSE(memories().load({scope_of("w", "fresh"), "new"}, true).ok());
  EXPECT_EQ(load("b", scope_of("w", "fresh")).text, "fine");
  EXPECT_GT(outcome.change, before);
  const auto scopes = memories().scopes(everything("w"));
  ASSERT_EQ(scopes->size(), 2u);
  EXPECT_EQ((*scopes)[0].memories, 1);
  EXPECT_EQ((*scopes)[1].memories, 1);
  EXPECT_EQ((*scopes)[1].change, outcome.change);
  EXPECT_EQ(memories().match({(*scopes)[1].key}, {.all = {"x"}, .any = {}}, 10)->size(), 0u);
  EXPECT_EQ(memories().match({(*scopes)[1].key}, {.all = {"fine"}, .any = {}}, 10)->size(), 1u);
}

TEST_P(MemoriesContract, ABatchThatIsRefusedForItsRowsTakesBackNothingOfTheOneBefore) {
  std::promise<void> go_on;
  std::vector<std::future<Status>> answers;
  const auto submit = [&](Batch batch) {
    auto answer = std::make_shared<std::promise<Status>>();
    answers.push_back(answer->get_future());
    store_->append(std::move(batch), [answer](Status status, Lsn) { answer->set_value(std::move(status)); });
  };
  if (durable()) {  // what waits behind this one is committed together
    Batch first;
    first.session = session_record("s");
    store_->append(std::move(first),
                   [gate = go_on.get_future().share()](const Status&, Lsn) { gate.wait(); });
  }
  Batch good;
  good.memories.push_back({.what = MemoryPut{.row = memory("a", "text")}});
  submit(std::move(good));
  Batch bad;
  bad.rows.push_back(row("never", 0, "body"));
  bad.memories.push_back({.what = MemoryPut{.row = memory("b", "text")}});
  submit(std::move(bad));
  go_on.set_value();
  EXPECT_TRUE(answers[0].get().ok());
  EXPECT_EQ(answers[1].get().reason(), "no_such_run");
  EXPECT_EQ(memories().scopes(everything("w"))->front().memories, 1);
  EXPECT_EQ(memories().scopes(everything("w"))->front().change, *memories().newest_change());
  EXPECT_EQ(missing("b"), "no_such_memory");
}

TEST_P(MemoriesContract, EditsThatMakeNoSenseAreRefused) {
  const auto refused = [&](auto change) {
    MemoryRow row = memory("a", "text");
    change(row);
    const Status status = put(*store_, row).status;
    return status.ok() ? std::string("accepted") : std::string(status.reason());
  };
  EXPECT_EQ(refused([](MemoryRow& r) { r.scope.workspace = ""; }), "invalid_memory");
  EXPECT_EQ(refused([](MemoryRow& r) { r.id = ""; }), "invalid_memory");
  EXPECT_EQ(refused([](MemoryRow& r) { r.type = 32; }), "invalid_memory");
  EXPECT_EQ(refused([](MemoryRow& r) { r.importance = 1.5; }), "invalid_memory");
  EXPECT_EQ(refused([](MemoryRow& r) { r.importance = std::nan(""); }), "invalid_memory");
  EXPECT_EQ(refused([](MemoryRow& r) { r.tags = {""}; }), "invalid_memory");
  EXPECT_EQ(refused([](MemoryRow& r) {
              r.tags = {
                  "a\x1f"
                  "b"};
            }),
            "invalid_memory");
  EXPECT_EQ(refused([](MemoryRow& r) { r.provenance.integrity = "nobody"; }), "unknown_label");
  EXPECT_EQ(refused([](MemoryRow& r) { r.valid_from_ms = 5, r.valid_to_ms = 4; }), "invalid_memory");
  EXPECT_EQ(refused([](MemoryRow& r) { r.tags = {"b", "a", "b"}; }), "accepted");
  EXPECT_EQ(load("a").tags, (std::vector<std::string>{"a", "b"}));
}

TEST_P(MemoriesContract, RelationsShowWhileBothEndsAreThere) {
  for (const char* id : {"a", "b", "c"}) ASSERT_TRUE(put(*store_, memory(id, id)).status.ok());
  const int64_t a = load("a").row;
  const int64_t b = load("b").row;
  EXPECT_EQ(relate(*store_, "a", "nobody").status.reason(), "no_such_memory");
  EXPECT_EQ(relate(*store_, "a", "a").status.reason(), "invalid_memory");
  EXPECT_EQ(relate(*store_, "a", "b", 2).status.reason(), "invalid_memory");
  ASSERT_TRUE(relate(*store_, "a", "b", .5).status.ok());
  ASSERT_TRUE(relate(*store_, "c", "a", .75).status.ok());
  EXPECT_TRUE(relate(*store_, "a", "b", .5).outcome.unchanged);
  reopen();
  const auto edges = memories().edges({b, a, a}, 10, {});
  ASSERT_EQ(edges->size(), 2u);
  EXPECT_EQ((*edges)[0].weight, .75);
  EXPECT_EQ((*edges)[1].source, a);
  EXPECT_EQ((*edges)[1].target, b);
  EXPECT_EQ(memories().edges({a}, 1, {})->front().weight, .75);
  const auto listed = memories().list_edges(everything(), {}, 10);
  ASSERT_EQ(listed->size(), 2u);
  EXPECT_EQ(listed->front().source, a);
  EXPECT_EQ(memories().list_edges(everything(), listed->front(), 10)->size(), 1u);
  EXPECT_EQ(memories().list_edges(everything("v"), {}, 10)->size(), 0u);
  ASSERT_TRUE(forget(*store_, "b").status.ok());
  EXPECT_EQ(memories().edges({a}, 10, {})->size(), 1u);
  EXPECT_EQ(memories().list_edges(everything(), {}, 10)->size(), 1u);
  ASSERT_TRUE(forget(*store_, "b", 0).status.ok());
  EXPECT_EQ(memories().edges({a}, 10, {})->size(), 2u);
  EXPECT_FALSE(relate(*store_, "a", "b", -1).outcome.unchanged);
  EXPECT_EQ(memories().edges({b}, 10, {})->size(), 0u);
  ASSERT_TRUE(put(*store_, memory("o", "text", scope_of("other"))).status.ok());
  EXPECT_EQ(edit(*store_, MemoryRelate{.source = {scope_of("w"), "a"}, .target = {scope_of("other"), "o"}})
                .status.reason(),
            "invalid_memory");
}

TEST_P(MemoriesContract, AForgottenNameThatIsUsedAgainHasNoneOfTheOldRelationsAndUses) {
  for (const char* id : {"a", "b"}) ASSERT_TRUE(put(*store_, memory(id, id)).status.ok());
  const int64_t a = load("a").row;
  ASSERT_TRUE(relate(*store_, "a", "b").status.ok());
  ASSERT_TRUE(edit(*store_, MemoryUse{.row = a, .at_ms = 5}).status.ok());
  ASSERT_TRUE(forget(*store_, "a").status.ok());
  const Edited again = put(*store_, memory("a", "something else"));
  EXPECT_TRUE(again.outcome.created);
  EXPECT_EQ(memories().edges({a}, 10, {})->size(), 0u);
  EXPECT_EQ(memories().uses({a})->front().count, 0);
}

TEST_P(MemoriesContract, UsesAddUpAndChangeNothingElse) {
  const Edited first = put(*store_, memory("a", "text"));
  const int64_t row = first.outcome.row;
  ASSERT_TRUE(edit(*store_, MemoryUse{.row = row, .count = 2, .at_ms = 50}).status.ok());
  ASSERT_TRUE(edit(*store_, MemoryUse{.row = row, .count = 3, .at_ms = 40}).status.ok());
  ASSERT_TRUE(edit(*store_, MemoryUse{.row = row + 9, .count = 3, .at_ms = 40}).status.ok());
  reopen();
  const auto uses = memories().uses({row + 9, row});
  ASSERT_EQ(uses->size(), 2u);
  EXPECT_EQ((*uses)[0].count, 0);
  EXPECT_EQ((*uses)[1].count, 5);
  EXPECT_EQ((*uses)[1].last_ms, 50);
  EXPECT_EQ(*memories().newest_change(), first.outcome.change);
  EXPECT_EQ(load("a").revision, 1);
}

TEST_P(MemoriesContract, MemoriesWithoutAVectorAreCounted) {
  const int64_t space = *memories().space("hash-1", 256);
  for (const char* id : {"a", "b", "c", "d"}) {
    MemoryPut one{.row = memory(id, "text")};
    if (*id == 'a' || *id == 'b') one.space = space, one.vector = "bytes";
    ASSERT_TRUE(edit(*store_, one).status.ok());
  }
  EXPECT_EQ(*memories().count_without_vector(everything("w"), space), 2);
  ASSERT_TRUE(forget(*store_, "a").status.ok());  // with a vector
  ASSERT_TRUE(forget(*store_, "c").status.ok());  // without one
  EXPECT_EQ(*memories().count_without_vector(everything("w"), space), 1);
  EXPECT_EQ(memories().without_vector("w", space, 0, 10)->size(), 1u);
}

TEST_P(MemoriesContract, VectorsBelongToATextAndToASpace) {
  const auto space = memories().space("hash-1", 256);
  const auto other = memories().space("hash-1", 384);
  ASSERT_TRUE(space.ok() && other.ok());
  EXPECT_NE(*space, *other);
  EXPECT_EQ(*memories().space("hash-1", 256), *space);
  const int64_t row =
      edit(*store_, MemoryPut{.row = memory("a", "text"), .space = *space, .vector = "12\0 4"}).outcome.row;
  const int64_t scope = only_scope(*store_);
  EXPECT_EQ(visit(*store_, scope, 0, *space).vectors, (std::vector<std::string>{"12"}));
  EXPECT_EQ(visit(*store_, scope, 0, *other).vectors, (std::vector<std::string>{""}));
  EXPECT_EQ(memories().without_vector("w", *space, 0, 10)->size(), 0u);
  EXPECT_EQ(ids(memories().without_vector("w", *other, 0, 10)), (std::vector<std::string>{"a"}));
  EXPECT_EQ(*memories().count_without_vector(everything("w"), *space), 0);
  EXPECT_EQ(*memories().count_without_vector(everything("w"), *other), 1);
  EXPECT_EQ(*memories().count_without_vector(everything("v"), *other), 0);
  // Of another revision: nothing happens. Of this one: it changes, and its revision does not.
  const int64_t before = *memories().newest_change();
  ASSERT_TRUE(
      edit(*store_, MemoryVector{.row = row, .revision = 2, .space = *other, .bytes = "late"}).status.ok());
  EXPECT_EQ(*memories().newest_change(), before);
  const Edited fits =
      edit(*store_, MemoryVector{.row = row, .revision = 1, .space = *other, .bytes = "fits"});
  EXPECT_GT(fits.outcome.change, before);
  EXPECT_EQ(load("a").revision, 1);
  EXPECT_EQ(visit(*store_, scope, before, *other).vectors, (std::vector<std::string>{"fits"}));
  // The same text keeps them, another one has none.
  MemoryRow tagged = memory("a", "text");
  tagged.tags = {"t"};
  ASSERT_TRUE(put(*store_, tagged).status.ok());
  EXPECT_EQ(visit(*store_, scope, 0, *other).vectors, (std::vector<std::string>{"fits"}));
  ASSERT_TRUE(put(*store_, memory("a", "other text")).status.ok());
  EXPECT_EQ(visit(*store_, scope, 0, *other).vectors, (std::vector<std::string>{""}));
  // A space that was dropped takes none, and its number is not used again.
  ASSERT_TRUE(
      edit(*store_, MemoryVector{.row = row, .revision = 3, .space = *other, .bytes = "v"}).status.ok());
  ASSERT_TRUE(memories().drop_space(*other).ok());
  EXPECT_EQ(visit(*store_, scope, 0, *other).vectors, (std::vector<std::string>{""}));
  EXPECT_TRUE(edit(*store_, MemoryVector{.row = row, .revision = 3, .space = *other, .bytes = "v"})
                  .outcome.unchanged);
  EXPECT_GT(*memories().space("hash-1", 384), *other);
  EXPECT_EQ(memories().space("", 3).status().reason(), "invalid_space");
}

TEST_P(MemoriesContract, PurgedMemoriesAreGoneAndTheirNumbersStay) {
  for (const char* id : {"a", "b", "c"}) ASSERT_TRUE(put(*store_, memory(id, id)).status.ok());
  const int64_t scope = only_scope(*store_);
  const int64_t b = load("b").row;
  ASSERT_TRUE(relate(*store_, "a", "b").status.ok());
  ASSERT_TRUE(edit(*store_, MemoryUse{.row = b, .at_ms = 1}).status.ok());
  ASSERT_TRUE(forget(*store_, "c").status.ok());
  const int64_t before = *memories().newest_change();
  EXPECT_EQ(*memories().purge({{scope_of("w"), "b"}, {scope_of("w"), "c"}, {scope_of("w"), "never"}}), 2);
  EXPECT_EQ(missing("b", true), "no_such_memory");
  EXPECT_EQ(missing("c", true), "no_such_memory");
  EXPECT_EQ(memories().edges({load("a").row}, 10, {})->size(), 0u);
  EXPECT_EQ(memories().uses({b})->front().count, 0);
  EXPECT_EQ(memories().match({scope}, {.all = {"b"}, .any = {}}, 10)->size(), 0u);
  const Seen seen = visit(*store_, scope, before);
  EXPECT_EQ(seen.gone.size(), 2u);
  EXPECT_EQ(seen.gone.front(), b);
  EXPECT_EQ(seen.last, *memories().newest_change());
  // Late edits of what is gone do nothing.
  ASSERT_TRUE(edit(*store_, MemoryUse{.row = b, .at_ms = 1}).status.ok());
  EXPECT_EQ(edit(*store_, MemoryVector{.row = b, .revision = 1, .space = 1, .bytes = "v"}).outcome.row, 0);
  const Edited again = put(*store_, memory("b", "anew"));
  EXPECT_GT(again.outcome.row, b);
  EXPECT_EQ(again.outcome.revision, 1);
  EXPECT_EQ(*memories().purge_all(everything()), 2);
  const auto scopes = memories().scopes(everything("w"));
  ASSERT_EQ(scopes->size(), 1u);
  EXPECT_EQ(scopes->front().memories, 0);
  EXPECT_EQ(scopes->front().forgotten, 0);
  EXPECT_EQ(scopes->front().change, *memories().newest_change());
  EXPECT_EQ(*memories().purge({}), 0);
}

// What a filter must cover, told without an index.
bool covers(const MemoryFilter& f, const MemoryRow& r) {
  const auto among = [](const std::vector<SharedString>& names, const SharedString& name) {
    return names.empty() || std::ranges::find(names, name) != names.end();
  };
  return r.scope.workspace == f.workspace && among(f.channels, r.scope.channel) &&
         among(f.actors, r.scope.actor) && ((f.types >> r.type) & 1) != 0 &&
         std::ranges::includes(r.tags, f.tags) && (f.thread.empty() || f.thread == r.thread) &&
         r.source.starts_with(f.source) && r.time_ms >= f.since_ms && r.time_ms <= f.until_ms &&
         f.forgotten == (r.forgotten_ms != 0) && (f.superseded || r.superseded_ms == kEndless);
}

TEST_P(MemoriesContract, ListsCountsAndPagesCoverWhatTheFilterSays) {
  std::mt19937_64 random(7);
  const auto pick = [&](size_t n) { return random() % n; };
  const std::vector<std::string> kSources = {"", "file:a", "file:ab", "file:b\xff", "file:b\xff\xff", "s"};
  std::vector<MemoryRow> all;
  for (int i = 0; i < 400; ++i) {
    MemoryRow row = memory("m" + std::to_string(i), "text",
                           {.workspace = pick(5) == 0 ? "v" : "w",
                            .channel = "c" + std::to_string(pick(3)),
                            .actor = std::string(pick(3), 'a')});
    row.type = static_cast<uint8_t>(pick(8));
    for (const char* tag : {"x", "xy", "z"})
      if (pick(2) == 0) row.tags.emplace_back(tag);
    row.thread = pick(2) == 0 ? "" : "t" + std::to_string(pick(3));
    row.source = kSources[pick(kSources.size())];
    row.time_ms = static_cast<int64_t>(pick(20));
    if (pick(4) == 0) row.superseded_ms = 9;
    ASSERT_TRUE(put(*store_, row).status.ok());
    if (pick(4) == 0) { ASSERT_TRUE(forget(*store_, row.id, 77, row.scope).status.ok()); }
    all.push_back(load(row.id, row.scope, true));
  }
  for (int round = 0; round < 300; ++round) {
    MemoryFilter f = everything(pick(5) == 0 ? "v" : "w");
    if (pick(3) == 0) f.channels = {"c0", "c2"};
    if (pick(3) == 0) f.actors = {"", "aa"};
    if (pick(3) == 0) f.types = static_cast<uint32_t>(random());
    if (pick(3) == 0) f.tags = {"x"};
    if (pick(9) == 0) f.tags = {"x", "z"};
    if (pick(4) == 0) f.thread = "t1";
    if (pick(4) == 0) f.source = kSources[1 + pick(kSources.size() - 1)];
    if (pick(4) == 0) f.since_ms = static_cast<int64_t>(pick(20));
    if (pick(4) == 0) f.until_ms = static_cast<int64_t>(pick(20));
    f.forgotten = pick(4) == 0;
    f.superseded = pick(2) == 0;
    std::vector<MemoryRow> want;
    for (const MemoryRow& row : all)
      if (covers(f, row)) want.push_back(row);
    const auto numbers = [](const std::vector<MemoryRow>& rows) {
      std::vector<int64_t> out;
      for (const MemoryRow& row : rows) out.push_back(row.row);
      return out;
    };
    EXPECT_EQ(*memories().count(f), static_cast<int64_t>(want.size()));
    std::vector<MemoryRow> paged;
    for (int64_t after = 0;;) {
      const auto page = memories().list(f, after, 1 + pick(30));
      ASSERT_TRUE(page.ok()) << page.status().to_string();
      if (page->empty()) break;
      paged.insert(paged.end(), page->begin(), page->end());
      after = page->back().row;
    }
    EXPECT_EQ(numbers(paged), numbers(want));
    std::ranges::sort(want, [](const MemoryRow& a, const MemoryRow& b) {
      return std::pair(a.time_ms, a.row) > std::pair(b.time_ms, b.row);
    });
    paged.clear();
    for (int64_t time = INT64_MAX, row = INT64_MAX;;) {
      const auto page = memories().list_newest(f, time, row, 1 + pick(30));
      ASSERT_TRUE(page.ok()) << page.status().to_string();
      if (page->empty()) break;
      paged.insert(paged.end(), page->begin(), page->end());
      time = page->back().time_ms;
      row = page->back().row;
    }
    EXPECT_EQ(numbers(paged), numbers(want));
  }
}

TEST_P(MemoriesContract, AVisitOfManyChangesMissesAndRepeatsNothing) {
  Batch batch;
  for (int i = 0; i < 1500; ++i)
    batch.memories.push_back({.what = MemoryPut{.row = memory("m" + std::to_string(i), "text")}});
  ASSERT_TRUE(append(*store_, std::move(batch)).status.ok());
  MemoryFilter some = everything();
  some.since_ms = 1001;
  ASSERT_EQ(*memories().purge_all(some), 0);
  std::vector<MemoryRef> refs;
  for (int i = 0; i < 1500; i += 2) refs.push_back({scope_of("w"), "m" + std::to_string(i)});
  ASSERT_EQ(*memories().purge(refs), 750);
  for (int i = 1; i < 1500; i += 30) {
    ASSERT_TRUE(put(*store_, memory("m" + std::to_string(i), "other")).status.ok());
  }
  const Seen all = visit(*store_, only_scope(*store_));
  EXPECT_EQ(all.rows.size(), 750u);
  EXPECT_EQ(all.gone.size(), 750u);
  EXPECT_TRUE(std::ranges::is_sorted(all.order));
  EXPECT_EQ(std::ranges::adjacent_find(all.order), all.order.end());
  Seen some_of_them;
  some_of_them.most = 3;
  ASSERT_TRUE(memories().visit_changes(only_scope(*store_), 0, 0, some_of_them).ok());
  EXPECT_EQ(some_of_them.rows.size(), 3u);
}

INSTANTIATE_TEST_SUITE_P(Stores, MemoriesContract, testing::Bool(),
                         [](const auto& store) { return store.param ? "sqlite" : "memory"; });

}  // namespace
}  // namespace tau::store
