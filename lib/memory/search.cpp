// Search: checks what is asked and lends memory to the run.
#include "memory/search.h"

#include <algorithm>
#include <cmath>
#include <mutex>
#include <utility>

#include "memory/search_run.h"

namespace tau::memory {
namespace {

Status check_share(std::string_view name, double value, double most) {
  if (value >= 0 && value <= most) return ok_status();
  return invalid_argument("invalid_search", format("{} is {}; it is 0 to {}", name, value, most));
}

Status check(const SearchRequest& request) {
  if (request.k > SearchRequest::kMaxHits)
    return invalid_argument("invalid_search", format("{} hits are asked for; at most {} are given", request.k,
                                                     SearchRequest::kMaxHits));
  if (!(request.vector_weight < 0))
    TAU_RETURN_IF_ERROR(check_share("vector_weight", request.vector_weight, 1));
  TAU_RETURN_IF_ERROR(check_share("graph_weight", request.graph_weight, kMaxGraphWeight));
  TAU_RETURN_IF_ERROR(check_share("importance_weight", request.importance_weight, kMaxBoost));
  TAU_RETURN_IF_ERROR(check_share("recency_weight", request.recency_weight, kMaxBoost));
  TAU_RETURN_IF_ERROR(check_share("importance_weight and recency_weight together",
                                  request.importance_weight + request.recency_weight, kMaxBoost + 1e-9));
  TAU_RETURN_IF_ERROR(check_share("diversity", request.diversity, 1));
  return check_share("min_score", request.min_score, 1);
}

}  // namespace

ShardStatistics::ShardStatistics(std::span<const Shard* const> shards) : shards_(shards) {
  for (const Shard* shard : shards_) {
    documents_ += shard->live();
    length_ += shard->total_length();
  }
}

int64_t ShardStatistics::count(uint64_t term) const {
  int64_t count = 0;
  for (const Shard* shard : shards_) count += shard->document_count(term);
  return count;
}

double ShardStatistics::weight(uint64_t term) const {
  return inverse_document_frequency(documents_, count(term));
}

double ShardStatistics::average_length() const {
  return documents_ == 0 ? 1 : static_cast<double>(length_) / static_cast<double>(documents_);
}

StatusOr<std::optional<QueryVector>> embed_query(const Embedder& embedder, std::string_view text,
                                                 std::span<const Shard* const> shards) {
  const Query query = parse_query(text, store::kNoTime);
  std::vector<float> values(embedder.dimensions());
  TAU_RETURN_IF_ERROR(embedder.embed_query(query.plain, ShardStatistics(shards), values.data()));
  TAU_ASSIGN_OR_RETURN(VectorQuery vector, VectorQuery::make(values.data(), values.size()));
  if (vector.zero()) return std::optional<QueryVector>();
  return std::optional<QueryVector>({std::move(vector), embedder.usual_weight(), embedder.unrelated_cosine(),
                                     embedder.unrelated_deviation(), embedder.by_spelling()});
}

// Sums of words, one vector for each shard of a search; what is not in use waits here.
struct Searcher::Scratch {
  static constexpr size_t kMostKept = 8;
  using Sums = std::vector<std::vector<float>>;

  std::mutex mutex;
  std::vector<Sums> free;

  Sums take() {
    const std::lock_guard lock(mutex);
    if (free.empty()) return {};
    Sums sums = std::move(free.back());
    free.pop_back();
    return sums;
  }
  void give_back(Sums sums) {
    const std::lock_guard lock(mutex);
    if (free.size() < kMostKept) free.push_back(std::move(sums));
  }
};

Searcher::Searcher() : scratch_(std::make_unique<Scratch>()) {}
Searcher::~Searcher() = default;

StatusOr<SearchResult> Searcher::search(const SearchRequest& request, std::span<const Shard* const> shards,
                                        const QueryVector* vector, SearchSource* source) const {
  TAU_RETURN_IF_ERROR(check(request));
  Scratch::Sums sums = scratch_->take();
  if (sums.size() < shards.size()) sums.resize(shards.size());
  StatusOr<SearchResult> result = SearchRun(request, shards, vector, source, sums).run();
  scratch_->give_back(std::move(sums));
  return result;
}

}  // namespace tau::memory
