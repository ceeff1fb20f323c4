// Backup, restore, verification and retention of databases.
#include <gtest/gtest.h>
#include <sys/stat.h>

#include <algorithm>
#include <chrono>
#include <functional>
#include <thread>

#include "child.h"
#include "crash_vfs.h"
#include "raw_database.h"
#include "store_fixture.h"

namespace tau::store {
namespace {

constexpr int64_t kDayMs = 86'400'000;

class StoreUpkeep : public testing::Test {
 protected:
  void SetUp() override { open(); }
  void open(Retention retention = {}) {
    store_.reset();
    StoreOptions options;
    options.path = path();
    options.retention = retention;
    auto opened = open_store(options, clock_);
    ASSERT_TRUE(opened.ok()) << opened.status().to_string();
    store_ = *std::move(opened);
  }
  std::string path() const { return dir_.file("tau.db"); }

  // A session that changed last so many days ago.
  void fill(std::string_view id, int64_t days_ago, std::string_view prefix = "body ") {
    fill_session(*store_, id, 4, prefix);
    auto record = store_->load_session(id);
    ASSERT_TRUE(record.ok());
    record->updated_ms = clock_.wall_ms() - days_ago * kDayMs;
    Batch batch;
    batch.session = *record;
    ASSERT_TRUE(append(*store_, std::move(batch)).status.ok());
  }
  std::vector<std::string> sessions() {
    std::vector<std::string> ids;
    const auto listed = store_->list_sessions(100, "");
    EXPECT_TRUE(listed.ok());
    if (listed.ok())
      for (const SessionRecord& session : *listed) ids.push_back(session.id.str());
    std::ranges::sort(ids);
    return ids;
  }
  std::vector<std::string> problems_after(const std::string& damage) {
    store_.reset();
    RawDatabase(path()).exec(damage);
    const auto found = verify_database(path());
    EXPECT_TRUE(found.ok()) << found.status().to_string();
    std::vector<std::string> reasons;
    if (found.ok())
      for (const auto& problem : found->problems) reasons.push_back(problem.reason);
    return reasons;
  }

