// What only the durable store has: files and their rights, versions, groups, fork, erasure.
#include <gtest/gtest.h>
#include <sqlite3.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <thread>

#include "crash_vfs.h"
#include "raw_database.h"
#include "store_fixture.h"

namespace tau::store {
namespace {

class SqliteStoreTest : public testing::Test {
 protected:
  StatusOr<std::unique_ptr<Store>> open(bool read_only = false) {
    return open_store({.path = path(), .read_only = read_only}, clock_);
  }
  std::string path() const { return dir_.file("tau.db"); }
  std::string refusal() { return std::string(open().status().reason()); }

  TempDir dir_;
  FixedClock clock_;
};

TEST_F(SqliteStoreTest, MemoryAndEmptyPathsAreRefused) {
  EXPECT_EQ(open_store({.path = ":memory:"}, clock_).status().code(), Code::kInvalidArgument);
  EXPECT_EQ(open_store({.path = ""}, clock_).status().code(), Code::kInvalidArgument);
}

TEST_F(SqliteStoreTest, FilesBelongToTheirOwnerAloneWhateverTheUmask) {
  for (const mode_t mask : {0000, 0777}) {
    TempDir dir;
    const mode_t before = ::umask(mask);
    auto store = open_store({.path = dir.file("tau.db")}, clock_);
    ASSERT_TRUE(store.ok()) << store.status().to_string();
    fill_session(**store, "ses_a", 1);
    ::umask(before);
    int files = 0;
    for (const auto& file : std::filesystem::directory_iterator(dir.path())) {
      struct stat info {};
      ASSERT_EQ(::stat(file.path().c_str(), &info), 0);
      EXPECT_EQ(info.st_mode & 0777, 0600u) << file.path();
      ++files;
    }
    EXPECT_EQ(files, 4);  // database, WAL and its index, the owners' locks
  }
}

TEST_F(SqliteStoreTest, ADatabaseOfALaterSchemaIsRefusedUntouched) {
  ASSERT_TRUE(open().ok());
  RawDatabase(path()).exec("PRAGMA user_version = 99");
  const std::string before = read_file(path());
  EXPECT_EQ(refusal(), "database_too_new");
  EXPECT_EQ(open(true).status().reason(), "database_too_new");
  EXPECT_EQ(read_file(path()), before);
}

TEST_F(SqliteStoreTest, ADatabaseOfAnotherProgramIsRefusedUntouched) {
  RawDatabase(path()).exec("CREATE TABLE theirs(x)");
  const std::string before = read_file(path());
  EXPECT_EQ(refusal(), "database_foreign");
  EXPECT_EQ(read_file(path()), before);
}

TEST_F(SqliteStoreTest, AFileThatIsNoDatabaseIsCorrupt) {
  std::ofstream(path()) << std::string(8192, 'x');
  EXPECT_EQ(open().status().code(), Code::kDataLoss);
  EXPECT_EQ(refusal(), "database_corrupt");
  EXPECT_EQ(read_file(path()), std::string(8192, 'x'));
}

TEST_F(SqliteStoreTest, WhatIsNoFileIsRefusedAndNotWaitedFor) {
  for (const char* suffix : {"", "-wal", "-owners"}) {
    const std::string place = path() + suffix;
    for (const bool pipe : {true, false}) {
      ASSERT_EQ(pipe ? ::mkfifo(place.c_str(), 0600) : ::mkdir(place.c_str(), 0700), 0);
      for (const bool read_only : {true, false})
        EXPECT_EQ(open(read_only).status().reason(), "not_a_file") << place;
      std::filesystem::remove(place);
    }
  }
}

TEST_F(SqliteStoreTest, ARefusalNamesTheFile) {
  std::ofstream(path()) << std::string(8192, 'x');
  EXPECT_NE(open().status().message().find(path()), std::string_view::npos);
  EXPECT_NE(open(true).status().message().find(path()), std::string_view::npos);
}

TEST_F(SqliteStoreTest, ADamagedDatabaseIsReportedNotRead) {
  {
    auto store = open();
    ASSERT_TRUE(store.ok());
    fill_session(**store, "ses_a", 200);
  }
  const auto size = static_cast<std::streamoff>(std::filesystem::file_size(path()));
  {
    std::fstream file(path(), std::ios::in | std::ios::out | std::ios::binary);
    for (std::streamoff at = 4096; at < size; at += 4096) {  // every page but the first
      file.seekp(at);
      file.write("\xFF\xFF\xFF\xFF\xFF\xFF\xFF\xFF", 8);
    }
  }
  auto store = open();
  const Status status = store.ok() ? (*store)->load_lineage("ses_a.199").status() : store.status();
  EXPECT_EQ(status.reason(), "database_corrupt") << status.to_string();
}

TEST_F(SqliteStoreTest, AnInaccessibleHomeSaysSo) {
  EXPECT_EQ(open_store({.path = dir_.file("missing/tau.db")}, clock_).status().code(), Code::kNotFound);
  const bool root = ::geteuid() == 0;
  ASSERT_EQ(::chmod(dir_.path().c_str(), 0555), 0);
  if (root) { ASSERT_EQ(::seteuid(65534), 0); }  // root may write everywhere; nobody may not
  const Status status = open().status();
  if (root) { ASSERT_EQ(::seteuid(0), 0); }
  EXPECT_EQ(status.code(), Code::kPermissionDenied) << status.to_string();
  EXPECT_EQ(status.reason(), "store_not_permitted");
}

TEST_F(SqliteStoreTest, AReadOnlyFileIsRefusedForWriting) {
  ASSERT_TRUE(open().ok());
  ASSERT_EQ(::chmod(path().c_str(), 0444), 0);
  ASSERT_EQ(::chmod(dir_.path().c_str(), 0555), 0);
  const bool root = ::geteuid() == 0;
  if (root) { ASSERT_EQ(::seteuid(65534), 0); }
  const Status status = open().status();
  const auto reading = open(true);
  if (root) { ASSERT_EQ(::seteuid(0), 0); }
  EXPECT_EQ(status.code(), Code::kPermissionDenied) << status.to_string();
  EXPECT_TRUE(reading.ok()) << reading.status().to_string();
}

TEST_F(SqliteStoreTest, ReadingOnlyWritesNothing) {
  {
    auto store = open();
    ASSERT_TRUE(store.ok());
    fill_session(**store, "ses_a", 2);
  }
  const std::string before = read_file(path());
  {
    auto store = open(true);
    ASSERT_TRUE(store.ok()) << store.status().to_string();
    EXPECT_EQ(bodies((*store)->load_lineage("ses_a.1")), (std::vector<std::string>{"body 0", "body 1"}));
    Batch batch;
    batch.rows = {row("run_ses_a", 2, "no")};
    EXPECT_EQ(append(**store, std::move(batch)).status.reason(), "store_read_only");
    EXPECT_EQ((*store)->acquire("session:a").status().reason(), "store_read_only");
    EXPECT_EQ((*store)->remove_session("ses_a").reason(), "store_read_only");
    const auto files = std::filesystem::directory_iterator(dir_.path());
    EXPECT_EQ(std::distance(begin(files), end(files)), 2);  // the writer's two; no WAL, no index
  }
  EXPECT_EQ(read_file(path()), before);
}

TEST_F(SqliteStoreTest, AReaderBesideALivingWriterSeesItsCommits) {
  auto writer = open();
  ASSERT_TRUE(writer.ok());
  fill_session(**writer, "ses_a", 1);
  auto reader = open(true);
  ASSERT_TRUE(reader.ok()) << reader.status().to_string();
  EXPECT_TRUE((*reader)->load_session("ses_a").ok());
  fill_session(**writer, "ses_b", 1);
  EXPECT_TRUE((*reader)->load_session("ses_b").ok());
}

TEST_F(SqliteStoreTest, ReadingOnlyNeedsADatabase) {
  EXPECT_EQ(open(true).status().code(), Code::kNotFound);
  EXPECT_FALSE(std::filesystem::exists(path()));
}

TEST_F(SqliteStoreTest, ManyThreadsShareFewCommitsAndKeepTheirOrder) {
  constexpr int kThreads = 8;
  constexpr int64_t kBatches = 200;
  auto store = open();
  ASSERT_TRUE(store.ok());
  std::atomic<int> wrong{0};
  const auto produce = [&](int t) {
    const std::string run = "run_" + std::to_string(t);
    std::atomic<int64_t> answered{0};
    Lsn last = 0;
    for (int64_t i = 0; i < kBatches; ++i) {
      Batch batch;
      if (i == 0) batch.run = run_record(run);
      batch.rows = {row(run, i, "b")};
      (*store)->append(std::move(batch), [&, i](Status status, Lsn lsn) {
        if (!status.ok() || answered != i || lsn <= last) ++wrong;
        last = lsn;
        ++answered;
      });
    }
    if (!(*store)->flush().ok() || answered != kBatches) ++wrong;
  };
  {
    std::vector<std::jthread> threads;
    for (int t = 0; t < kThreads; ++t) threads.emplace_back(produce, t);
  }
  EXPECT_EQ(wrong, 0);
  const StoreStats stats = (*store)->stats();
  EXPECT_EQ(stats.batches, kThreads * kBatches);
  EXPECT_EQ(stats.rows, kThreads * kBatches);
  EXPECT_LT(stats.groups, stats.batches / 4);
  EXPECT_LT(stats.fsyncs, stats.batches / 4);
  for (int t = 0; t < kThreads; ++t) EXPECT_TRUE((*store)->verify_chain("run_" + std::to_string(t)).ok());
}

TEST_F(SqliteStoreTest, ARefusedBatchDoesNotHarmItsGroup) {
  auto store = open();
  ASSERT_TRUE(store.ok());
  fill_session(**store, "ses_a", 1);
  fill_session(**store, "ses_b", 1);
  std::vector<std::string> reasons;
  for (int64_t i = 1; i <= 6; ++i) {
    Batch batch;
    batch.rows = {row("run_ses_a", i, "a"), row("run_ses_b", i % 2 == 0 ? 99 : (i + 1) / 2, "b")};
    if (i % 2 == 0)
      batch.rows[0].seq = i / 2 + 1;
    else
      batch.rows[0].seq = (i + 1) / 2;
    (*store)->append(std::move(batch), [&](Status status, Lsn) { reasons.emplace_back(status.reason()); });
  }
  ASSERT_TRUE((*store)->flush().ok());
  EXPECT_EQ(reasons, (std::vector<std::string>{"", "wrong_seq", "", "wrong_seq", "", "wrong_seq"}));
  EXPECT_EQ((*store)->load_journal("run_ses_a", 0)->size(), 4u);
  EXPECT_TRUE((*store)->verify_chain("run_ses_a").ok());
  EXPECT_TRUE((*store)->verify_chain("run_ses_b").ok());
}

TEST_F(SqliteStoreTest, ABacklogIsRefusedAndTheQueueRecovers) {
  CrashVfs vfs("tau_backlog");
  auto opened = open_store({.path = path(), .vfs = vfs.name(), .max_queue_bytes = 100'000}, clock_);
  ASSERT_TRUE(opened.ok());
  Store& store = **opened;
  fill_session(store, "ses_a", 1);
  std::promise<void> gate;
  std::atomic<bool> held{false};
  vfs.set_observer([&](CrashVfs::Event event) {
    if (event == CrashVfs::Event::kSync && !held.exchange(true)) gate.get_future().wait();
  });
  std::vector<std::string> reasons;
  for (int64_t i = 1; i <= 4; ++i) {
    Batch batch;
    batch.rows = {row("run_ses_a", i, std::string(60'000, 'x'))};
    store.append(std::move(batch), [&](Status status, Lsn) { reasons.emplace_back(status.reason()); });
    while (i == 1 && !held) std::this_thread::yield();
  }
  gate.set_value();
  ASSERT_TRUE(store.flush().ok());
  EXPECT_EQ(reasons, (std::vector<std::string>{"", "store_backlog", "store_backlog", "store_backlog"}));
  Batch batch;
  batch.rows = {row("run_ses_a", 2, "fits")};
  EXPECT_TRUE(append(store, std::move(batch)).status.ok());
}

TEST_F(SqliteStoreTest, ABlockingCallFromACallbackIsRefusedNotDeadlocked) {
  auto store = open();
  ASSERT_TRUE(store.ok());
  std::promise<std::string> reason;
  Batch batch;
  batch.run = run_record("run_1");
  (*store)->append(std::move(batch),
                   [&](Status, Lsn) { reason.set_value(std::string((*store)->flush().reason())); });
  EXPECT_EQ(reason.get_future().get(), "called_on_writer");
}

TEST_F(SqliteStoreTest, AWriteFromACallbackIsRefusedNotDeadlocked) {
  auto store = open();
  ASSERT_TRUE(store.ok());
  std::promise<std::string> reason;
  Batch batch;
  batch.run = run_record("run_1");
  (*store)->append(std::move(batch),
                   [&](Status, Lsn) { reason.set_value(std::string((*store)->write({}).reason())); });
  EXPECT_EQ(reason.get_future().get(), "called_on_writer");
}

TEST_F(SqliteStoreTest, WritesInThePlaceOfTheThreadLoseNothingThatIsAppendedMeanwhile) {
  constexpr int kThreads = 6;
  constexpr int64_t kBatches = 150;
  auto store = open();
  ASSERT_TRUE(store.ok());
  std::atomic<int> wrong{0};
  const auto produce = [&](int t) {
    const std::string run = "run_" + std::to_string(t);
    for (int64_t i = 0; i < kBatches; ++i) {
      Batch batch;
      if (i == 0) batch.run = run_record(run);
      batch.rows = {row(run, i, "b")};
      if ((i + t) % 3 == 0) {
        (*store)->append(std::move(batch), [&](const Status& status, Lsn) { wrong += status.ok() ? 0 : 1; });
      } else if (!(*store)->write(std::move(batch)).ok()) {
        ++wrong;
      }
    }
  };
  produce(kThreads);  // alone, then together
  {
    std::vector<std::jthread> threads;
    for (int t = 0; t < kThreads; ++t) threads.emplace_back(produce, t);
  }
  EXPECT_TRUE((*store)->flush().ok());
  EXPECT_EQ(wrong, 0);
  EXPECT_EQ((*store)->stats().batches, (kThreads + 1) * kBatches);
  for (int t = 0; t <= kThreads; ++t) {
    const std::string run = "run_" + std::to_string(t);
    EXPECT_EQ((*store)->load_journal(run, 0)->size(), static_cast<size_t>(kBatches));
    EXPECT_TRUE((*store)->verify_chain(run).ok());
  }
}

TEST_F(SqliteStoreTest, DestroyingAStoreCommitsWhatWasAppended) {
  std::atomic<int> done{0};
  {
    auto store = open();
    ASSERT_TRUE(store.ok());
    fill_session(**store, "ses_a", 1);
    for (int64_t i = 1; i <= 50; ++i) {
      Batch batch;
      batch.rows = {row("run_ses_a", i, "b")};
      (*store)->append(std::move(batch), [&](Status status, Lsn) { done += status.ok() ? 1 : 0; });
    }
  }
  EXPECT_EQ(done, 50);
  EXPECT_EQ((*open())->load_journal("run_ses_a", 0)->size(), 51u);
}

TEST_F(SqliteStoreTest, AForkedChildIsRefusedAndHarmsNothing) {
  auto store = open();
  ASSERT_TRUE(store.ok());
  fill_session(**store, "ses_a", 1);
  const pid_t child = ::fork();
  ASSERT_GE(child, 0);
  if (child == 0) {
    std::string reason;
    Batch batch;
    batch.rows = {row("run_ses_a", 1, "from the child")};
    (*store)->append(std::move(batch), [&](Status status, Lsn) { reason = status.reason(); });
    const bool refused = reason == "forked" && (*store)->flush().reason() == "forked" &&
                         (*store)->load_session("ses_a").status().reason() == "forked" &&
                         (*store)->acquire("session:a").status().reason() == "forked";
    store->reset();
    ::_exit(refused ? 0 : 1);
  }
  int result = -1;
  ASSERT_EQ(::waitpid(child, &result, 0), child);
  EXPECT_EQ(result, 0);
  Batch batch;
  batch.rows = {row("run_ses_a", 1, "from the parent")};
  EXPECT_TRUE(append(**store, std::move(batch)).status.ok());
  EXPECT_EQ(RawDatabase(path()).text("PRAGMA integrity_check"), "ok");
}

TEST_F(SqliteStoreTest, RemovedTextIsInNoFileOfTheHome) {
  auto store = open();
  ASSERT_TRUE(store.ok());
  const std::string canary = std::string("canary") + "-7f3a91";
  for (int s = 0; s < 30; ++s) {  // enough for pages to split and move
    const std::string id = "ses_" + std::to_string(s);
    fill_session(**store, id, 5,
                 s % 3 == 0 ? canary + std::string(static_cast<size_t>(s * 40), 'x') : "plain ");
    for (int64_t turn = 0; turn < 4; ++turn) {
      Batch batch;
      batch.rows = {row("run_" + id, 5 + turn,
                        (s % 3 == 0 ? canary : "plain") + std::string(turn == 3 ? 9000 : 10, 'y'))};
      batch.run = run_record("run_" + id, id);
      batch.run->snapshot_json =
          (s % 3 == 0 ? canary : "plain") + std::string(static_cast<size_t>(turn * 700), 'z');
      ASSERT_TRUE(append(**store, std::move(batch)).status.ok());
    }
  }
  ASSERT_TRUE(directory_holds(dir_.path(), canary));
  for (int s = 0; s < 30; s += 3) ASSERT_TRUE((*store)->remove_session("ses_" + std::to_string(s)).ok());
  EXPECT_FALSE(directory_holds(dir_.path(), canary));
  EXPECT_TRUE((*store)->verify_chain("run_ses_0").ok());
  EXPECT_EQ(bodies((*store)->load_lineage("ses_1.4")).size(), 5u);
  store->reset();
  EXPECT_FALSE(directory_holds(dir_.path(), canary));
}

TEST_F(SqliteStoreTest, ALargeBodyIsStoredOncePerContent) {
  auto store = open();
  ASSERT_TRUE(store.ok());
  const std::string big(50'000, 'q');
  for (const char* id : {"ses_a", "ses_b", "ses_c"}) fill_session(**store, id, 1, big);
  EXPECT_EQ(RawDatabase(path()).text("SELECT count(*) FROM blobs"), "1");
  ASSERT_TRUE((*store)->remove_session("ses_a").ok());
  EXPECT_EQ(RawDatabase(path()).text("SELECT count(*) FROM blobs"), "1");
  ASSERT_TRUE((*store)->remove_session("ses_b").ok());
  ASSERT_TRUE((*store)->remove_session("ses_c").ok());
  EXPECT_EQ(RawDatabase(path()).text("SELECT count(*) FROM blobs"), "0");
}

TEST_F(SqliteStoreTest, EveryTableWithBodiesHasTheColumnsOfProvenance) {
  ASSERT_TRUE(open().ok());
  for (const char* table : {"journal", "runs"}) {
    for (const char* column : {"integrity", "readers", "principal", "policy_epoch", "scanned_epoch"}) {
      EXPECT_EQ(RawDatabase(path()).text("SELECT count(*) FROM pragma_table_info('" + std::string(table) +
                                         "') WHERE name = '" + column + "'"),
                "1")
          << table << "." << column;
    }
  }
}

TEST_F(SqliteStoreTest, ALongWriteLoadKeepsTheWalBounded) {
  for (const bool waits : {false, true}) {
    const std::string path = dir_.file(waits ? "waits.db" : "appends.db");
    auto store = open_store({.path = path, .durability = Durability::kRelaxed}, clock_);
    ASSERT_TRUE(store.ok());
    fill_session(**store, "ses_a", 1);
    uintmax_t largest = 0;
    for (int64_t i = 1; i <= 3000; ++i) {
      Batch batch;
      batch.rows = {row("run_ses_a", i, std::string(16'000, 'b') + std::to_string(i))};
      if (waits) {
        ASSERT_TRUE((*store)->write(std::move(batch)).ok());
      } else {
        (*store)->append(std::move(batch), nullptr);
      }
      if (i % 50 != 0) continue;
      ASSERT_TRUE(waits || (*store)->flush().ok());
      largest = std::max(largest, std::filesystem::file_size(path + "-wal"));
    }
    EXPECT_GT(largest, 8u << 20);   // the bound was reached,
    EXPECT_LT(largest, 40u << 20);  // and held, though 50 MB went through
  }
}

}  // namespace
}  // namespace tau::store
