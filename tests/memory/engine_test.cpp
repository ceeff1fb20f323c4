// The engine over real stores: what is written is found, within reach and nowhere else, until it is
// forgotten.
#include "memory/engine.h"

#include <gtest/gtest.h>

#include <atomic>
#include <cmath>
#include <cstdlib>
#include <fstream>
#include <set>
#include <thread>

#include "memory/hash_embedder.h"
#include "support/temp_dir.h"

namespace tau::memory {
namespace {

using store::MemoryRow;

MemoryRow memory_of(std::string id, std::string text, std::string channel = {}, std::string actor = {}) {
  MemoryRow row;
  row.scope = {"w", SharedString(channel), SharedString(actor)};
  row.id = std::move(id);
  row.text = std::move(text);
  row.importance = 0.5;
  row.provenance.integrity = "user";
  row.created_ms = row.updated_ms = row.time_ms = system_clock().wall_ms();
  return row;
}

class MemoryEngine : public testing::Test {
 protected:
  void SetUp() override { open(); }
  void open() {
    engine_.reset();
    store_.reset();
    auto store = store::open_store({.path = dir_.path() + "/tau.db"}, system_clock());
    ASSERT_TRUE(store.ok()) << store.status().to_string();
    store_ = *std::move(store);
    engine_ = make_engine(*store_);
  }
  std::unique_ptr<Engine> make_engine(store::Store& store, bool read_only = false) {
    auto engine =
        Engine::open(store, system_clock(), {.folder = dir_.path() + "/memory", .read_only = read_only});
    EXPECT_TRUE(engine.ok()) << engine.status().to_string();
    EXPECT_TRUE((*engine)->set_embedder(std::make_shared<HashEmbedder>()).ok());
    return *std::move(engine);
  }
  static Status put(Engine& engine, MemoryRow row) {
    std::vector<store::MemoryEdit> edits;
    edits.push_back({.what = store::MemoryPut{.row = std::move(row)}});
    return engine.commit(std::move(edits)).status();
  }
  static Status forget(Engine& engine, const store::MemoryScope& scope, const std::string& id) {
    std::vector<store::MemoryEdit> edits;
    edits.push_back({.what = store::MemoryForget{.ref = {scope, id}, .at_ms = 1}});
    return engine.commit(std::move(edits)).status();
  }
  static std::vector<std::string> find(Engine& engine, const Reach& reach, const std::string& text,
                                       size_t k = 10) {
    SearchRequest request;
    request.text = text;
    request.k = k;
    auto found = engine.search(reach, std::move(request), {}, Engine::Words::kAndVectors);
    EXPECT_TRUE(found.ok()) << found.status().to_string();
    std::vector<std::string> ids;
    if (found.ok())
      for (const MemoryRow& row : found->rows) ids.push_back(row.id);
    return ids;
  }
  static std::vector<std::string> texts(Engine& engine, const Reach& reach, const std::string& text) {
    SearchRequest request;
    request.text = text;
    const auto found = engine.search(reach, std::move(request), {}, Engine::Words::kAndVectors);
    std::vector<std::string> all;
    for (const MemoryRow& row : found->rows) all.push_back(row.text);
    return all;
  }
  static bool holds(const std::vector<std::string>& ids, const std::string& id) {
    return std::find(ids.begin(), ids.end(), id) != ids.end();
  }

