// Leases between processes that cannot see each other: containers that share one home.
#include <poll.h>
#include <sched.h>
#include <sys/mount.h>
#include <sys/prctl.h>

#include <cstdlib>

#include "child.h"
#include "raw_database.h"
#include "store_fixture.h"

namespace tau::store {
namespace {

enum class Proc : uint8_t {
  kOfTheNamespace,  // as container engines mount it
  kOfTheOutside,    // as `unshare --pid` leaves it
};

// Makes the next child of this process the first one of a PID namespace; false where that is not permitted.
bool leave_namespace(Proc proc) {
  const int mounts = proc == Proc::kOfTheNamespace ? CLONE_NEWNS : 0;
  return ::unshare(CLONE_NEWPID | mounts) == 0 || ::unshare(CLONE_NEWUSER | CLONE_NEWPID | mounts) == 0;
}

bool mount_proc() {
  return ::mount("none", "/", nullptr, MS_REC | MS_PRIVATE, nullptr) == 0 &&
         ::mount("proc", "/proc", "proc", MS_NOSUID | MS_NODEV | MS_NOEXEC, nullptr) == 0;
}

bool may_make_namespaces(Proc proc) {
  const pid_t probe = ::fork();
  if (probe == 0) {
    if (!leave_namespace(proc)) ::_exit(1);
    const pid_t inner = ::fork();
    if (inner == 0) ::_exit(proc == Proc::kOfTheNamespace && !mount_proc() ? 1 : 0);
    int status = 1;
    ::waitpid(inner, &status, 0);
    ::_exit(status == 0 ? 0 : 1);
  }
  int status = 1;
  ::waitpid(probe, &status, 0);
  return status == 0;
}

class StoreNamespaces : public testing::TestWithParam<Proc> {
 protected:
  void SetUp() override {
    if (!may_make_namespaces(GetParam())) GTEST_SKIP() << "this system does not let us make PID namespaces";
  }

  std::unique_ptr<Store> open() {
    auto store = open_store({.path = path()}, clock_);
    return store.ok() ? std::move(*store) : nullptr;
  }
  std::string path() const { return dir_.file("tau.db"); }

  // `work` as process 1 of another namespace, which dies with its parent.
  template <class Work>
  auto elsewhere(Work work) {
    return [work](Child& self) {
      if (!leave_namespace(GetParam())) return false;
      const pid_t inner = ::fork();
      if (inner == 0) {
        ::prctl(PR_SET_PDEATHSIG, SIGKILL);
        if (GetParam() == Proc::kOfTheNamespace && !mount_proc()) ::_exit(1);
        ::_exit(work(self) ? 0 : 1);
      }
      int status = 1;
      ::waitpid(inner, &status, 0);
      return status == 0;
    };
  }

