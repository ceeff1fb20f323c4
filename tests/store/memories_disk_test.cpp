// Memories in a file: what a crash leaves, what a purge leaves, several processes, other copies, damage.
#include <gtest/gtest.h>

#include <algorithm>
#include <atomic>
#include <filesystem>
#include <map>
#include <mutex>
#include <random>
#include <set>
#include <thread>

#include "child.h"
#include "crash_vfs.h"
#include "memories_fixture.h"
#include "raw_database.h"

namespace tau::store {
namespace {

class MemoriesOnDisk : public testing::Test {
 protected:
  std::unique_ptr<Store> open(bool read_only = false) {
    auto store = open_store({.path = path(), .read_only = read_only}, clock_);
    EXPECT_TRUE(store.ok()) << store.status().to_string();
    return store.ok() ? std::move(*store) : nullptr;
  }
  std::string path() const { return dir_.file("tau.db"); }
  std::vector<std::string> problems() const {
    const auto found = verify_database(path());
    EXPECT_TRUE(found.ok()) << found.status().to_string();
    std::vector<std::string> out;
    if (!found.ok()) return out;
    for (const Soundness::Problem& problem : found->problems) out.push_back(problem.reason);
    return out;
  }

  // So many that the words of all that was written before are in the full-text index.
  static constexpr int kFillers = 64;
  static void bring_words_in(Store& store) {
    for (int i = 0; i < kFillers; ++i)
      ASSERT_TRUE(put(store, memory("filler" + std::to_string(i), "filler")).status.ok());
  }