  test::TempDir dir_;
  std::unique_ptr<store::Store> store_;
  std::unique_ptr<Engine> engine_;
  const Reach whole_{.workspace = "w"};
};

TEST_F(MemoryEngine, AnIdIsFoundInManyScopesAsInFew) {
  for (int i = 0; i < 12; ++i)
    ASSERT_TRUE(put(*engine_, memory_of("a", "text", i % 2 == 0 ? "even" : "odd", format("{}", i / 2))).ok());
  const auto actors = [&](store::MemoryFilter filter) {
    filter.workspace = "w";
    std::set<std::string> all;
    const auto rows = engine_->find(filter, "a", false);
    for (const MemoryRow& row : *rows) all.insert(row.scope.channel.str() + row.scope.actor.str());
    return all;
  };
  EXPECT_EQ(actors({}).size(), 12U);
  EXPECT_EQ(actors({.channels = {"odd"}}).size(), 6U);
  EXPECT_EQ(actors({.channels = {"odd", "even"}, .actors = {"1", "2", "3"}}).size(), 6U);
  EXPECT_EQ(actors({.channels = {"odd"}, .actors = {"1", "7"}}), std::set<std::string>{"odd1"});
}

TEST_F(MemoryEngine, FindsWhatWasWrittenAtOnceAndAfterReopening) {
  ASSERT_TRUE(put(*engine_, memory_of("tea", "Ada prefers green tea in the afternoon")).ok());
  ASSERT_TRUE(put(*engine_, memory_of("boat", "The boat lies in the northern harbour")).ok());
  EXPECT_EQ(find(*engine_, whole_, "which tea does Ada prefer").at(0), "tea");
  ASSERT_TRUE(engine_->tidy().ok());
  open();
  EXPECT_EQ(find(*engine_, whole_, "northern harbour").at(0), "boat");
  ASSERT_TRUE(put(*engine_, memory_of("boat", "The boat was sold")).ok());
  for (const std::string& text : texts(*engine_, whole_, "northern harbour"))
    EXPECT_EQ(text.find("northern"), std::string::npos) << text;
}

TEST_F(MemoryEngine, NeverAnswersFromOutsideOfReach) {
  ASSERT_TRUE(put(*engine_, memory_of("x", "zebra of channel one", "one")).ok());
  ASSERT_TRUE(put(*engine_, memory_of("x", "zebra of channel two", "two")).ok());
  ASSERT_TRUE(put(*engine_, memory_of("all", "zebra of everybody")).ok());
  MemoryRow foreign = memory_of("x", "zebra of another workspace");
  foreign.scope.workspace = "other";
  ASSERT_TRUE(put(*engine_, foreign).ok());
  const Reach one{.workspace = "w", .channel = SharedString("one")};
  SearchRequest request;
  request.text = "zebra";
  auto found = engine_->search(one, request, {}, Engine::Words::kAndVectors);
  ASSERT_TRUE(found.ok());
  ASSERT_EQ(found->rows.size(), 2u);
  for (const MemoryRow& row : found->rows) EXPECT_TRUE(one.sees(row.scope)) << row.text;
  request.filter.channels = {SharedString("two")};
  EXPECT_EQ(engine_->search(one, request, {}, Engine::Words::kAndVectors).status().reason(), "outside_scope");
  EXPECT_EQ(find(*engine_, whole_, "zebra").size(), 3u);
}

TEST_F(MemoryEngine, ForgettingInOneScopeLeavesTheOther) {
  ASSERT_TRUE(put(*engine_, memory_of("x", "zebra of channel one", "one")).ok());
  ASSERT_TRUE(put(*engine_, memory_of("x", "zebra of channel two", "two")).ok());
  ASSERT_TRUE(forget(*engine_, {"w", "one", ""}, "x").ok());
  const Reach one{.workspace = "w", .channel = SharedString("one")};
  const Reach two{.workspace = "w", .channel = SharedString("two")};
  EXPECT_TRUE(find(*engine_, one, "zebra").empty());
  EXPECT_EQ(find(*engine_, two, "zebra").size(), 1u);
}

TEST_F(MemoryEngine, WhatWasForgottenNeverComesBackUnderLoad) {
  constexpr int kThreads = 4;
  constexpr int kRounds = 150;
  std::atomic<int> wrong{0};
  std::vector<std::thread> threads;
  for (int t = 0; t < kThreads; ++t) {
    threads.emplace_back([&, t] {
      const Reach reach{.workspace = "w", .channel = SharedString(format("c{}", t % 2))};
      for (int i = 0; i < kRounds; ++i) {
        const std::string id = format("m{}-{}", t, i);
        const std::string word = format("quagga{}x{}", t, i);
        const std::string channel = format("c{}", t % 2);
        if (!put(*engine_, memory_of(id, "seen at the river: " + word, channel)).ok()) ++wrong;
        if (!holds(find(*engine_, reach, word), id)) ++wrong;
        if (!forget(*engine_, {"w", SharedString(channel), ""}, id).ok()) ++wrong;
        engine_->note_use({i + 1});
        if (holds(find(*engine_, reach, word), id)) ++wrong;
      }
    });
  }
  threads.emplace_back([&] {
    for (int i = 0; i < 20; ++i)
      if (!engine_->tidy().ok()) ++wrong;
  });
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(wrong, 0);
}

TEST_F(MemoryEngine, TwoEnginesOnOneDatabaseSeeEachOther) {
  auto second = store::open_store({.path = dir_.path() + "/tau.db"}, system_clock());
  ASSERT_TRUE(second.ok());
  const std::unique_ptr<Engine> other = make_engine(**second);
  for (int i = 0; i < 20; ++i) {
    const std::string id = format("m{}", i);
    ASSERT_TRUE(put(*engine_, memory_of(id, format("the number is nilgai{}", i))).ok());
    EXPECT_TRUE(holds(find(*other, whole_, format("nilgai{}", i)), id));
    ASSERT_TRUE(forget(*other, {"w", "", ""}, id).ok());
    EXPECT_FALSE(holds(find(*engine_, whole_, format("nilgai{}", i)), id));
    if (i % 5 == 0) {
      ASSERT_TRUE(engine_->tidy().ok());
      ASSERT_TRUE(other->tidy().ok());
    }
  }
}

// Every file below the folder.
std::string bytes_below(const std::string& folder) {
  std::string all;
  const std::string command = "find '" + folder + "' -type f -exec cat {} +";
  FILE* pipe = popen(command.c_str(), "r");
  char buffer[65536];
  for (size_t n = 0; (n = fread(buffer, 1, sizeof buffer, pipe)) > 0;) all.append(buffer, n);
  pclose(pipe);
  return all;
}

TEST_F(MemoryEngine, APurgeLeavesNoTraceOnTheDisk) {
  for (int i = 0; i < 200; ++i)
    ASSERT_TRUE(put(*engine_, memory_of(format("keep{}", i), format("an ordinary line number {}", i))).ok());
  const std::string word = "xylo" + std::string("phonequagga");
  ASSERT_TRUE(put(*engine_, memory_of("gone", "the secret word is " + word)).ok());
  ASSERT_TRUE(holds(find(*engine_, whole_, word), "gone"));
  ASSERT_TRUE(engine_->tidy().ok());
  ASSERT_NE(bytes_below(dir_.path()).find(word), std::string::npos);
  const auto purged = engine_->purge({{{"w", "", ""}, "gone"}});
  ASSERT_TRUE(purged.ok()) << purged.status().to_string();
  EXPECT_EQ(*purged, 1);
  EXPECT_FALSE(holds(find(*engine_, whole_, word), "gone"));
  EXPECT_EQ(bytes_below(dir_.path()).find(word), std::string::npos);
  EXPECT_EQ(find(*engine_, whole_, "ordinary line", 300).size(), 200u);
}

// Vectors by hand, or none at all.
class TestEmbedder final : public Embedder {
 public:
  explicit TestEmbedder(std::string name) : id_(std::move(name)) {}
  std::string_view id() const override { return id_; }
  size_t dimensions() const override { return 4; }
  bool slow() const override { return true; }
  Status embed(const std::vector<std::string_view>& texts, Purpose, float* out) const override {
    if (down) return unavailable("embedder_failed", "the test's embedder is down");
    ++calls;
    for (size_t i = 0; i < texts.size(); ++i)
      for (size_t d = 0; d < 4; ++d)
        out[i * 4 + d] = texts[i].find(kWords[d]) != std::string_view::npos ? 1.0F : 0.01F;
    return ok_status();
  }
  static constexpr std::string_view kWords[] = {"sea", "hill", "town", "road"};
  mutable std::atomic<int> calls{0};
  std::atomic<bool> down{false};

