// What a memory costs and shows does not depend on what it has been through: searches beside ten thousand
// memories that are forgotten one after the other, and a hundred thousand searches of a thousand memories.
#include <gtest/gtest.h>
#include <time.h>

#include <algorithm>
#include <atomic>
#include <cstdlib>
#include <filesystem>
#include <random>
#include <thread>
#include <vector>

#include "memory/memory.h"
#include "support/temp_dir.h"

namespace tau::memory {
namespace {

int count_of(const char* name, int otherwise) {
  const char* const text = std::getenv(name);
  return text == nullptr ? otherwise : std::atoi(text);
}

class MemoryHistory : public testing::Test {
 protected:
  void SetUp() override {
    auto store = store::open_store({.path = dir_.file("tau.db"), .durability = store::Durability::kRelaxed},
                                   system_clock());
    ASSERT_TRUE(store.ok()) << store.status().to_string();
    store_ = *std::move(store);
    auto engine = Engine::open(*store_, system_clock(), {.folder = dir_.file("memory")});
    ASSERT_TRUE(engine.ok()) << engine.status().to_string();
    engine_ = *std::move(engine);
    ASSERT_TRUE(engine_->set_embedder(std::make_shared<HashEmbedder>()).ok());
  }
  static std::string word_of(int i) { return format("quagga{}x", i); }
  static store::MemoryRow memory_of(int i) {
    constexpr const char* kPlaces[] = {"river", "harbour", "garden", "bridge", "market", "island", "meadow"};
    store::MemoryRow row;
    row.scope.workspace = "w";
    row.id = format("m{}", i);
    row.text = format("{} was seen at the {} beside the {}", word_of(i), kPlaces[i % 7], kPlaces[i / 7 % 7]);
    row.thread = format("walk{}", i / 20);
    row.time_ms = row.created_ms = row.updated_ms = 1'700'000'000'000 + i * 60'000;
    row.importance = 0.5;
    row.provenance.integrity = "user";
    return row;
  }
  void put(int first, int count) {
    std::vector<store::MemoryEdit> edits;
    for (int i = first; i < first + count; ++i)
      edits.push_back({.what = store::MemoryPut{.row = memory_of(i)}});
    ASSERT_TRUE(engine_->commit(std::move(edits)).ok());
  }
  std::vector<int64_t> find(const std::string& text, std::vector<std::string>* ids) {
    SearchRequest request;
    request.text = text;
    request.now_ms = system_clock().wall_ms();
    auto found = engine_->search({.workspace = "w"}, std::move(request), {}, Engine::Words::kAndVectors);
    EXPECT_TRUE(found.ok()) << found.status().to_string();
    std::vector<int64_t> rows;
    for (const store::MemoryRow& row : found->rows) {
      rows.push_back(row.row);
      if (ids != nullptr) ids->push_back(row.id);
    }
    return rows;
  }
  // Of the database, its log and the indexes.
  int64_t bytes_on_disk() const {
    int64_t bytes = 0;
    for (const auto& entry : std::filesystem::recursive_directory_iterator(dir_.path()))
      if (entry.is_regular_file()) bytes += static_cast<int64_t>(entry.file_size());
    return bytes;
  }

  test::TempDir dir_;
  std::unique_ptr<store::Store> store_;
  std::unique_ptr<Engine> engine_;
};

TEST_F(MemoryHistory, WhatIsForgottenNeverShowsInASearchThatBeganLater) {
  const int count = count_of("TAU_MEMORY_FORGOTTEN", 2'000);
  for (int i = 0; i < count; i += 500) put(i, std::min(500, count - i));
  enum : uint8_t { kThere, kGoing, kGone };
  std::vector<std::atomic<uint8_t>> states(static_cast<size_t>(count));
  std::atomic<int> wrong{0};
  std::atomic<int> searches{0};
  std::atomic<int> next{0};  // the one that is forgotten now
  const auto read = [&](unsigned seed) {
    std::mt19937 random(seed);
    while (next < count) {
      // Around the one that is forgotten now.
      const int i = std::clamp(next + static_cast<int>(random() % 16) - 12, 0, count - 1);
      const uint8_t before = states[static_cast<size_t>(i)];
      std::vector<std::string> ids;
      find(word_of(i), &ids);
      const uint8_t after = states[static_cast<size_t>(i)];
      const bool found = std::find(ids.begin(), ids.end(), format("m{}", i)) != ids.end();
      wrong += before == kGone && found;
      wrong += after == kThere && !found;
      ++searches;
    }
  };
  std::vector<std::thread> readers;
  for (unsigned t = 0; t < 3; ++t) readers.emplace_back(read, t);
  for (; next < count; ++next) {
    std::atomic<uint8_t>& state = states[static_cast<size_t>(next)];
    state = kGoing;
    std::vector<store::MemoryEdit> edits;
    edits.push_back(
        {.what = store::MemoryForget{.ref = {{"w", "", ""}, format("m{}", next.load())}, .at_ms = 1}});
    if (!engine_->commit(std::move(edits)).ok()) ++wrong;
    state = kGone;
  }
  for (std::thread& reader : readers) reader.join();
  EXPECT_EQ(wrong, 0);
  EXPECT_GT(searches, 100);
  std::printf("memory history: %d forgotten beside %d searches\n", count, searches.load());
}

TEST_F(MemoryHistory, SearchesLeaveNothingThatGrows) {
  constexpr int kMemories = 1'000;
  const int searches = count_of("TAU_MEMORY_SEARCHES", 4'000);
  put(0, kMemories);
  const auto cpu_ns = [] {
    timespec now{};
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
    return int64_t{now.tv_sec} * 1'000'000'000 + now.tv_nsec;
  };
  std::vector<int64_t> quarters[4];
  int64_t bytes_early = 0;
  std::mt19937 random(7);
  for (int i = 0; i < searches; ++i) {
    const std::string query = word_of(static_cast<int>(random() % kMemories)) + " seen at the river";
    const int64_t begin = cpu_ns();
    const std::vector<int64_t> rows = find(query, nullptr);
    quarters[i * 4 / searches].push_back(cpu_ns() - begin);
    ASSERT_FALSE(rows.empty());
    engine_->note_use(rows);
    if (i % 500 == 499) { ASSERT_TRUE(engine_->tidy().ok()); }
    if (i == searches / 4) bytes_early = bytes_on_disk();
  }
  ASSERT_TRUE(engine_->tidy(true).ok());
  const auto part = [](std::vector<int64_t>& times, double share) {
    std::sort(times.begin(), times.end());
    return times[static_cast<size_t>(share * static_cast<double>(times.size() - 1))];
  };
  std::printf(
      "memory history: %d searches; p50 %lld then %lld us, p99 %lld then %lld us; %lld then %lld bytes\n",
      searches, static_cast<long long>(part(quarters[0], .5) / 1000),
      static_cast<long long>(part(quarters[3], .5) / 1000),
      static_cast<long long>(part(quarters[0], .99) / 1000),
      static_cast<long long>(part(quarters[3], .99) / 1000), static_cast<long long>(bytes_early),
      static_cast<long long>(bytes_on_disk()));
  // A machine that does other things makes some of them slower; history would make all of them so.
  EXPECT_LT(part(quarters[3], .5), 2 * part(quarters[0], .5));
  EXPECT_LT(part(quarters[3], .99), 4 * part(quarters[0], .99));
  EXPECT_LT(bytes_on_disk(), bytes_early + bytes_early / 4 + (1 << 20));
}

}  // namespace
}  // namespace tau::memory
