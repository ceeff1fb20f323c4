// Calls that wait for an approval: of all decisions the first counts, whoever makes it and however it is cut
// off.
#include <gtest/gtest.h>

#include <chrono>
#include <random>
#include <thread>

#include "child.h"
#include "raw_database.h"
#include "store_fixture.h"

namespace tau::store {
namespace {

using Kind = ApprovalEdit::Kind;

class StoreApprovals : public testing::Test {
 protected:
  std::unique_ptr<Store> open(bool read_only = false) {
    auto opened = open_store({.path = path(), .read_only = read_only}, clock_);
    EXPECT_TRUE(opened.ok()) << opened.status().to_string();
    return opened.ok() ? *std::move(opened) : nullptr;
  }
  std::string path() const { return dir_.file("tau.db"); }

  static ApprovalRow row_of(std::string_view id, int64_t lease_epoch, std::string_view session = "ses_a") {
    ApprovalRow row;
    row.id = id;
    row.session_id = session;
    row.run_id = "run_a";
    row.call_id = "call_1";
    row.tool = "write";
    row.arguments = R"({"path":"kept-in-the-row"})";
    row.argument_bytes = static_cast<int64_t>(row.arguments.size());
    row.binding = "binding";
    row.lease_epoch = lease_epoch;
    row.created_ms = 1'700'000'000'000;
    return row;
  }
  static Status edit(Store& store, ApprovalEdit edit) {
    Batch batch;
    batch.approvals.push_back(std::move(edit));
    return append(store, std::move(batch)).status;
  }
  static Status ask(Store& store, const ApprovalRow& row) {
    return edit(store, {.kind = Kind::kAsk, .id = row.id, .row = std::make_shared<const ApprovalRow>(row)});
  }
  static Status change(Store& store, Kind kind, std::string_view id, bool allow = false) {
    return edit(store, {.kind = kind, .id = id, .decision = {.allow = allow, .decider = "host"}});
  }
  Status decide(Store& store, std::string_view id, bool allow = true, std::string_view who = "bob") {
    return store.decide_approval(id, {.allow = allow, .decider = who, .note = "n", .time_ms = clock_.now_ms});
  }