 private:
  const std::string id_;
};

TEST_F(MemoryEngine, AModelThatIsDownLeavesWordsAndSaysSo) {
  const auto model = std::make_shared<TestEmbedder>("host:test");
  ASSERT_TRUE(engine_->set_embedder(model).ok());
  model->down = true;
  ASSERT_TRUE(put(*engine_, memory_of("a", "a house by the sea")).ok());
  SearchRequest request;
  request.text = "house";
  auto found = engine_->search(whole_, request, {}, Engine::Words::kAndVectors);
  ASSERT_TRUE(found.ok());
  EXPECT_EQ(found->rows.size(), 1u);
  EXPECT_EQ(found->vectors, Found::Vectors::kUnavailable);
  EXPECT_EQ(found->why.reason(), "embedder_failed");
  EXPECT_FALSE(engine_->embed_missing(10, nullptr).ok());
  model->down = false;
  EXPECT_EQ(*engine_->embed_missing(10, nullptr), 1);
  EXPECT_EQ(*engine_->embed_missing(10, nullptr), 0);
  found = engine_->search(whole_, request, {}, Engine::Words::kAndVectors);
  ASSERT_TRUE(found.ok());
  EXPECT_EQ(found->vectors, Found::Vectors::kUsed);
}

TEST_F(MemoryEngine, MemoriesWithoutAVectorAreCountedAndComeToTheirs) {
  const auto model = std::make_shared<TestEmbedder>("host:test");
  ASSERT_TRUE(engine_->set_embedder(model).ok());
  const auto missing = [&] {
    SearchRequest request;
    request.text = "house";
    const auto found = engine_->search(whole_, request, {}, Engine::Words::kAndVectors);
    EXPECT_EQ(found->missing, *engine_->missing(whole_));
    return found->missing;
  };
  for (const char* const id : {"a", "b", "c"})
    ASSERT_TRUE(put(*engine_, memory_of(id, format("a house by the sea, {}", id))).ok());
  EXPECT_EQ(missing(), 3);
  EXPECT_EQ(*engine_->missing({.workspace = "elsewhere"}), 0);
  EXPECT_EQ(*engine_->embed_missing(2, nullptr), 2);
  EXPECT_EQ(missing(), 1);
  EXPECT_EQ(*engine_->embed_missing(2, nullptr), 1);
  EXPECT_EQ(*engine_->embed_missing(2, nullptr), 0);
  EXPECT_EQ(missing(), 0);

  ASSERT_TRUE(put(*engine_, memory_of("a", "another house on the hill")).ok());
  EXPECT_EQ(missing(), 1);
  MemoryRow tagged = memory_of("b", "a house by the sea, b");
  tagged.tags = {"home"};
  ASSERT_TRUE(put(*engine_, tagged).ok());
  EXPECT_EQ(missing(), 1) << "the text of b is what it was";
  ASSERT_TRUE(forget(*engine_, {"w", "", ""}, "c").ok());
  EXPECT_EQ(*engine_->embed_missing(10, nullptr), 1);
  EXPECT_EQ(missing(), 0);

  // What was forgotten while the others got theirs.
  ASSERT_TRUE(put(*engine_, memory_of("d", "a town")).ok());
  ASSERT_TRUE(forget(*engine_, {"w", "", ""}, "d").ok());
  ASSERT_TRUE(put(*engine_, memory_of("e", "a road")).ok());
  EXPECT_EQ(*engine_->embed_missing(10, nullptr), 1);
  std::vector<store::MemoryEdit> restore;
  restore.push_back({.what = store::MemoryForget{.ref = {{"w", "", ""}, "d"}, .at_ms = 0}});
  ASSERT_TRUE(engine_->commit(std::move(restore)).ok());
  EXPECT_EQ(missing(), 1);
  model->down = true;
  EXPECT_FALSE(engine_->embed_missing(10, nullptr).ok());
  model->down = false;
  EXPECT_EQ(*engine_->embed_missing(10, nullptr), 1);
  EXPECT_EQ(missing(), 0);
}

TEST_F(MemoryEngine, ALittleThatWasWrittenIsLeftToTheNextSearch) {
  EXPECT_FALSE(engine_->falls_behind());
  ASSERT_TRUE(put(*engine_, memory_of("first", "the first one")).ok());
  EXPECT_FALSE(engine_->falls_behind());
  EXPECT_TRUE(holds(find(*engine_, whole_, "first"), "first"));
  for (int i = 0; i < 40; ++i) ASSERT_TRUE(put(*engine_, memory_of(format("m{}", i), "more")).ok());
  EXPECT_TRUE(engine_->falls_behind());
  ASSERT_TRUE(engine_->follow().ok());
  EXPECT_FALSE(engine_->falls_behind());
  EXPECT_EQ(engine_->stats(whole_)->documents, 41);
  ASSERT_TRUE(engine_->set_embedder(std::make_shared<TestEmbedder>("host:test")).ok());
  EXPECT_TRUE(engine_->falls_behind()) << "vectors may be missing";
}

// Each search brings what was written into the index, also while that is being saved.
TEST_F(MemoryEngine, AnIndexThatIsAlwaysInUseIsSavedAllTheSame) {
  constexpr int kMemories = 6000;
  for (int i = 0; i < kMemories; i += 500) {
    std::vector<store::MemoryEdit> edits;
    for (int n = i; n < i + 500; ++n)
      edits.push_back({.what = store::MemoryPut{.row = memory_of(format("m{}", n), format("line {}", n))}});
    ASSERT_TRUE(engine_->commit(std::move(edits)).ok());
  }
  std::atomic<bool> over{false};
  std::atomic<bool> lost{false};
  std::atomic<int> written{0};
  std::thread busy([&] {
    while (!over && !lost) {
      const std::string id = format("new{}", written.load());
      lost = !put(*engine_, memory_of(id, "hedgehog " + id)).ok() || !holds(find(*engine_, whole_, id), id);
      ++written;
    }
  });
  while (written < 3) std::this_thread::yield();
  EXPECT_TRUE(engine_->tidy().ok());
  EXPECT_GT(bytes_below(dir_.path() + "/memory").size(), 100'000u) << "it was not saved";
  for (const int before = written; written < before + 3 && !lost;) std::this_thread::yield();
  over = true;
  busy.join();
  EXPECT_FALSE(lost);
  for (int i = 0; i < written; ++i)
    EXPECT_TRUE(holds(find(*engine_, whole_, format("new{}", i)), format("new{}", i))) << i;
  open();
  EXPECT_TRUE(holds(find(*engine_, whole_, "hedgehog new0"), "new0"));
  EXPECT_EQ((*engine_->stats(whole_)).rebuilt, 0);
}

TEST_F(MemoryEngine, WhoOnlyReadsUsesTheFilesAndLeavesThemAsTheyAre) {
  const auto put_many = [&](int from) {
    std::vector<store::MemoryEdit> edits;
    for (int n = from; n < from + 1000; ++n)
      edits.push_back({.what = store::MemoryPut{.row = memory_of(format("m{}", n), format("line {}", n))}});
    ASSERT_TRUE(engine_->commit(std::move(edits)).ok());
  };
  EXPECT_TRUE(make_engine(*store_, true)->tidy().ok()) << "no file";
  for (int n = 0; n < 6000; n += 1000) put_many(n);
  EXPECT_TRUE(holds(find(*engine_, whole_, "line 5001"), "m5001"));
  ASSERT_TRUE(engine_->tidy().ok());
  ASSERT_GT(bytes_below(dir_.path() + "/memory").size(), 100'000u);
  for (int n = 6000; n < 12'000; n += 1000) put_many(n);
  dir_.write("memory/99.index", "of no scope");
  const std::string before = bytes_below(dir_.path() + "/memory");
  const std::unique_ptr<Engine> reader = make_engine(*store_, true);
  EXPECT_TRUE(holds(find(*reader, whole_, "line 5001"), "m5001"));
  EXPECT_TRUE(holds(find(*reader, whole_, "line 11001"), "m11001"));
  EXPECT_EQ((*reader->stats(whole_)).rebuilt, 0);
  EXPECT_TRUE(reader->tidy(/*closing=*/true).ok());
  EXPECT_EQ(bytes_below(dir_.path() + "/memory"), before);
}

TEST_F(MemoryEngine, SpacesOfTwoModelsNeverMix) {
  const auto first = std::make_shared<TestEmbedder>("host:first");
  ASSERT_TRUE(engine_->set_embedder(first).ok());
  ASSERT_TRUE(put(*engine_, memory_of("a", "a walk by the sea")).ok());
  EXPECT_EQ(*engine_->embed_missing(10, nullptr), 1);
  const auto second = std::make_shared<TestEmbedder>("host:second");
  ASSERT_TRUE(engine_->set_embedder(second).ok());
  SearchRequest request;
  request.text = "sea";
  request.vector_weight = 1;
  auto found = engine_->search(whole_, request, {}, Engine::Words::kAndVectors);
  ASSERT_TRUE(found.ok());
  EXPECT_TRUE(found->rows.empty()) << "a vector of the first model answered for the second";
  EXPECT_EQ(*engine_->embed_missing(10, nullptr), 1);
  found = engine_->search(whole_, request, {}, Engine::Words::kAndVectors);
  ASSERT_TRUE(found.ok());
  EXPECT_EQ(found->rows.size(), 1u);
}

}  // namespace
}  // namespace tau::memory