  TempDir dir_;
  FixedClock clock_;
};

TEST_F(MemoriesOnDisk, NoFileHoldsWhatWasPurged) {
  const std::vector<std::string> kSecrets = {
      "QUIXOTREMNATH",    "quixotremnath", "ZYVVOGLUB",   "zyvvoglub",    "vexPILOKRAN",
      "vexpilokran",      "JUMBLEKROST",   "jumblekrost", "wimmelSOURCE", "xoloATTRIBUTE",
      "\x01\x9f vecTOR9", "idOFsecret",    "OBJECTkwarg"};
  auto store = open();
  const int64_t space = *store->memories()->space("hash-1", 8);
  for (int i = 0; i < 300; ++i) {
    const std::string n = std::to_string(i);
    ASSERT_TRUE(put(*store, memory("m" + n, "ordinary words number " + n + " of many")).status.ok());
  }
  MemoryRow secret = memory("idOFsecret", "the QUIXOTREMNATH of before");
  ASSERT_TRUE(put(*store, secret).status.ok());
  secret.text = "now ZYVVOGLUB and " + std::string(9000, 'x') + " vexPILOKRAN";
  secret.tags = {"JUMBLEKROST"};
  secret.source = "wimmelSOURCE";
  secret.attributes = R"({"k":"xoloATTRIBUTE"})";
  secret.fact = {.subject = "s", .predicate = "p", .object = "OBJECTkwarg"};
  ASSERT_TRUE(
      edit(*store, MemoryPut{.row = secret, .space = space, .vector = "\x01\x9f vecTOR9"}).status.ok());
  ASSERT_TRUE(relate(*store, "idOFsecret", "m1").status.ok());
  ASSERT_TRUE(store->memories()->purge({{scope_of("w"), "m200"}}).ok());  // which moves all to the database
  for (int i = 0; i < 40; ++i)
    ASSERT_TRUE(put(*store, memory("n" + std::to_string(i), "more words")).status.ok());
  for (const std::string& one : kSecrets) {
    if (one == "QUIXOTREMNATH" || one == "quixotremnath") continue;  // overwritten by then
    EXPECT_TRUE(directory_holds(dir_.path(), one)) << one;
  }
  EXPECT_EQ(*store->memories()->purge({{scope_of("w"), "idOFsecret"}}), 1);
  for (const std::string& one : kSecrets) EXPECT_FALSE(directory_holds(dir_.path(), one)) << one;
  const auto found = store->memories()->match({only_scope(*store)}, {.all = {"ordinary"}, .any = {}}, 1000);
  EXPECT_EQ(found->size(), 299u);
  EXPECT_EQ(problems(), std::vector<std::string>());
}

// Rows of many sizes and names in no order split pages, and a page that was split has copies of what moved
// on.
TEST_F(MemoriesOnDisk, NoPageHoldsACopyOfWhatMovedToAnotherOneAndWasPurgedThere) {
  auto store = open();
  const auto token = [](uint64_t i) {
    std::string word;
    for (uint64_t n = (i + 1) * 0x9e3779b97f4a7c15ULL; word.size() < 12; n /= 23)
      word += static_cast<char>('b' + n % 23);
    return word;
  };
  constexpr uint64_t kCount = 600;
  std::vector<MemoryRef> half;
  for (uint64_t i = 0; i < kCount; ++i) {
    MemoryRow row = memory("id" + token(i), token(i) + std::string(i * 37 % 700, ' ') + "of some length");
    row.source = "file:" + token(i);
    row.thread = "t" + token(i);
    row.fact = {.subject = "s" + token(i), .predicate = "is", .object = token(i)};
    ASSERT_TRUE(put(*store, row).status.ok());
    if (i % 2 == 0) half.push_back({scope_of("w"), "id" + token(i)});
  }
  ASSERT_EQ(*store->memories()->purge(half), static_cast<int64_t>(kCount / 2));
  int found = 0;
  for (uint64_t i = 0; i < kCount; i += 2) found += directory_holds(dir_.path(), token(i));
  EXPECT_EQ(found, 0);
  EXPECT_TRUE(directory_holds(dir_.path(), token(1)));
  EXPECT_EQ(problems(), std::vector<std::string>());
}

// Each purge merges the index into a level of its own, and SQLite takes an index of 2,000 levels for damaged.
TEST_F(MemoriesOnDisk, PurgesWithoutEndLeaveAnIndexOfFewLevels) {
  auto store = open();
  for (int i = 0; i < 20; ++i)
    ASSERT_TRUE(put(*store, memory(format("m{}", i), "words that stay")).status.ok());
  for (int i = 0; i < 150; ++i)
    ASSERT_TRUE(put(*store, memory(format("gone{}", i), format("words that go {}", i))).status.ok());
  bring_words_in(*store);
  for (int i = 0; i < 150; ++i) {
    ASSERT_TRUE(put(*store, memory(format("m{}", i % 5), format("words that stay, {}", i))).status.ok());
    ASSERT_EQ(*store->memories()->purge({{scope_of("w"), format("gone{}", i)}}), 1);
  }
  const std::string levels =
      RawDatabase(path()).text("SELECT hex(substr(block, 5, 1)) FROM memory_fts_data WHERE id = 10");
  EXPECT_GT(std::stoi(levels, nullptr, 16), 17);  // each made one
  EXPECT_LT(std::stoi(levels, nullptr, 16), 80);
  EXPECT_EQ(store->memories()->match({only_scope(*store)}, {.all = {"stay"}, .any = {}}, 100)->size(), 20u);
  EXPECT_EQ(store->memories()->match({only_scope(*store)}, {.all = {"go"}, .any = {}}, 100)->size(), 0u);
  EXPECT_EQ(problems(), std::vector<std::string>());
}

// A process that is killed when it begins to write leaves a log that has its header and nothing else.
TEST_F(MemoriesOnDisk, ALogThatWasOnlyBegunIsNoLog) {
  auto store = open();
  ASSERT_TRUE(put(*store, memory("a", "text")).status.ok());
  ASSERT_TRUE(put(*store, memory("b", "text")).status.ok());
  ASSERT_TRUE(store->memories()->purge({{scope_of("w"), "b"}}).ok());  // which moves all to the database
  ASSERT_TRUE(put(*store, memory("c", "text")).status.ok());
  const std::string left = dir_.file("left.db");
  std::filesystem::copy_file(path(), left);
  std::filesystem::copy_file(path() + "-shm", left + "-shm");
  std::filesystem::copy_file(path() + "-wal", left + "-wal");
  std::filesystem::resize_file(left + "-wal", 32);
  const auto found = verify_database(left);
  ASSERT_TRUE(found.ok()) << found.status().to_string();
  EXPECT_EQ(found->problems.size(), 0u);
}

// Each merges the index until its own words are gone, whatever the other one has done by then.
TEST_F(MemoriesOnDisk, PurgesOfTwoProcessesAtOnceEraseTheWordsOfBoth) {
  constexpr int kCount = 200;
  auto store = open();
  auto other = open();
  for (int i = 0; i < kCount; ++i)
    ASSERT_TRUE(put(*store, memory(format("m{}", i), format("zyqvexil{}k among words", i))).status.ok());
  std::vector<std::thread> threads;
  for (int t = 0; t < 4; ++t)
    threads.emplace_back([&, t] {
      for (int i = t; i < kCount; i += 4) {
        const auto purged = (t < 2 ? store : other)->memories()->purge({{scope_of("w"), format("m{}", i)}});
        // The log may be in use; it is emptied when it is not.
        EXPECT_TRUE(purged.ok() || purged.status().reason() == "store_busy") << purged.status().to_string();
      }
    });
  for (std::thread& thread : threads) thread.join();
  store.reset();
  other.reset();
  EXPECT_FALSE(directory_holds(dir_.path(), "zyqvexil"));
  EXPECT_EQ(problems(), std::vector<std::string>());
}

TEST_F(MemoriesOnDisk, WhatWasPurgedBeforeItsWordsWereIndexedLeavesNone) {
  auto store = open();
  for (int i = 0; i < 5; ++i) ASSERT_TRUE(put(*store, memory("m" + std::to_string(i), "words")).status.ok());
  ASSERT_TRUE(put(*store, memory("a", "the ZYVVOGLUB")).status.ok());
  EXPECT_TRUE(directory_holds(dir_.path(), "ZYVVOGLUB"));
  EXPECT_EQ(*store->memories()->purge({{scope_of("w"), "a"}}), 1);
  bring_words_in(*store);
  for (const char* const word : {"ZYVVOGLUB", "zyvvoglub"}) EXPECT_FALSE(directory_holds(dir_.path(), word));
  EXPECT_EQ(problems(), std::vector<std::string>());
}

TEST_F(MemoriesOnDisk, APurgeThatWasCutOffIsFinishedByTheNextOne) {
  auto store = open();
  for (int i = 0; i < 20; ++i) ASSERT_TRUE(put(*store, memory("m" + std::to_string(i), "words")).status.ok());
  ASSERT_TRUE(put(*store, memory("a", "ZYVVOGLUB")).status.ok());
  bring_words_in(*store);
  ASSERT_TRUE(forget(*store, "a").status.ok());
  RawDatabase(path()).exec(
      "UPDATE memory_state SET erasing = 1; DELETE FROM memories WHERE name = 'a';"
      "UPDATE memory_scopes SET forgotten = 0");
  EXPECT_TRUE(directory_holds(dir_.path(), "zyvvoglub"));
  EXPECT_EQ(*store->memories()->purge({}), 0);
  EXPECT_FALSE(directory_holds(dir_.path(), "zyvvoglub"));
  EXPECT_EQ(problems(), std::vector<std::string>());
}

TEST_F(MemoriesOnDisk, AReaderOfAnotherProcessKeepsTheWalAndIsSaid) {
  auto store = open();
  ASSERT_TRUE(put(*store, memory("a", "ZYVVOGLUB")).status.ok());
  RawDatabase reader(path());
  reader.exec("BEGIN; SELECT count(*) FROM memories");
  const auto purged = store->memories()->purge({{scope_of("w"), "a"}});
  EXPECT_EQ(purged.status().reason(), "store_busy");
  EXPECT_FALSE(store->memories()->load({scope_of("w"), "a"}, true).ok());
  reader.exec("COMMIT");
  EXPECT_TRUE(store->memories()->purge({}).ok());
}

TEST_F(MemoriesOnDisk, ADatabaseOfBeforeLearnsToRemember) {
  {
    auto store = open();
    fill_session(*store, "ses_a", 2);
  }
  RawDatabase(path()).exec(std::string(kDropMemories) + "PRAGMA user_version = 5");
  EXPECT_EQ(verify_database(path()).status().reason(), "database_too_old");
  auto store = open();
  ASSERT_NE(store, nullptr);
  EXPECT_EQ(store->load_session("ses_a")->id, "ses_a");
  EXPECT_EQ(*store->memories()->newest_change(), 0);
  EXPECT_TRUE(put(*store, memory("a", "text")).status.ok());
  EXPECT_EQ(problems(), std::vector<std::string>());
}

TEST_F(MemoriesOnDisk, AStoreThatOnlyReadsReadsMemories) {
  int64_t scope = 0;
  {
    auto store = open();
    ASSERT_TRUE(put(*store, memory("a", "text")).status.ok());
    scope = only_scope(*store);
  }
  auto store = open(true);
  ASSERT_NE(store, nullptr);
  EXPECT_EQ(store->memories()->load({scope_of("w"), "a"}, false)->text, "text");
  EXPECT_EQ(*store->memories()->newest_change(), 1);
  EXPECT_EQ(visit(*store, scope).rows.size(), 1u);
  EXPECT_EQ(store->memories()->match({scope}, {.all = {"text"}, .any = {}}, 9)->size(), 1u);
  EXPECT_EQ(store->memories()->list(everything(), 0, 9)->size(), 1u);
  EXPECT_EQ(put(*store, memory("b", "text")).status.reason(), "store_read_only");
  EXPECT_EQ(store->memories()->purge({}).status().reason(), "store_read_only");
  EXPECT_EQ(store->memories()->space("m", 1).status().reason(), "store_read_only");
}

TEST_F(MemoriesOnDisk, ACopyHoldsTheMemoriesUnderKeysOfItsOwn) {
  auto store = open();
  ASSERT_TRUE(put(*store, memory("a", "text")).status.ok());
  const int64_t scope = only_scope(*store);
  ASSERT_TRUE(store->backup(dir_.file("copy.db")).ok());
  auto copy = open_store({.path = dir_.file("copy.db")}, clock_);
  ASSERT_TRUE(copy.ok());
  EXPECT_EQ((*copy)->memories()->load({scope_of("w"), "a"}, false)->text, "text");
  const int64_t other = only_scope(**copy);
  EXPECT_NE(other, scope);
  EXPECT_EQ(visit(**copy, other).rows.size(), 1u);
  EXPECT_EQ(visit(**copy, scope).rows.size(), 0u);
}

TEST_F(MemoriesOnDisk, VerifyingCountsMemoriesAndFindsWhatDoesNotFit) {
  {
    auto store = open();
    const int64_t space = *store->memories()->space("m", 1);
    for (const char* id : {"a", "b", "c"})
      ASSERT_TRUE(
          edit(*store, MemoryPut{.row = memory(id, "words"), .space = space, .vector = "v"}).status.ok());
    ASSERT_TRUE(relate(*store, "a", "b").status.ok());
    ASSERT_TRUE(edit(*store, MemoryUse{.row = 1, .at_ms = 1}).status.ok());
    ASSERT_TRUE(forget(*store, "c").status.ok());
    bring_words_in(*store);
  }
  EXPECT_EQ(verify_database(path())->memories, 3 + kFillers);
  EXPECT_EQ(problems(), std::vector<std::string>());
  const std::string whole = read_file(path());
  const auto broken = [&](const std::string& sql) {
    TempDir other;
    const std::string copy = other.file("copy.db");
    std::filesystem::copy_file(path(), copy);
    RawDatabase(copy).exec(sql);
    std::set<std::string> reasons;
    const auto found = verify_database(copy);
    EXPECT_TRUE(found.ok()) << found.status().to_string();
    if (found.ok())
      for (const Soundness::Problem& problem : found->problems) reasons.insert(problem.reason);
    return reasons;
  };
  using Reasons = std::set<std::string>;
  EXPECT_EQ(broken("DELETE FROM memories WHERE name = 'a'"),
            (Reasons{"missing_memory", "memory_counters", "memory_words"}));
  EXPECT_EQ(broken("DELETE FROM memory_spaces"), (Reasons{"missing_space"}));
  EXPECT_EQ(broken("UPDATE memories SET text = 'other' WHERE name = 'b'"), (Reasons{"memory_words"}));
  EXPECT_EQ(broken("UPDATE memories SET scope = 9 WHERE name = 'c'"),
            (Reasons{"missing_scope", "memory_counters"}));
  EXPECT_EQ(broken("INSERT INTO memory_purged VALUES(1, 99, 1)"), (Reasons{"memory_not_purged"}));
  EXPECT_EQ(broken("UPDATE memory_state SET last_row = 2"), (Reasons{"memory_counters"}));
  EXPECT_EQ(broken("INSERT INTO memory_fts(memory_fts) VALUES('delete-all')"), (Reasons{"memory_words"}));
}

TEST_F(MemoriesOnDisk, AnIndexThatDoesNotFitIsMadeAnew) {
  auto store = open();
  for (int i = 0; i < 50; ++i) ASSERT_TRUE(put(*store, memory("m" + std::to_string(i), "words")).status.ok());
  bring_words_in(*store);
  RawDatabase(path()).exec("DELETE FROM memory_fts_data WHERE id > 10");
  const Status status = put(*store, memory("m1", "other words")).status;
  EXPECT_TRUE(status.ok()) << status.to_string();
  const Status journal = append(*store,
                                [] {
                                  Batch batch;
                                  batch.run = run_record("run_1");
                                  return batch;
                                }())
                             .status;
  EXPECT_TRUE(journal.ok()) << journal.to_string();
}

TEST_F(MemoriesOnDisk, TwoProcessesThatWriteAtOnceShareNoNumber) {
  constexpr int kEach = 150;
  const auto write = [&](const std::string& who) {
    auto store = open_store({.path = path()}, clock_);
    if (!store.ok()) return false;
    int64_t last = 0;
    for (int i = 0; i < kEach; ++i) {
      const Edited done = put(**store, memory(who + std::to_string(i), "text of " + who));
      if (!done.status.ok() || done.outcome.change <= last) return false;
      last = done.outcome.change;
      const auto newest = (*store)->memories()->newest_change();
      if (!newest.ok() || *newest < last) return false;
    }
    return true;
  };
  Child child([&](Child& self) {
    self.ready();
    self.wait_for_parent();
    return write("child");
  });
  child.await_ready();
  child.go_on();
  EXPECT_TRUE(write("parent"));
  EXPECT_TRUE(child.finish());
  auto store = open();
  const Seen seen = visit(*store, only_scope(*store));
  EXPECT_EQ(seen.rows.size(), 2u * kEach);
  std::set<int64_t> rows;
  for (const MemoryRow& row : seen.rows) rows.insert(row.row);
  EXPECT_EQ(rows.size(), 2u * kEach);
  EXPECT_EQ(std::ranges::adjacent_find(seen.order), seen.order.end());
  EXPECT_EQ(seen.order.back(), *store->memories()->newest_change());
  EXPECT_EQ(problems(), std::vector<std::string>());
}

TEST_F(MemoriesOnDisk, AnotherProcessSeesAChangeAtOnce) {
  Child child([&](Child& self) {
    auto store = open_store({.path = path()}, clock_);
    if (!store.ok() || *(*store)->memories()->newest_change() != 0) return false;
    self.ready();
    self.wait_for_parent();
    return *(*store)->memories()->newest_change() == 1;
  });
  child.await_ready();
  auto store = open();
  ASSERT_TRUE(put(*store, memory("a", "text")).status.ok());
  child.go_on();
  EXPECT_TRUE(child.finish());
}

TEST_F(MemoriesOnDisk, WhatIsForgottenNeverComesBackBesideOtherWrites) {
  auto store = open();
  constexpr int kMemories = 60;
  for (int i = 0; i < kMemories; ++i)
    ASSERT_TRUE(put(*store, memory("m" + std::to_string(i), "needle", scope_of("w", "a"))).status.ok());
  for (int i = 0; i < kMemories; ++i)
    ASSERT_TRUE(put(*store, memory("m" + std::to_string(i), "needle", scope_of("w", "b"))).status.ok());
  std::atomic<int> forgotten{0};
  std::atomic<bool> stop{false};
  std::atomic<int> wrong{0};
  const auto scopes = store->memories()->scopes(everything("w"));
  std::vector<std::thread> threads;
  threads.emplace_back([&] {
    for (uint32_t i = 0; !stop; ++i) {
      const std::string id = "m" + std::to_string(i % kMemories);
      const auto row = store->memories()->load({scope_of("w", "b"), id}, false);
      if (!row.ok()) ++wrong;
      (void)edit(*store, MemoryUse{.row = row.ok() ? row->row : 1, .at_ms = i});
      (void)edit(*store, MemoryUse{.row = static_cast<int64_t>(1 + i % kMemories), .at_ms = i});
      (void)put(*store, memory(id, "needle " + std::to_string(i), scope_of("w", "b")));
    }
  });
  threads.emplace_back([&] {
    while (!stop) {
      const int gone = forgotten;
      MemoryFilter filter = everything();
      filter.channels = {"a"};
      const auto listed = store->memories()->list(filter, 0, 1000);
      const auto found = store->memories()->match({(*scopes)[0].key}, {.all = {"needle"}, .any = {}}, 1000);
      if (!listed.ok() || !found.ok()) ++wrong;
      for (const MemoryRow& row : *listed)
        if (row.row <= gone) ++wrong;
      for (const int64_t row : *found)
        if (row <= gone) ++wrong;
      for (int i = 0; i < gone; ++i)
        if (store->memories()->load({scope_of("w", "a"), "m" + std::to_string(i)}, false).ok()) ++wrong;
    }
  });
  for (int i = 0; i < kMemories; ++i) {
    ASSERT_TRUE(forget(*store, "m" + std::to_string(i), 5000, scope_of("w", "a")).status.ok());
    forgotten = i + 1;
  }
  stop = true;
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(wrong, 0);
  MemoryFilter filter = everything();
  filter.channels = {"b"};
  EXPECT_EQ(*store->memories()->count(filter), kMemories);
  EXPECT_EQ(problems(), std::vector<std::string>());
}

// One writer's edits, each waited for; the state after each. After a crash the database holds the state after
// some edit that is not older than the last acknowledged one.
class CrashedMemories {
 public:
  explicit CrashedMemories(uint64_t seed) : random_(seed), vfs_("tau_memories_" + std::to_string(seed)) {}

