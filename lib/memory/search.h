// Search through the shards of all scopes that a request covers: by words and by vectors, in their context.
// What a score is made of stands in ranking.h.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/base.h"
#include "memory/embedder.h"
#include "memory/query.h"
#include "memory/ranking.h"
#include "memory/shard.h"
#include "memory/vectors.h"
#include "store/store.h"

namespace tau::memory {

struct SearchRequest {
  static constexpr size_t kMaxHits = 1000;

  std::string text;
  store::MemoryFilter filter;
  AsOf as_of;
  size_t k = 10;                    // at most kMaxHits
  int64_t now_ms = store::kNoTime;  // what "yesterday" and recency are relative to; unset: neither counts

  // How much vectors weigh against words: 0 to 1; below 0: as the embedder usually does.
  double vector_weight = -1;
  Fusion fusion = Fusion::kConvex;
  bool strict = false;             // phrases and prefixes are conditions, and times are
  bool grouped = false;            // of each thread only its best memory
  bool context = true;             // neighbours and threads count
  bool feedback = true;            // words of the best memories are looked for as well
  double graph_weight = 0.25;      // of what relations bring; 0: they do not count
  double importance_weight = 0.1;  // these two: 0 to kMaxBoost together
  double recency_weight = 0.1;
  double diversity = 0;  // 0 to 1: how much likeness to a better hit counts against one (1 - lambda of MMR)
  double min_score = 0;  // hits score more than 0, and at least this
};

struct SearchHit {
  int64_t row = 0;
  double score = 0;    // 0 to 1
  ScoreParts parts;    // what it is made of
  uint32_t shard = 0;  // where it was found: index of the shard, and its document
  Doc doc = 0;
};

struct SearchResult {
  std::vector<SearchHit>
      hits;                // by score downwards, then by row upwards; diversified ones as they were chosen
  int64_t candidates = 0;  // memories that were scored, and are hits
  // What was scored and is none: as alike as chance makes texts, that is below this cosine; or only beside a
  // hit, or with words of hits, and much less worth than the best one.
  int64_t by_chance = 0;
  double least_cosine = 0;
  int64_t far_behind = 0;
  Query query;  // as it was understood
};

// What a search asks of the store. What it cannot have it does without, and says so by failing.
class SearchSource {
 public:
  virtual ~SearchSource() = default;
  // Texts of memories, in the order of the rows; empty for one that is gone.
  virtual StatusOr<std::vector<std::string>> texts(const std::vector<int64_t>& rows) = 0;
  // Rows that hold the phrase, or a word that begins so, at most `limit`.
  virtual StatusOr<std::vector<int64_t>> rows_with_phrase(std::string_view phrase, size_t limit) = 0;
  virtual StatusOr<std::vector<int64_t>> rows_with_prefix(std::string_view prefix, size_t limit) = 0;
  // Relations of these rows, either way.
  virtual StatusOr<std::vector<store::MemoryEdge>> edges(const std::vector<int64_t>& rows) = 0;
};

// The vector of a query, and how it is to be taken.
struct QueryVector {
  VectorQuery vector;
  double usual_weight = 0.5;  // these four as the Embedder says
  double unrelated_cosine = 0;
  double unrelated_deviation = 0;
  bool by_spelling = false;
};

// Counts of terms over some shards, of memories that are not forgotten: what one scope holds never shows in
// another one's.
class ShardStatistics final : public TermWeights {
 public:
  explicit ShardStatistics(std::span<const Shard* const> shards);
  double weight(uint64_t term) const override;  // inverse document frequency
  int64_t count(uint64_t term) const;
  int64_t documents() const { return documents_; }
  double average_length() const;

 private:
  std::span<const Shard* const> shards_;
  int64_t documents_ = 0;
  int64_t length_ = 0;
};

// The vector of a query for these shards; nullopt where there is nothing to embed. What the embedder fails
// with.
StatusOr<std::optional<QueryVector>> embed_query(const Embedder& embedder, std::string_view text,
                                                 std::span<const Shard* const> shards);

// Any thread; keeps memory for searches to come. `shards` must not change during a search.
class Searcher {
 public:
  Searcher();
  ~Searcher();
  // Without a vector, words alone. Without a source, no feedback, phrases, prefixes and relations.
  // INVALID_ARGUMENT "invalid_search" names what cannot be.
  StatusOr<SearchResult> search(const SearchRequest& request, std::span<const Shard* const> shards,
                                const QueryVector* vector, SearchSource* source) const;

 private:
  struct Scratch;
  std::unique_ptr<Scratch> scratch_;
};

}  // namespace tau::memory
