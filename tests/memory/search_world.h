// Memories of some scopes, in shards, and what a search of them asks of a store. For the tests of search.
#pragma once

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include <algorithm>
#include <memory>
#include <string>
#include <vector>

#include "memory/calendar.h"
#include "memory/hash_embedder.h"
#include "memory/search.h"

namespace tau::memory::test {

inline const int64_t kNow = day_number({2023, 6, 15}) * kMsPerDay;

struct Memory {
  store::MemoryRow row;
  size_t shard = 0;
};

// Memories of some scopes, and the same in shards.
class World {
 public:
  std::vector<Memory> memories;
  std::vector<store::MemoryEdge> edges;

  explicit World(size_t shards) : shard_count_(shards) {}

  Memory& add(std::string text, size_t shard = 0, std::string thread = "") {
    Memory& memory = memories.emplace_back();
    memory.shard = shard;
    memory.row.row = static_cast<int64_t>(memories.size());
    memory.row.type = static_cast<uint8_t>(Type::kFact);
    memory.row.importance = 0.5;
    memory.row.text = std::move(text);
    memory.row.thread = std::move(thread);
    memory.row.time_ms = memory.row.created_ms = memory.row.updated_ms = kNow - 90 * kMsPerDay;
    memory.row.position = memory.row.row;
    return memory;
  }
  // Indexes them in this order; every one that exists is replaced.
  void index(const std::vector<size_t>& order) {
    shards_.clear();
    for (size_t i = 0; i < shard_count_; ++i) {
      ShardOptions options;
      options.key.scope_key = static_cast<int64_t>(i + 1);
      options.key.space = 1;
      options.key.dimensions = HashEmbedder::kDimensions;
      auto shard = Shard::open(options);
      RC_ASSERT(shard.ok());
      shards_.push_back(*std::move(shard));
    }
    int64_t change = 0;
    for (const size_t i : order) {
      memories[i].row.change = ++change;
      RC_ASSERT(shards_[memories[i].shard]->apply(memories[i].row, vector_of(memories[i])).ok());
    }
  }
  void index() {
    std::vector<size_t> order(memories.size());
    for (size_t i = 0; i < order.size(); ++i) order[i] = i;
    index(order);
  }
  static std::string vector_of(const Memory& memory) {
    std::vector<float> values(HashEmbedder::kDimensions);
    EXPECT_TRUE(HashEmbedder().embed({memory.row.text}, Purpose::kDocument, values.data()).ok());
    return *quantise(values.data(), values.size());
  }
  std::vector<const Shard*> shards() const {
    std::vector<const Shard*> shards;
    for (const auto& shard : shards_) shards.push_back(shard.get());
    return shards;
  }

 private:
  size_t shard_count_;
  std::vector<std::unique_ptr<Shard>> shards_;
};

class WorldSource final : public SearchSource {
 public:
  explicit WorldSource(const World& world) : world_(world) {}
  StatusOr<std::vector<std::string>> texts(const std::vector<int64_t>& rows) override {
    std::vector<std::string> texts;
    for (const int64_t row : rows) texts.push_back(world_.memories[static_cast<size_t>(row - 1)].row.text);
    return texts;
  }
  StatusOr<std::vector<int64_t>> rows_with_phrase(std::string_view phrase, size_t) override {
    return rows_if([&](const std::string& text) { return text.find(phrase) != std::string::npos; });
  }
  StatusOr<std::vector<int64_t>> rows_with_prefix(std::string_view prefix, size_t) override {
    return rows_if([&](const std::string& text) {
      return (" " + text).find(" " + std::string(prefix)) != std::string::npos;
    });
  }
  StatusOr<std::vector<store::MemoryEdge>> edges(const std::vector<int64_t>& rows) override {
    std::vector<store::MemoryEdge> found;
    for (const store::MemoryEdge& edge : world_.edges)
      if (std::ranges::count(rows, edge.source) + std::ranges::count(rows, edge.target) > 0)
        found.push_back(edge);
    return found;
  }

 private:
  template <class F>
  std::vector<int64_t> rows_if(F&& f) {
    std::vector<int64_t> rows;
    for (const Memory& memory : world_.memories)
      if (f(memory.row.text)) rows.push_back(memory.row.row);
    return rows;
  }
  const World& world_;
};

inline SearchResult search(const World& world, const SearchRequest& request, bool vectors = true) {
  const auto shards = world.shards();
  WorldSource source(world);
  auto vector = embed_query(HashEmbedder(), request.text, shards);
  RC_ASSERT(vector.ok());
  auto result = Searcher().search(request, shards, vectors && *vector ? &**vector : nullptr, &source);
  RC_ASSERT(result.ok());
  return *std::move(result);
}
inline std::vector<int64_t> rows_of(const SearchResult& result) {
  std::vector<int64_t> rows;
  for (const SearchHit& hit : result.hits) rows.push_back(hit.row);
  return rows;
}

}  // namespace tau::memory::test