  TempDir dir_;
  FixedClock clock_;
};

TEST_F(StoreApprovals, AreSeenAndDecidedByAnotherStore) {
  const auto asker = open();
  const auto other = open();
  const auto lease = *asker->acquire("session:ses_a");
  ASSERT_TRUE(ask(*asker, row_of("apr_1", lease.epoch)).ok());
  const auto rows = *other->list_approvals(false);
  ASSERT_EQ(rows.size(), 1u);
  EXPECT_EQ(rows[0].tool, "write");
  EXPECT_TRUE(rows[0].alive);
  EXPECT_EQ(rows[0].arguments, "") << "lists are short";
  EXPECT_EQ(other->load_approval("apr_1")->arguments, R"({"path":"kept-in-the-row"})");
  EXPECT_EQ(open(/*read_only=*/true)->load_approval("apr_1")->alive, true);

  std::promise<ApprovalDecision> told;
  asker->watch_approval("apr_1", [&](const ApprovalDecision& decision) { told.set_value(decision); });
  (void)asker->flush();
  ASSERT_TRUE(decide(*other, "apr_1", true, "bob").ok());
  auto decision = told.get_future();
  ASSERT_EQ(decision.wait_for(std::chrono::seconds(5)), std::future_status::ready);
  EXPECT_EQ(decision.get().decider, "bob");
  EXPECT_EQ(decide(*other, "apr_1", false, "eve").reason(), "approval_decided");
  EXPECT_EQ(change(*asker, Kind::kAnswer, "apr_1", true).reason(), "approval_decided");
  ASSERT_TRUE(change(*asker, Kind::kApply, "apr_1").ok());
  EXPECT_TRUE(other->list_approvals(false)->empty());
  const auto all = *other->list_approvals(true);
  ASSERT_EQ(all.size(), 1u);
  EXPECT_EQ(all[0].state, ApprovalState::kApplied);
  EXPECT_EQ(RawDatabase(path()).text("SELECT arguments FROM approvals"), "") << "no longer than they wait";
}

TEST_F(StoreApprovals, ADecisionOfTheSameStoreIsToldToo) {
  const auto store = open();
  const auto lease = *store->acquire("session:ses_a");
  std::promise<bool> told;
  store->watch_approval("apr_1", [&](const ApprovalDecision& decision) { told.set_value(decision.allow); });
  ASSERT_TRUE(ask(*store, row_of("apr_1", lease.epoch)).ok());
  ASSERT_TRUE(decide(*store, "apr_1", false).ok());
  auto allow = told.get_future();
  ASSERT_EQ(allow.wait_for(std::chrono::seconds(5)), std::future_status::ready);
  EXPECT_FALSE(allow.get());
}

TEST_F(StoreApprovals, AreRefusedWhenNobodyCouldTakeThemUp) {
  const auto store = open();
  const auto lease = *store->acquire("session:ses_a");
  EXPECT_EQ(decide(*store, "apr_none").reason(), "approval_unknown");
  ApprovalRow timed = row_of("apr_time", lease.epoch);
  timed.expires_ms = clock_.now_ms + 10;
  ASSERT_TRUE(ask(*store, timed).ok());
  clock_.now_ms += 10;
  EXPECT_EQ(decide(*store, "apr_time").reason(), "approval_expired");
  ASSERT_TRUE(change(*store, Kind::kExpire, "apr_time").ok());
  EXPECT_EQ(decide(*store, "apr_time").reason(), "approval_withdrawn");
  ASSERT_TRUE(ask(*store, row_of("apr_gone", lease.epoch)).ok());
  ASSERT_TRUE(change(*store, Kind::kWithdraw, "apr_gone").ok());
  EXPECT_EQ(decide(*store, "apr_gone").reason(), "approval_withdrawn");
  EXPECT_EQ(change(*store, Kind::kAnswer, "apr_gone").reason(), "approval_unknown");
  ASSERT_TRUE(ask(*store, row_of("apr_stale", lease.epoch)).ok());
  ASSERT_TRUE(store->release(lease).ok());
  EXPECT_EQ(decide(*store, "apr_stale").reason(), "approval_stale");
  ASSERT_TRUE(store->acquire("session:ses_a").ok());  // with another epoch: who asked is not who holds it now
  EXPECT_EQ(decide(*store, "apr_stale").reason(), "approval_stale");
}

TEST_F(StoreApprovals, ADecisionThatIsReturnedCanBeMadeAgain) {
  const auto store = open();
  const auto lease = *store->acquire("session:ses_a");
  ASSERT_TRUE(ask(*store, row_of("apr_1", lease.epoch)).ok());
  ASSERT_TRUE(decide(*store, "apr_1", true, "eve").ok());
  ASSERT_TRUE(change(*store, Kind::kReturn, "apr_1").ok());
  EXPECT_EQ(store->load_approval("apr_1")->decision.decider, "");
  EXPECT_TRUE(decide(*store, "apr_1", true, "bob").ok());
}

TEST_F(StoreApprovals, GoWithTheirSessionAndStayOutOfBackups) {
  const auto store = open();
  fill_session(*store, "ses_a", 1);
  const auto lease = *store->acquire("session:ses_a");
  ASSERT_TRUE(ask(*store, row_of("apr_1", lease.epoch)).ok());
  ASSERT_TRUE(store->backup(dir_.file("copy.db")).ok());
  EXPECT_EQ(RawDatabase(dir_.file("copy.db")).text("SELECT count(*) FROM approvals"), "0");
  ASSERT_TRUE(store->remove_session("ses_a").ok());
  EXPECT_TRUE(store->list_approvals(true)->empty());
  EXPECT_FALSE(directory_holds(dir_.path(), "kept-in-the-row"));
}

TEST_F(StoreApprovals, AreForgottenAfterADayAndNeverGrowWithoutEnd) {
  const auto store = open();
  const auto lease = *store->acquire("session:ses_a");
  ASSERT_TRUE(ask(*store, row_of("apr_old", lease.epoch)).ok());
  ASSERT_TRUE(change(*store, Kind::kAnswer, "apr_old").ok());
  ASSERT_TRUE(ask(*store, row_of("apr_waits", lease.epoch)).ok());
  ApprovalRow later = row_of("apr_new", lease.epoch);
  later.created_ms += kApprovalKeptMs + 1;
  ASSERT_TRUE(ask(*store, later).ok());
  const auto rows = *store->list_approvals(true);
  ASSERT_EQ(rows.size(), 2u);
  EXPECT_EQ(rows[0].id, "apr_waits");
  // What a process that died left is gone with the next question of its session.
  ASSERT_TRUE(ask(*store, row_of("apr_next", lease.epoch + 1)).ok());
  EXPECT_EQ(store->list_approvals(true)->size(), 1u);
  RawDatabase(path()).exec(
      "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 5000) INSERT INTO approvals"
      " SELECT 'many' || i, 'x', 'r', 'c', 't', '', '', '', 0, '', 0, '', '', '', '', 0, 0, 1, i, 0, 0, 0, "
      "'', '', 0"
      " FROM n");
  ASSERT_TRUE(ask(*store, row_of("apr_last", lease.epoch + 1)).ok());
  EXPECT_EQ(store->list_approvals(true)->size(), kMaxApprovalRows);
  EXPECT_TRUE(store->load_approval("apr_last").ok());
}

TEST_F(StoreApprovals, WhoMayNotDecideIsTold) {
  ASSERT_NE(open(), nullptr);
  EXPECT_EQ(decide(*open(/*read_only=*/true), "apr_1").reason(), "store_read_only");
  const auto memory = make_memory_store(clock_);
  EXPECT_EQ(memory->list_approvals(true).status().reason(), "no_database");
  EXPECT_EQ(memory->load_approval("apr_1").status().reason(), "no_database");
  EXPECT_EQ(decide(*memory, "apr_1").reason(), "no_database");
}

// Deciders in processes of their own, the host of the process that waits and the end of the time, all at
// once.
TEST_F(StoreApprovals, OfDecisionsThatRaceOneCounts) {
  constexpr int kRounds = 40;
  constexpr int kDeciders = 3;
  std::vector<std::unique_ptr<Child>> children;
  for (int d = 0; d < kDeciders; ++d)
    children.push_back(std::make_unique<Child>([this, d](Child& self) {
      self.ready();
      self.wait_for_parent();
      const auto store = open();
      const std::string me = format("decider_{}", d);
      bool sound = store != nullptr;
      for (int i = 0; i < kRounds && sound; ++i) {
        const std::string id = format("apr_{}", i);
        while (!store->load_approval(id).ok()) std::this_thread::yield();
        const Status mine = decide(*store, id, d % 2 == 0, me);
        const auto row = store->load_approval(id);
        sound = row.ok() && mine.ok() == (row->decision.decider == me);
      }
      return sound;
    }));
  for (auto& child : children) child->await_ready();
  const auto store = open();
  const auto lease = *store->acquire("session:ses_a");
  for (auto& child : children) child->go_on();
  for (int i = 0; i < kRounds; ++i) {
    const std::string id = format("apr_{}", i);
    ASSERT_TRUE(ask(*store, row_of(id, lease.epoch)).ok());
    if (i % 3 != 0) std::this_thread::sleep_for(std::chrono::microseconds(i * 50));
    const Status mine = change(*store, i % 2 == 0 ? Kind::kAnswer : Kind::kExpire, id, true);
    const auto row = store->load_approval(id);
    ASSERT_TRUE(row.ok());
    EXPECT_EQ(mine.ok(), row->decision.decider == "host");
    if (!mine.ok()) { EXPECT_EQ(mine.reason(), "approval_decided"); }
  }
  for (auto& child : children) EXPECT_TRUE(child->finish());
}

TEST_F(StoreApprovals, OfAKilledProcessAreStaleAndDecidedByNobody) {
  Child child([this](Child& self) {
    const auto store = open();
    const auto lease = store->acquire("session:ses_a");
    const bool asked = lease.ok() && ask(*store, row_of("apr_1", lease->epoch)).ok();
    self.ready();
    self.wait_for_parent();
    return asked;
  });
  child.await_ready();
  {
    const auto store = open();
    EXPECT_TRUE(store->load_approval("apr_1")->alive);
    ASSERT_TRUE(decide(*store, "apr_1").ok());
    child.kill();
    EXPECT_FALSE(store->load_approval("apr_1")->alive) << "decided, and taken up by nobody";
  }
  const auto store = open();
  EXPECT_EQ(decide(*store, "apr_1").reason(), "approval_decided");
  ASSERT_TRUE(ask(*store, row_of("apr_2", store->acquire("session:ses_a")->epoch)).ok());
  EXPECT_EQ(store->load_approval("apr_1").status().reason(), "approval_unknown");
}

// Each kill leaves the row undecided or decided, never half.
TEST_F(StoreApprovals, ADeciderThatIsKilledDecidedOrDidNot) {
  std::mt19937 random(7);
  for (int i = 0; i < 20; ++i) {
    const std::string id = format("apr_{}", i);
    Child child([&](Child& self) {
      self.ready();
      self.wait_for_parent();
      const auto store = open();
      return decide(*store, id, true, "killed").ok();
    });
    child.await_ready();
    {
      const auto store = open();
      const auto lease = *store->acquire("session:ses_a");
      ASSERT_TRUE(ask(*store, row_of(id, lease.epoch)).ok());
      child.go_on();
      std::this_thread::sleep_for(std::chrono::microseconds(random() % 6000));
      child.kill();
      const auto row = *store->load_approval(id);
      const bool decided = row.state == ApprovalState::kDecided;
      EXPECT_EQ(row.decision.decider, decided ? "killed" : "");
      EXPECT_EQ(decide(*store, id, false, "second").ok(), !decided);
      (void)store->release(lease);
    }
  }
}

}  // namespace
}  // namespace tau::store
