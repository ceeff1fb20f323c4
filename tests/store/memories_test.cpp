// The contract of memories.h, held against every implementation.
#include <gtest/gtest.h>

#include "memories_fixture.h"

namespace tau::store {
namespace {

class MemoriesContract : public testing::TestWithParam<bool> {
 protected:
  void SetUp() override {
    if (!durable()) store_ = make_memory_store(clock_);
    reopen();
  }
  bool durable() const { return GetParam(); }
  void reopen() {
    if (!durable()) return;
    store_.reset();
    auto opened = open_store({.path = dir_.file("tau.db")}, clock_);
    ASSERT_TRUE(opened.ok()) << opened.status().to_string();
    store_ = std::move(*opened);
  }
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

  TempDir dir_;
  FixedClock clock_;
  std::unique_ptr<Store> store_;
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

INSTANTIATE_TEST_SUITE_P(Stores, MemoriesContract, testing::Bool(),
                         [](const auto& info) { return info.param ? "sqlite" : "memory"; });

}  // namespace
}  // namespace tau::store