  void work(int edits) {
    states_.push_back("");
    vfs_.set_observer([this](CrashVfs::Event event) { observe(event); });
    auto store = open_store({.path = dir_.file("tau.db"), .vfs = vfs_.name()}, clock_);
    ASSERT_TRUE(store.ok()) << store.status().to_string();
    for (int i = 0; i < edits; ++i) {
      const std::string id = "m" + std::to_string(random_() % 12);
      const uint64_t what = random_() % 6;
      const std::string text = what < 2 ? "" : "words " + std::to_string(i);
      begin(id, text);
      if (what == 0) {
        ASSERT_TRUE(forget(**store, id).status.ok());
      } else if (what == 1) {
        ASSERT_TRUE((*store)->memories()->purge({{scope_of("w"), id}}).ok());
      } else {
        ASSERT_TRUE(put(**store, memory(id, text)).status.ok());
      }
      const std::lock_guard lock(mutex_);
      acknowledged_ = states_.size() - 1;
    }
    store->reset();
    vfs_.set_observer(nullptr);
  }

  // The first image that is wrong, and how many there were.
  std::string judge(size_t* images) {
    for (const Moment& moment : moments_) {
      for (const CrashVfs::Loss loss : {CrashVfs::Loss::kAllUnsynced, CrashVfs::Loss::kNothing,
                                        CrashVfs::Loss::kRandom, CrashVfs::Loss::kRandom}) {
        ++*images;
        if (std::string wrong = judge(moment, loss); !wrong.empty()) return wrong;
      }
    }
    return "";
  }