  TempDir dir_;
  FixedClock clock_;
};

TEST_P(StoreNamespaces, ALivingOwnerInAnotherNamespaceKeepsItsLease) {
  Child child(elsewhere([this](Child& self) {
    auto store = open();
    const auto lease = store->acquire("session:a");
    self.ready();
    self.wait_for_parent();
    Batch batch;
    batch.fence = *lease;
    batch.run = run_record("run_1");
    return ::getpid() == 1 && append(*store, std::move(batch)).status.ok() && store->release(*lease).ok();
  }));
  child.await_ready();
  auto store = open();
  ASSERT_NE(store, nullptr);
  const auto refused = store->acquire("session:a");
  EXPECT_EQ(refused.status().reason(), "session_busy");
  EXPECT_NE(refused.status().message().find("namespace"), std::string_view::npos);
  EXPECT_EQ(store->remove_session("a").reason(), "session_busy");
  child.go_on();
  EXPECT_TRUE(child.finish());
  EXPECT_TRUE(store->acquire("session:a").ok());
}

TEST_P(StoreNamespaces, AnOwnerOfTheOutsideIsSeenFromWithin) {
  Child child(elsewhere([this](Child& self) {
    self.wait_for_parent();
    auto store = open();
    const bool refused = store->acquire("session:a").status().reason() == "session_busy";
    self.ready();
    self.wait_for_parent();
    return refused && store->acquire("session:a").ok();
  }));
  auto store = open();
  ASSERT_NE(store, nullptr);
  const auto lease = store->acquire("session:a");
  ASSERT_TRUE(lease.ok());
  child.go_on();
  child.await_ready();
  ASSERT_TRUE(store->release(*lease).ok());
  child.go_on();
  EXPECT_TRUE(child.finish());
}

TEST_P(StoreNamespaces, ADeadOwnerInAnotherNamespaceLosesItsLeaseAtOnce) {
  Child child(elsewhere([this](Child& self) {
    auto store = open();
    const auto lease = store->acquire("session:a");
    self.ready();
    self.wait_for_parent();
    std::_Exit(0);  // without releasing
    return lease.ok();
  }));
  child.await_ready();
  child.go_on();
  EXPECT_TRUE(child.finish());
  auto store = open();
  ASSERT_NE(store, nullptr);
  const auto lease = store->acquire("session:a");
  ASSERT_TRUE(lease.ok()) << lease.status().to_string();
  EXPECT_EQ(lease->epoch, 2);
}

// Whatever makes a living owner look dead (here its row is falsified): it can write nothing any more.
TEST_P(StoreNamespaces, AnOwnerWhoseLeaseWasStolenCannotAppend) {
  Child child(elsewhere([this](Child& self) {
    auto store = open();
    Batch first;
    first.run = run_record("run_1");
    if (!append(*store, std::move(first)).status.ok()) return false;
    const auto lease = store->acquire("session:a");
    self.ready();
    self.wait_for_parent();
    Batch stale;
    stale.fence = *lease;
    stale.rows = {row("run_1", 0, "stale")};
    return append(*store, std::move(stale)).status.reason() == "lease_lost" &&
           store->release(*lease).reason() == "lease_lost";
  }));
  child.await_ready();
  RawDatabase(path()).exec("UPDATE leases SET pid_namespace = pid_namespace + 1");
  auto store = open();
  ASSERT_NE(store, nullptr);
  EXPECT_TRUE(store->acquire("session:a").ok());
  child.go_on();
  EXPECT_TRUE(child.finish());
  EXPECT_TRUE(store->load_journal("run_1", 0)->empty());
}

INSTANTIATE_TEST_SUITE_P(Proc, StoreNamespaces, testing::Values(Proc::kOfTheNamespace, Proc::kOfTheOutside),
                         [](const auto& param) {
                           return param.param == Proc::kOfTheNamespace ? "OwnProc" : "ForeignProc";
                         });

TEST(StoreUpgrade, LeasesOfTheFirstSchemaAreJudgedByPidAlone) {
  TempDir dir;
  FixedClock clock;
  const StoreOptions options = {.path = dir.file("tau.db")};
  {
    auto store = open_store(options, clock);
    ASSERT_TRUE(store.ok());
    ASSERT_TRUE((*store)->acquire("session:a").ok());
    RawDatabase(options.path)
        .exec(std::string(kDropMemories) +
              "DROP TABLE approvals; DROP TABLE budget_blocks; DROP TABLE budgets; DROP TABLE usage; DROP "
              "TABLE usage_counts; ALTER "
              "TABLE leases "
              "DROP COLUMN pid_namespace; PRAGMA user_version = 1");
    auto again = open_store(options, clock);
    ASSERT_TRUE(again.ok()) << again.status().to_string();
    EXPECT_EQ((*again)->acquire("session:a").status().reason(), "session_busy");
  }
  RawDatabase(options.path).exec("UPDATE leases SET pid = 4194305, pid_namespace = 0");
  auto store = open_store(options, clock);
  ASSERT_TRUE(store.ok());
  EXPECT_TRUE((*store)->acquire("session:a").ok());
}

}  // namespace
}  // namespace tau::store
