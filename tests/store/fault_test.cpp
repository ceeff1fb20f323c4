// I/O errors and full disks at every operation: never a crash, never a lie.
#include <gtest/gtest.h>

#include "crash_vfs.h"
#include "store_fixture.h"
#include "workload.h"

namespace tau::store {
namespace {

class StoreFault : public testing::Test {
 protected:
  StatusOr<std::unique_ptr<Store>> open() {
    return open_store({.path = dir_.file("tau.db"), .vfs = vfs_.name()}, clock_);
  }

  CrashVfs vfs_{"tau_fault"};
  TempDir dir_;
  FixedClock clock_;
};

// One open, work, lease, removal and close, with whatever fault is set. Returns whether the store opened.
bool exercise(const std::string& path, const std::string& vfs, Workload* workload) {
  FixedClock clock;
  auto store = open_store({.path = path, .vfs = vfs}, clock);
  if (!store.ok()) return false;
  workload->run(**store, 4);
  (void)(*store)->acquire("session:a");
  (void)(*store)->list_sessions(10, "");
  (void)(*store)->remove_session("none");
  workload->run(**store, 3);
  return true;
}

// Plants the fault at operation `n`, works, heals the disk and judges, both what the page cache kept and what
// a power failure right after the trouble would leave.
void check_fault(int64_t n, CrashVfs::Fault fault, bool* reached) {
  TempDir dir;
  CrashVfs vfs("tau_fault_loop");
  Workload workload(static_cast<uint64_t>(n));
  const std::string path = dir.file("tau.db");
  fault.at = n;
  const int64_t before = vfs.operations();
  vfs.set_fault(fault);
  exercise(path, vfs.name(), &workload);
  *reached = vfs.operations() - before >= n;
  vfs.set_fault({});
  std::mt19937_64 random(static_cast<uint64_t>(n));
  const CrashVfs::Image image = vfs.capture();
  TempDir crashed;
  CrashVfs::materialize(image, CrashVfs::Loss::kAllUnsynced, random, crashed.path());
  EXPECT_EQ(Workload::check(crashed.file("tau.db"), workload.promise(), vfs.name()), "")
      << "after a power failure, fault at " << n << ", result " << fault.result << ", sticky "
      << fault.sticky;
  EXPECT_EQ(Workload::check(path, workload.promise(), vfs.name()), "")
      << "after reopening, fault at " << n << ", result " << fault.result << ", sticky " << fault.sticky;
}

void check_every_operation(CrashVfs::Fault fault) {
  bool reached = true;
  int64_t n = 0;
  while (reached && !testing::Test::HasFailure()) check_fault(++n, fault, &reached);
  EXPECT_GT(n, 60) << "the workload has become too small to mean anything";
}

TEST(StoreFaults, AnIoErrorAtAnyOperationLosesNothingAcknowledged) { check_every_operation({}); }

TEST(StoreFaults, ADiskThatDiesAtAnyOperationLosesNothingAcknowledged) {
  check_every_operation({.sticky = true});
}

TEST(StoreFaults, ADiskThatFillsAtAnyOperationLosesNothingAcknowledged) {
  check_every_operation({.result = SQLITE_FULL, .sticky = true});
}

TEST_F(StoreFault, AFullDiskIsNamedAndPoisonsUntilReopened) {
  auto store = open();
  ASSERT_TRUE(store.ok());
  fill_session(**store, "ses_a", 2);
  vfs_.set_fault({.at = 1, .result = SQLITE_FULL, .sticky = true, .writes_only = true});
  Batch batch;
  batch.rows = {row("run_ses_a", 2, "lost")};
  const Answer first = append(**store, batch);
  EXPECT_EQ(first.status.code(), Code::kResourceExhausted);
  EXPECT_EQ(first.status.reason(), "disk_full");
  vfs_.set_fault({});
  const Answer second = append(**store, batch);
  EXPECT_EQ(second.status.code(), Code::kDataLoss);
  EXPECT_EQ(second.status.reason(), "store_poisoned");
  EXPECT_EQ((*store)->flush().reason(), "store_poisoned");
  EXPECT_EQ((*store)->acquire("session:a").status().reason(), "store_poisoned");
  EXPECT_EQ(bodies((*store)->load_lineage("ses_a.1")), (std::vector<std::string>{"body 0", "body 1"}));
  store->reset();
  store = open();
  ASSERT_TRUE(store.ok());
  EXPECT_TRUE(append(**store, batch).status.ok());
  EXPECT_TRUE((*store)->verify_chain("run_ses_a").ok());
}

TEST_F(StoreFault, AFailedSyncFailsEveryWaiterOfTheGroup) {
  auto store = open();
  ASSERT_TRUE(store.ok());
  fill_session(**store, "ses_a", 1);
  std::promise<void> gate;
  std::atomic<bool> held{false};
  // The writer stops in the first write of the next commit until all batches are queued behind it.
  vfs_.set_observer([&](CrashVfs::Event event) {
    if (event == CrashVfs::Event::kSync && !held.exchange(true)) gate.get_future().wait();
  });
  std::atomic<int> failed{0};
  constexpr int kBatches = 20;
  for (int i = 0; i < kBatches; ++i) {
    Batch batch;
    batch.rows = {row("run_ses_a", 1 + i, "b")};
    (*store)->append(std::move(batch),
                     [&](Status status, Lsn) { failed += status.reason() == "store_poisoned" ? 1 : 0; });
    if (i == 0) {
      while (!held) std::this_thread::yield();
      vfs_.set_fault({.at = 1, .sticky = false, .writes_only = true});
    }
  }
  gate.set_value();
  EXPECT_EQ((*store)->flush().reason(), "store_poisoned");
  EXPECT_EQ(failed, kBatches);
}

TEST_F(StoreFault, APoisonedStoreGivesItsLeasesBackWhenItIsClosed) {
  auto store = open();
  ASSERT_TRUE(store.ok());
  ASSERT_TRUE((*store)->acquire("session:a").ok());
  vfs_.set_fault({.at = 1, .writes_only = true});
  Batch batch;
  batch.run = run_record("run_1");
  EXPECT_EQ(append(**store, std::move(batch)).status.reason(), "store_poisoned");
  store->reset();
  store = open();
  ASSERT_TRUE(store.ok());
  EXPECT_TRUE((*store)->acquire("session:a").ok());
}

TEST_F(StoreFault, CommitsAreCountedAsTheSyncsTheyCost) {
  auto store = open();
  ASSERT_TRUE(store.ok());
  fill_session(**store, "ses_a", 1);
  const int64_t before = vfs_.syncs();
  const StoreStats stats = (*store)->stats();
  for (int64_t i = 1; i <= 10; ++i) {
    Batch batch;
    batch.rows = {row("run_ses_a", i, "b")};
    ASSERT_TRUE(append(**store, std::move(batch)).status.ok());
  }
  EXPECT_EQ(vfs_.syncs() - before, 10);
  EXPECT_EQ((*store)->stats().fsyncs - stats.fsyncs, 10);
  EXPECT_EQ((*store)->stats().groups - stats.groups, 10);
}

TEST_F(StoreFault, ARelaxedStoreDoesNotSyncItsCommits) {
  auto store = open_store(
      {.path = dir_.file("tau.db"), .durability = Durability::kRelaxed, .vfs = vfs_.name()}, clock_);
  ASSERT_TRUE(store.ok());
  fill_session(**store, "ses_a", 1);
  const int64_t before = vfs_.syncs();
  for (int64_t i = 1; i <= 10; ++i) {
    Batch batch;
    batch.rows = {row("run_ses_a", i, "b")};
    ASSERT_TRUE(append(**store, std::move(batch)).status.ok());
  }
  EXPECT_EQ(vfs_.syncs(), before);
}

}  // namespace
}  // namespace tau::store
