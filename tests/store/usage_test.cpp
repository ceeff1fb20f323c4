// Usage is counted once, with the row that tells of it: over refusals, crashes, removals and processes.
#include <gtest/gtest.h>

#include "child.h"
#include "raw_database.h"
#include "store_fixture.h"

namespace tau::store {
namespace {

constexpr int64_t kDay = 86'400'000;

class StoreUsage : public testing::Test {
 protected:
  std::string path() const { return dir_.file("tau.db"); }
  std::unique_ptr<Store> open() {
    auto store = open_store({.path = path()}, clock_);
    EXPECT_TRUE(store.ok()) << store.status().to_string();
    return store.ok() ? *std::move(store) : nullptr;
  }

  TempDir dir_;
  FixedClock clock_;
};

UsageNote note(std::string_view session, std::string_view model = "a/one", int64_t day = 0) {
  return {.session_id = session,
          .principal = "local",
          .model = model,
          .route = "",
          .time_ms = day * kDay + 1,
          .counts = {.calls = 1,
                     .failures = 0,
                     .unpriced = 1,
                     .input = 10,
                     .cached_input = 4,
                     .cache_write = 2,
                     .output = 5,
                     .reasoning = 3,
                     .cost_usd_micros = 7}};
}

Batch call(std::string_view session, int64_t seq, UsageNote used) {
  Batch batch;
  const std::string run = "run_" + std::string(session);
  if (seq == 0) batch.run = run_record(run, session);
  batch.rows = {row(run, seq, "answer")};
  batch.session = session_record(session);
  batch.usage = {std::move(used)};
  return batch;
}

UsageReport report(Store& store, UsageAsk ask) {
  auto made = store.report_usage(ask);
  EXPECT_TRUE(made.ok()) << made.status().to_string();
  return made.ok() ? *std::move(made) : UsageReport();
}

TEST_F(StoreUsage, SumsAreToldApartByWhatIsAsked) {
  auto store = open();
  ASSERT_NE(store, nullptr);
  int64_t seq = 0;
  for (const char* model : {"a/one", "a/two", "a/one"})
    for (const int64_t day : {1, 2})
      ASSERT_TRUE(append(*store, call("ses_a", seq++, note("ses_a", model, day))).status.ok());
  UsageNote routed = note("ses_b", "a/two", 2);
  routed.route = "main";
  routed.principal = "ann";
  ASSERT_TRUE(append(*store, call("ses_b", 0, routed)).status.ok());

  const UsageReport whole = report(*store, {});
  ASSERT_EQ(whole.rows.size(), 1u);
  EXPECT_EQ(whole.rows[0].counts.calls, 7);
  EXPECT_EQ(whole.total.input, 70);
  EXPECT_EQ(whole.total.cached_input, 28);
  EXPECT_EQ(whole.total.cache_write, 14);
  EXPECT_EQ(whole.total.output, 35);
  EXPECT_EQ(whole.total.reasoning, 21);
  EXPECT_EQ(whole.total.cost_usd_micros, 49);
  EXPECT_EQ(whole.total.unpriced, 7);

  const UsageReport models = report(*store, {.by_model = true});
  ASSERT_EQ(models.rows.size(), 2u);
  EXPECT_EQ(models.rows[0].model, "a/one");  // the dearer one
  EXPECT_EQ(models.rows[0].counts.calls, 4);
  EXPECT_EQ(models.rows[1].counts.calls, 3);

  const UsageReport days = report(*store, {.by_day = true, .by_session = true, .since_day = 2});
  ASSERT_EQ(days.rows.size(), 2u);
  EXPECT_EQ(days.rows[0].day, 2);
  EXPECT_EQ(days.rows[0].session, "ses_a");
  EXPECT_EQ(days.total.calls, 4);
  EXPECT_EQ(report(*store, {.until_day = 1}).total.calls, 3);

  const UsageReport routes = report(*store, {.by_principal = true, .by_route = true, .limit = 1});
  ASSERT_EQ(routes.rows.size(), 1u);
  EXPECT_TRUE(routes.more);
  EXPECT_EQ(routes.rows[0].principal, "local");
  EXPECT_EQ(routes.total.calls, 7);
}

TEST_F(StoreUsage, ARefusedBatchCountsNothing) {
  auto store = open();
  ASSERT_NE(store, nullptr);
  ASSERT_TRUE(append(*store, call("ses_a", 0, note("ses_a"))).status.ok());
  EXPECT_EQ(append(*store, call("ses_a", 7, note("ses_a"))).status.reason(), "wrong_seq");
  Batch late = call("ses_a", 1, note("ses_a", "a/new"));
  late.session->head_entry = "nothing";
  EXPECT_FALSE(append(*store, std::move(late)).status.ok());
  EXPECT_EQ(report(*store, {}).total.calls, 1);
  ASSERT_TRUE(append(*store, call("ses_a", 1, note("ses_a", "a/new"))).status.ok());
  EXPECT_EQ(report(*store, {}).total.calls, 2);
}

TEST_F(StoreUsage, RemovedSessionsKeepTheirSumsByDayAndModel) {
  auto store = open();
  ASSERT_NE(store, nullptr);
  for (const char* session : {"ses_a", "ses_b", "ses_c"})
    ASSERT_TRUE(append(*store, call(session, 0, note(session))).status.ok());
  ASSERT_TRUE(store->remove_session("ses_a").ok());
  ASSERT_TRUE(store->remove_session("ses_b").ok());
  const UsageReport rows = report(*store, {.by_model = true, .by_session = true});
  ASSERT_EQ(rows.rows.size(), 2u);
  EXPECT_EQ(rows.rows[0].session, "");
  EXPECT_EQ(rows.rows[0].counts.calls, 2);
  EXPECT_EQ(rows.rows[0].counts.cost_usd_micros, 14);
  EXPECT_EQ(rows.rows[1].session, "ses_c");
  EXPECT_EQ(rows.total.calls, 3);
  // The id is used again, on the connection that remembers its place.
  Batch again = call("ses_a", 1, note("ses_a"));
  ASSERT_TRUE(append(*store, std::move(again)).status.ok());
  EXPECT_EQ(report(*store, {.by_session = true}).rows.size(), 3u);
  EXPECT_EQ(report(*store, {}).total.calls, 4);
}

TEST_F(StoreUsage, SeveralConnectionsAddToOneSum) {
  auto one = open();
  auto two = open();
  ASSERT_NE(one, nullptr);
  ASSERT_NE(two, nullptr);
  for (int64_t i = 0; i < 20; ++i)
    ASSERT_TRUE(append(i % 2 == 0 ? *one : *two, call("ses_a", i, note("ses_a"))).status.ok());
  EXPECT_EQ(report(*one, {}).total.calls, 20);
  ASSERT_TRUE(two->remove_session("ses_a").ok());
  ASSERT_TRUE(append(*one, call("ses_a", 20, note("ses_a"))).status.ok());
  EXPECT_EQ(report(*two, {}).total.calls, 21);
}

TEST_F(StoreUsage, WhatServersClaimCannotBreakASum) {
  auto store = open();
  ASSERT_NE(store, nullptr);
  UsageNote hostile = note("ses_a");
  hostile.counts.input = std::numeric_limits<int64_t>::max();
  hostile.counts.output = std::numeric_limits<int64_t>::min();
  hostile.model = std::string("a/'; DROP TABLE usage;--\xff");
  for (int64_t i = 0; i < 3; ++i) ASSERT_TRUE(append(*store, call("ses_a", i, hostile)).status.ok());
  EXPECT_EQ(report(*store, {}).total.input, 3 * kMostOfACall);
  EXPECT_EQ(report(*store, {}).total.output, 0);
}

TEST_F(StoreUsage, AfterACrashThereIsOneCallForEachRow) {
  for (int round = 0; round < 3; ++round) {
    const std::string session = "ses_" + std::to_string(round);
    Child child([&](Child& self) {
      auto store = open();
      if (store == nullptr) return false;
      const auto go_on = [&](int64_t i) {
        store->append(call(session, i, note(session)), [](const Status&, Lsn) {});
      };
      int64_t i = 0;
      while (i < 3) go_on(i++);
      if (!store->flush().ok()) return false;
      self.ready();
      for (;;) go_on(i++);
    });
    child.await_ready();
    ::usleep(50'000);
    child.kill();
  }
  auto store = open();
  ASSERT_NE(store, nullptr);
  const int64_t calls = report(*store, {}).total.calls;
  EXPECT_GE(calls, 9);
  EXPECT_EQ(std::to_string(calls), RawDatabase(path()).text("SELECT count(*) FROM journal"));
}

TEST_F(StoreUsage, WhatWasUsedBeforeCountsByTheLastChangeOfItsSession) {
  ASSERT_NE(open(), nullptr);
  RawDatabase(path()).exec(
      std::string(kDropMemories) +
      "DROP TABLE usage; DROP TABLE usage_counts; PRAGMA user_version = 4;"
      "INSERT INTO sessions VALUES('s', '', '', '', '', 'a/one', 0, 172800000, 3, 10, 20, 30, '');"
      "INSERT INTO sessions VALUES('t', '', '', '', '', 'a/one', 0, 172800000, 0, 0, 0, 0, '')");
  auto store = open();
  ASSERT_NE(store, nullptr);
  const UsageReport days = report(*store, {.by_day = true, .by_model = true, .by_session = true});
  ASSERT_EQ(days.rows.size(), 1u);
  EXPECT_EQ(days.rows[0].day, 2);
  EXPECT_EQ(days.rows[0].model, "a/one");
  EXPECT_EQ(days.rows[0].counts.output, 20);
  EXPECT_EQ(days.rows[0].counts.calls, 0);
}

TEST(MemoryUsage, AStoreWithoutADiskSaysSo) {
  FixedClock clock;
  auto store = make_memory_store(clock);
  ASSERT_TRUE(append(*store, call("ses_a", 0, note("ses_a"))).status.ok());
  EXPECT_EQ(store->report_usage({}).status().reason(), "no_database");
}

}  // namespace
}  // namespace tau::store