 private:
  struct Moment {
    CrashVfs::Image image;
    size_t acknowledged = 0;
    size_t begun = 0;
  };

  void begin(const std::string& id, const std::string& text) {
    const std::lock_guard lock(mutex_);
    if (text.empty()) {
      live_.erase(id);
    } else {
      live_[id] = text;
    }
    std::string state;
    for (const auto& [name, words] : live_) state += name + "=" + words + ";";
    states_.push_back(state);
  }

  void observe(CrashVfs::Event event) {
    if (event != CrashVfs::Event::kWrite && event != CrashVfs::Event::kSync) return;
    const std::lock_guard lock(observing_);
    if (picks_() % 50 != 0) return;
    size_t acknowledged = 0;
    {
      const std::lock_guard states(mutex_);
      acknowledged = acknowledged_;
    }
    CrashVfs::Image image = vfs_.capture();
    const std::lock_guard states(mutex_);
    moments_.push_back({std::move(image), acknowledged, states_.size() - 1});
  }

  std::string judge(const Moment& moment, CrashVfs::Loss loss) {
    TempDir crashed;
    CrashVfs::materialize(moment.image, loss, random_, crashed.path());
    std::string state;
    {
      auto store = open_store({.path = crashed.file("tau.db"), .vfs = vfs_.name()}, clock_);
      if (!store.ok()) return "open: " + store.status().to_string();
      auto rows = (*store)->memories()->list(everything(), 0, 100);
      if (!rows.ok()) return "list: " + rows.status().to_string();
      std::ranges::sort(*rows, {}, &MemoryRow::id);
      for (const MemoryRow& row : *rows) state += row.id + "=" + row.text + ";";
    }
    const auto sound = verify_database(crashed.file("tau.db"));
    if (!sound.ok()) return "verify: " + sound.status().to_string();
    if (!sound->problems.empty()) return sound->problems[0].reason + ": " + sound->problems[0].message;
    for (size_t i = moment.acknowledged; i <= moment.begun; ++i)
      if (states_[i] == state) return "";
    return "not after edits " + std::to_string(moment.acknowledged) + " to " + std::to_string(moment.begun) +
           ": " + state;
  }

  std::mt19937_64 random_;
  std::mt19937_64 picks_{11};
  CrashVfs vfs_;
  TempDir dir_;
  FixedClock clock_;
  std::mutex observing_;
  std::mutex mutex_;
  std::map<std::string, std::string> live_;
  std::vector<std::string> states_;  // after each edit
  size_t acknowledged_ = 0;
  std::vector<Moment> moments_;
};

TEST(MemoriesCrash, NothingAcknowledgedIsLostAndNothingForgottenComesBack) {
  size_t images = 0;
  for (uint64_t seed = 1; seed <= 3; ++seed) {
    CrashedMemories campaign(seed);
    campaign.work(60);
    EXPECT_EQ(campaign.judge(&images), "") << "seed " << seed;
  }
  EXPECT_GT(images, 60u);
}

}  // namespace
}  // namespace tau::store
