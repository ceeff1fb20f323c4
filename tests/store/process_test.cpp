// Several processes on one database: leases, dead owners, creation at the same moment, interleaved writing.
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include "child.h"
#include "raw_database.h"
#include "store_fixture.h"

namespace tau::store {
namespace {

class StoreProcesses : public testing::Test {
 protected:
  std::unique_ptr<Store> open() {
    auto store = open_store({.path = path()}, clock_);
    if (store.ok()) return std::move(*store);
    std::fprintf(stderr, "open_store: %s\n", store.status().to_string().c_str());  // of a child, too
    return nullptr;
  }
  std::string path() const { return dir_.file("tau.db"); }
  // Holds the lease until told to go on, then releases it.
  auto holder() {
    return [this](Child& self) {
      auto store = open();
      const auto lease = store->acquire("session:a");
      self.ready();
      self.wait_for_parent();
      return lease.ok() && store->release(*lease).ok();
    };
  }

  TempDir dir_;
  FixedClock clock_;
};

TEST_F(StoreProcesses, ALivingOwnerIsNamedAndKeepsItsLease) {
  Child child(holder());
  child.await_ready();
  auto store = open();
  ASSERT_NE(store, nullptr);
  const auto refused = store->acquire("session:a");
  EXPECT_EQ(refused.status().code(), Code::kUnavailable);
  EXPECT_EQ(refused.status().reason(), "session_busy");
  EXPECT_NE(refused.status().message().find(std::to_string(child.pid())), std::string_view::npos);
  EXPECT_TRUE(refused.status().retryable());
  Batch batch;
  batch.session = session_record("a");
  ASSERT_TRUE(append(*store, std::move(batch)).status.ok());
  EXPECT_EQ(store->remove_session("a").reason(), "session_busy");
  child.go_on();
  EXPECT_TRUE(child.finish());
  EXPECT_TRUE(store->acquire("session:a").ok());
  EXPECT_TRUE(store->remove_session("a").ok());
}

TEST_F(StoreProcesses, ALeaseOfAKilledProcessIsTakenOverWithAHigherEpoch) {
  Child child(holder());
  child.await_ready();
  const std::string before = RawDatabase(path()).text("SELECT epoch FROM leases");
  child.kill();
  auto store = open();
  ASSERT_NE(store, nullptr);
  const auto lease = store->acquire("session:a");
  ASSERT_TRUE(lease.ok()) << lease.status().to_string();
  EXPECT_EQ(lease->epoch, std::stoll(before) + 1);
}

// Runs `sql` on a lease that this process holds, as if another process had written it.
class StoreForeignLease : public StoreProcesses, public testing::WithParamInterface<const char*> {};

TEST_P(StoreForeignLease, AnOwnerThatCannotBeAliveLosesItsLeaseAndItsAppends) {
  auto store = open();
  ASSERT_NE(store, nullptr);
  fill_session(*store, "ses_a", 1);
  const auto mine = store->acquire("session:a");
  ASSERT_TRUE(mine.ok());
  RawDatabase(path()).exec(GetParam());
  const auto next = store->acquire("session:a");
  ASSERT_TRUE(next.ok()) << next.status().to_string();
  EXPECT_EQ(next->epoch, mine->epoch + 1);
  Batch stale;
  stale.fence = *mine;
  stale.rows = {row("run_ses_a", 1, "stale")};
  EXPECT_EQ(append(*store, std::move(stale)).status.reason(), "lease_lost");
  EXPECT_EQ(store->release(*mine).reason(), "lease_lost");
}

INSTANTIATE_TEST_SUITE_P(Signs, StoreForeignLease,
                         testing::Values("UPDATE leases SET boot_id = 'another boot'",
                                         "UPDATE leases SET start_time = start_time + 1",
                                         "UPDATE leases SET pid = 4194305"));  // above every pid_max

TEST_F(StoreProcesses, ManyProcessesCreateOneDatabaseAtOnce) {
  constexpr int kProcesses = 6;
  std::vector<std::unique_ptr<Child>> children;
  for (int i = 0; i < kProcesses; ++i) {
    children.push_back(std::make_unique<Child>([this, i](Child& self) {
      self.ready();
      self.wait_for_parent();
      auto store = open();
      if (store == nullptr) return false;
      Batch batch;
      batch.run = run_record("run_" + std::to_string(i));
      batch.rows = {row(batch.run->id, 0, "first")};
      return append(*store, std::move(batch)).status.ok();
    }));
  }
  for (auto& child : children) child->await_ready();
  for (auto& child : children) child->go_on();
  for (auto& child : children) EXPECT_TRUE(child->finish());
  EXPECT_EQ(RawDatabase(path()).text("SELECT count(*) FROM runs"), std::to_string(kProcesses));
  EXPECT_EQ(RawDatabase(path()).text("PRAGMA user_version"), "8");
  EXPECT_EQ(RawDatabase(path()).text("PRAGMA integrity_check"), "ok");
}

TEST_F(StoreProcesses, TwoProcessesThatWriteOneRunInTurnsKeepOneChain) {
  Child child([this](Child& self) {
    auto store = open();
    bool good = store != nullptr;
    for (int64_t i = 0; good && i < 20; i += 2) {
      self.wait_for_parent();
      Batch batch;
      if (i == 0) batch.run = run_record("run_1");
      batch.rows = {row("run_1", i, "child")};
      good = append(*store, std::move(batch)).status.ok();
      self.ready();
    }
    return good;
  });
  auto store = open();
  ASSERT_NE(store, nullptr);
  for (int64_t i = 1; i < 20; i += 2) {
    child.go_on();
    child.await_ready();
    Batch batch;  // the head that this process remembers is stale by now
    batch.rows = {row("run_1", i, "parent")};
    ASSERT_TRUE(append(*store, std::move(batch)).status.ok());
  }
  EXPECT_TRUE(child.finish());
  EXPECT_EQ(store->load_journal("run_1", 0)->size(), 20u);
  EXPECT_TRUE(store->verify_chain("run_1").ok());
}

TEST_F(StoreProcesses, AProcessKilledWhileItWritesLosesNothingAcknowledged) {
  for (int round = 0; round < 5; ++round) {
    const std::string run = "run_" + std::to_string(round);
    int acknowledged[2];
    ASSERT_EQ(::pipe(acknowledged), 0);
    Child child([&](Child& self) {
      auto store = open();
      Batch batch;
      batch.run = run_record(run);
      if (!append(*store, std::move(batch)).status.ok()) return false;
      self.ready();
      for (int64_t i = 0;; ++i) {
        Batch more;
        more.rows = {row(run, 2 * i, "a"), row(run, 2 * i + 1, "b")};
        store->append(std::move(more), [&](Status status, Lsn) {
          if (status.ok()) (void)!::write(acknowledged[1], "k", 1);
        });
        if (i % 8 == 0) (void)store->flush();
      }
    });
    child.await_ready();
    int64_t kept = 0;
    char c = 0;
    for (; kept < 20 + round * 7; ++kept) ASSERT_EQ(::read(acknowledged[0], &c, 1), 1);
    child.kill();
    ::close(acknowledged[1]);
    while (::read(acknowledged[0], &c, 1) == 1) ++kept;
    ::close(acknowledged[0]);
    auto store = open();
    ASSERT_NE(store, nullptr);
    const auto journal = store->load_journal(run, 0);
    ASSERT_TRUE(journal.ok());
    EXPECT_GE(static_cast<int64_t>(journal->size()), 2 * kept);
    EXPECT_EQ(journal->size() % 2, 0u);
    EXPECT_TRUE(store->verify_chain(run).ok());
  }
  EXPECT_EQ(RawDatabase(path()).text("PRAGMA integrity_check"), "ok");
}

}  // namespace
}  // namespace tau::store