  TempDir dir_;
  FixedClock clock_;
  std::unique_ptr<Store> store_;
};

using Strings = std::vector<std::string>;

TEST_F(StoreUpkeep, ABackupHoldsWhatWasCommittedAndNothingElseHappens) {
  fill("ses_a", 0);
  const auto lease = store_->acquire("session:ses_a");
  ASSERT_TRUE(lease.ok());
  const std::string copy = dir_.file("copy.db");
  ASSERT_TRUE(store_->backup(copy).ok());
  fill("ses_b", 0);
  EXPECT_EQ(sessions(), (Strings{"ses_a", "ses_b"}));
  struct stat st {};
  ASSERT_EQ(::stat(copy.c_str(), &st), 0);
  EXPECT_EQ(st.st_mode & 0777, 0600u);
  EXPECT_NE(::stat((copy + "-wal").c_str(), &st), 0);
  const auto found = verify_database(copy);
  ASSERT_TRUE(found.ok()) << found.status().to_string();
  EXPECT_TRUE(found->problems.empty());
  EXPECT_EQ(found->sessions, 1);
  EXPECT_EQ(found->rows, 4);
  auto other = open_store({.path = copy}, clock_);
  ASSERT_TRUE(other.ok()) << other.status().to_string();
  EXPECT_EQ(bodies((*other)->load_lineage("ses_a.3")), (Strings{"body 0", "body 1", "body 2", "body 3"}));
  EXPECT_TRUE((*other)->acquire("session:ses_a").ok()) << "the copy belongs to nobody";
}

TEST_F(StoreUpkeep, ABackupIsNeverWrittenOverAFile) {
  const std::string copy = dir_.write("copy.db", "mine");
  EXPECT_EQ(store_->backup(copy).reason(), "file_exists");
  EXPECT_EQ(dir_.read("copy.db"), "mine");
}

TEST_F(StoreUpkeep, BackupsTakenWhileRunsAreWrittenAreWhole) {
  std::atomic<bool> stop{false};
  std::thread writer([&] {
    for (int i = 0; !stop; ++i) fill_session(*store_, "ses_" + std::to_string(i), 20);
  });
  for (int i = 0; i < 5; ++i) {
    const std::string copy = dir_.file("copy" + std::to_string(i));
    EXPECT_TRUE(store_->backup(copy).ok());
    const auto found = verify_database(copy);
    ASSERT_TRUE(found.ok()) << found.status().to_string();
    EXPECT_TRUE(found->problems.empty()) << found->problems.front().message;
    EXPECT_EQ(found->rows, found->sessions * 20) << "half a batch";
  }
  stop = true;
  writer.join();
}

TEST_F(StoreUpkeep, AStoreWithoutADiskSaysSo) {
  const auto memory = make_memory_store(clock_);
  EXPECT_EQ(memory->backup(dir_.file("copy")).reason(), "no_database");
  EXPECT_EQ(memory->prune({.max_age_ms = 1}, false).status().reason(), "no_database");
}

TEST_F(StoreUpkeep, ASoundDatabaseInUseIsFoundSound) {
  fill("ses_a", 0, std::string(9000, 'b'));
  const auto found = verify_database(path());
  ASSERT_TRUE(found.ok()) << found.status().to_string();
  EXPECT_TRUE(found->problems.empty());
  EXPECT_EQ(found->sessions, 1);
  EXPECT_EQ(found->runs, 1);
  EXPECT_EQ(found->entries, 4);
  EXPECT_EQ(found->blobs, 4);
}

TEST_F(StoreUpkeep, ErasedBodiesAreNoProblem) {
  fill("ses_a", 0);
  ASSERT_TRUE(store_->remove_session("ses_a").ok());
  const auto found = verify_database(path());
  ASSERT_TRUE(found.ok());
  EXPECT_TRUE(found->problems.empty()) << found->problems.front().message;
  EXPECT_EQ(found->rows, 4);
}

TEST_F(StoreUpkeep, AChangedBodyBreaksItsChain) {
  fill("ses_a", 0);
  EXPECT_EQ(problems_after("UPDATE journal SET body = 'other' WHERE seq = 2"), Strings{"chain_broken"});
}

TEST_F(StoreUpkeep, AChangedBlobIsFound) {
  fill("ses_a", 0, std::string(9000, 'b'));
  EXPECT_EQ(problems_after("UPDATE blobs SET bytes = zeroblob(9001) WHERE id = 1"),
            (Strings{"blob_changed", "chain_broken"}));
}

TEST_F(StoreUpkeep, WhatRowsPointAtMustBeThere) {
  fill("ses_a", 0);
  EXPECT_EQ(problems_after("DELETE FROM entries WHERE name = 'ses_a.3'"), Strings{"missing_entry"});
}

TEST_F(StoreUpkeep, AHistoryThatIsCutOffIsFound) {
  fill("ses_a", 0);
  EXPECT_EQ(problems_after("UPDATE entries SET parent = NULL"), Strings{"entry_order"});
}

TEST_F(StoreUpkeep, ARunOfAnotherSessionIsFound) {
  fill("ses_a", 0);
  EXPECT_EQ(problems_after("UPDATE runs SET session = 'ses_x'"), Strings{"wrong_session"});
}

TEST_F(StoreUpkeep, AMissingRowIsFoundTwice) {
  fill("ses_a", 0);
  EXPECT_EQ(problems_after("DELETE FROM journal WHERE seq = 3"), (Strings{"missing_row", "chain_broken"}));
}

TEST_F(StoreUpkeep, WhatIsNoDatabaseIsSaidToBeNone) {
  EXPECT_EQ(verify_database(dir_.file("none.db")).status().code(), Code::kNotFound);
  const std::string text = dir_.write("text.db", std::string(5000, 't'));
  EXPECT_EQ(verify_database(text).status().reason(), "database_corrupt");
}

TEST_F(StoreUpkeep, OldSessionsGoAndTheirTextWithThem) {
  fill("ses_old", 40, "buried treasure ");
  fill("ses_new", 2);
  const auto pruned = store_->prune({.max_age_ms = 30 * kDayMs}, false);
  ASSERT_TRUE(pruned.ok()) << pruned.status().to_string();
  ASSERT_EQ(pruned->removed.size(), 1u);
  EXPECT_EQ(pruned->removed.front(), "ses_old");
  EXPECT_EQ(sessions(), Strings{"ses_new"});
  EXPECT_FALSE(directory_holds(dir_.path(), "buried treasure"));
}

TEST_F(StoreUpkeep, ADryRunOnlyTells) {
  fill("ses_old", 40);
  const auto pruned = store_->prune({.max_age_ms = 30 * kDayMs}, true);
  ASSERT_TRUE(pruned.ok()) << pruned.status().to_string();
  EXPECT_EQ(pruned->removed.size(), 1u);
  EXPECT_EQ(sessions(), Strings{"ses_old"});
  fill("ses_b", 0);
  EXPECT_EQ(sessions().size(), 2u) << "the store works on";
}

TEST_F(StoreUpkeep, TheOldestGoUntilTheRestFits) {
  const std::string large(200'000, 'x');
  for (int i = 0; i < 60; ++i)
    fill("ses_" + std::to_string(100 + i), 60 - i, large + std::to_string(i) + " ");
  constexpr int64_t kCap = 8'000'000;
  const auto pruned = store_->prune({.max_bytes = kCap}, false);
  ASSERT_TRUE(pruned.ok()) << pruned.status().to_string();
  EXPECT_GT(pruned->bytes_before, kCap);
  EXPECT_LE(pruned->bytes_after, kCap);
  EXPECT_GT(pruned->bytes_after, kCap - 1'000'000) << "no more than needed";
  EXPECT_GT(pruned->removed.size(), 32u) << "several transactions";
  EXPECT_EQ(pruned->removed.front(), "ses_100");
  const Strings left = sessions();
  EXPECT_EQ(left.back(), "ses_159");
  EXPECT_EQ(left.size(), 60 - pruned->removed.size());
  EXPECT_LT(std::filesystem::file_size(path()), static_cast<uintmax_t>(pruned->bytes_before) * 2 / 3)
      << "free pages go back to the file system";
}

TEST_F(StoreUpkeep, SessionsThatAreWrittenAreSpared) {
  fill("ses_mine", 40);
  fill("ses_old", 39);
  const auto lease = store_->acquire("session:ses_mine");
  ASSERT_TRUE(lease.ok());
  const auto pruned = store_->prune({.max_age_ms = kDayMs}, false);
  ASSERT_TRUE(pruned.ok());
  EXPECT_EQ(pruned->spared, 1);
  EXPECT_EQ(sessions(), Strings{"ses_mine"});
}

TEST_F(StoreUpkeep, AnIdleStoreKeepsItsRetention) {
  fill("ses_old", 40);
  fill("ses_new", 0);
  open({.max_age_ms = 30 * kDayMs});
  for (int i = 0; i < 500 && sessions().size() > 1; ++i)
    std::this_thread::sleep_for(std::chrono::milliseconds(10));
  EXPECT_EQ(sessions(), Strings{"ses_new"});
}

TEST_F(StoreUpkeep, ADatabaseInUseIsNotReplaced) {
  fill("ses_a", 0);
  const std::string copy = dir_.file("copy.db");
  ASSERT_TRUE(store_->backup(copy).ok());
  std::filesystem::create_directory(dir_.file("aside"));
  const Status busy = replace_database(copy, path(), dir_.file("aside"));
  EXPECT_EQ(busy.code(), Code::kUnavailable);
  EXPECT_EQ(busy.reason(), "home_busy");
  fill("ses_b", 0);
  store_.reset();
  Child child([this](Child& self) {
    auto store = open_store({.path = path()}, clock_);
    self.ready();
    self.wait_for_parent();
    return store.ok();
  });
  child.await_ready();
  EXPECT_EQ(replace_database(copy, path(), dir_.file("aside")).reason(), "home_busy");
  child.go_on();
  EXPECT_TRUE(child.finish());
  EXPECT_TRUE(std::filesystem::is_empty(dir_.file("aside")));
}

TEST_F(StoreUpkeep, AReplacedDatabaseIsKeptAside) {
  fill("ses_a", 0);
  const std::string copy = dir_.file("copy.db");
  ASSERT_TRUE(store_->backup(copy).ok());
  fill("ses_b", 0);
  store_.reset();
  const std::string aside = dir_.file("aside");
  std::filesystem::create_directory(aside);
  const Status status = replace_database(copy, path(), aside);
  ASSERT_TRUE(status.ok()) << status.to_string();
  open();
  EXPECT_EQ(sessions(), Strings{"ses_a"});
  const auto old = open_store({.path = aside + "/tau.db"}, clock_);
  ASSERT_TRUE(old.ok()) << old.status().to_string();
  EXPECT_EQ((*old)->list_sessions(10, "")->size(), 2u);
}

TEST_F(StoreUpkeep, TheWalOfABrokenDatabaseDoesNotMeetTheRestoredOne) {
  fill("ses_a", 0);
  const std::string copy = dir_.file("copy.db");
  ASSERT_TRUE(store_->backup(copy).ok());
  store_.reset();
  dir_.write("tau.db", std::string(8192, '?'));
  dir_.write("tau.db-wal", "a WAL of something else");
  const std::string aside = dir_.file("aside");
  std::filesystem::create_directory(aside);
  const Status status = replace_database(copy, path(), aside);
  ASSERT_TRUE(status.ok()) << status.to_string();
  EXPECT_FALSE(std::filesystem::exists(path() + "-wal"));
  open();
  EXPECT_EQ(sessions(), Strings{"ses_a"});
}

TEST_F(StoreUpkeep, ABackupIsRestoredWhereNothingWas) {
  fill("ses_a", 0);
  const std::string copy = dir_.file("copy.db");
  ASSERT_TRUE(store_->backup(copy).ok());
  const std::string fresh = dir_.file("fresh.db");
  ASSERT_TRUE(replace_database(copy, fresh, dir_.path()).ok());
  const auto found = verify_database(fresh);
  ASSERT_TRUE(found.ok());
  EXPECT_EQ(found->sessions, 1);
}

// A VFS that is taken when nobody names one, and calls at each read.
class WatchedReads {
 public:
  explicit WatchedReads(std::function<void()> at_read)
      : before_(sqlite3_vfs_find(nullptr)), vfs_("tau_watched") {
    vfs_.set_observer([at_read = std::move(at_read)](CrashVfs::Event event) {
      if (event == CrashVfs::Event::kRead) at_read();
    });
    sqlite3_vfs_register(sqlite3_vfs_find("tau_watched"), 1);
  }
  ~WatchedReads() { sqlite3_vfs_register(before_, 1); }

 private:
  sqlite3_vfs* const before_;
  CrashVfs vfs_;
};

// Puts a session in the place of another one and leaves that in the database: no WAL says that somebody was
// here.
bool rewrite(const std::string& path, FixedClock& clock) {
  auto store = open_store({.path = path}, clock);
  if (!store.ok() || !(*store)->remove_session("ses_b").ok()) return false;
  fill_session(**store, "ses_c", 40, std::string(700, 'c'));
  return (*store)->load_session("ses_c").ok();
}

// At a read of a verification, which has found no WAL, another process opens the database, changes most of it
// and closes it again: at each of the first reads, which say what the file is, and at many of the others.
TEST_F(StoreUpkeep, AWriterThatComesDuringAVerificationMakesNoFalseDamage) {
  fill("ses_a", 0, std::string(600, 'a'));
  fill_session(*store_, "ses_b", 40, std::string(700, 'b'));
  store_.reset();
  int disturbed = 0;
  for (int at = 1;; at += at < 12 ? 1 : 3) {
    const std::string copy = dir_.file("copy" + std::to_string(at) + ".db");
    std::filesystem::copy_file(path(), copy);
    Child writer([&](Child& self) {
      self.wait_for_parent();
      const bool good = rewrite(copy, clock_);
      self.ready();
      return good;
    });
    int reads = 0;
    {
      const WatchedReads watched([&] {
        if (++reads != at) return;
        writer.go_on();
        writer.await_ready();
      });
      const auto found = verify_database(copy);
      ASSERT_TRUE(found.ok()) << "read " << at << ": " << found.status().to_string();
      EXPECT_TRUE(found->problems.empty()) << "read " << at << ": " << found->problems.front().message;
      EXPECT_EQ(found->sessions, 2);
    }
    if (reads < at) break;
    EXPECT_TRUE(writer.finish());
    ++disturbed;
  }
  EXPECT_GT(disturbed, 15);
}

}  // namespace
}  // namespace tau::store
