// How the engine searches: indexes that are up to date, one moment of all of them, rows read from the store.
#include <algorithm>
#include <map>
#include <utility>

#include "crypto/crypto.h"
#include "memory/engine.h"

namespace tau::memory {
namespace {

constexpr size_t kMostEdges = 4096;  // of relations that one search looks at
constexpr int kMostTries = 4;        // a hit was forgotten while it was looked for

// What a search asks of the store, of the scopes that it covers.
class StoreSource final : public SearchSource {
 public:
  StoreSource(store::Memories& memories, std::vector<int64_t> scope_keys, const store::MemoryFilter& scopes)
      : memories_(memories), scope_keys_(std::move(scope_keys)), scopes_(scopes) {}

  StatusOr<std::vector<std::string>> texts(const std::vector<int64_t>& rows) override {
    TAU_ASSIGN_OR_RETURN(std::vector<store::MemoryRow> loaded, memories_.load_rows(rows));
    std::map<int64_t, std::string*> by_row;
    for (store::MemoryRow& row : loaded)
      if (row.forgotten_ms == 0) by_row.emplace(row.row, &row.text);
    std::vector<std::string> texts(rows.size());
    for (size_t i = 0; i < rows.size(); ++i)
      if (const auto at = by_row.find(rows[i]); at != by_row.end()) texts[i] = std::move(*at->second);
    return texts;
  }
  StatusOr<std::vector<int64_t>> rows_with_phrase(std::string_view phrase, size_t limit) override {
    store::Memories::Match match;
    match.all.emplace_back(phrase);
    return memories_.match(scope_keys_, match, limit);
  }
  StatusOr<std::vector<int64_t>> rows_with_prefix(std::string_view prefix, size_t limit) override {
    store::Memories::Match match;
    match.all.emplace_back(prefix);
    match.prefix = true;
    return memories_.match(scope_keys_, match, limit);
  }
  StatusOr<std::vector<store::MemoryEdge>> edges(const std::vector<int64_t>& rows) override {
    return memories_.edges(rows, kMostEdges, scopes_);
  }

 private:
  store::Memories& memories_;
  const std::vector<int64_t> scope_keys_;
  const store::MemoryFilter& scopes_;
};

}  // namespace

uint64_t space_digest(std::string_view id) {
  const auto digest = crypto::blake2b(id);
  uint64_t number = 0;
  for (size_t i = 0; i < 6; ++i) number = number << 8 | static_cast<uint8_t>(digest[i]);
  return number + 1;  // never 0
}

// The indexes of one search, held so that nothing changes them.
struct Engine::View {
  std::vector<std::shared_ptr<Slot>> slots;
  std::vector<std::shared_lock<std::shared_mutex>> locks;
  std::vector<const Shard*> shards;
  std::vector<int64_t> keys;  // of the scopes
};

// The slots are in the order of their keys, so that two searches never wait for one another's.
StatusOr<Engine::View> Engine::view_of(const store::MemoryFilter& filter) {
  TAU_ASSIGN_OR_RETURN(std::vector<store::MemoryScopeRecord> records, memories_->scopes(filter));
  std::sort(records.begin(), records.end(), [](const auto& a, const auto& b) { return a.key < b.key; });
  View view;
  for (const store::MemoryScopeRecord& record : records) {
    view.slots.push_back(slot_of(record.key));
    view.keys.push_back(record.key);
    TAU_RETURN_IF_ERROR(catch_up(*view.slots.back(), record.key, record.change));
  }
  for (const std::shared_ptr<Slot>& slot : view.slots) {
    view.locks.emplace_back(slot->mutex);
    if (slot->shard == nullptr)
      return unavailable("index_busy", "an index was given up while it was searched: try again");
    view.shards.push_back(slot->shard.get());
  }
  return view;
}

// A slow model is asked before anything is held.
StatusOr<std::optional<QueryVector>> Engine::slow_vector(const VectorSpace& space, std::string_view text,
                                                         std::span<const float> given) const {
  if (!given.empty()) {
    if (space.embedder == nullptr || given.size() != space.embedder->dimensions())
      return invalid_argument(
          "invalid_vector",
          format("the vector of the query has {} numbers; those of this memory have {}", given.size(),
                 space.embedder == nullptr ? 0 : space.embedder->dimensions()));
    TAU_ASSIGN_OR_RETURN(VectorQuery vector, VectorQuery::make(given.data(), given.size()));
    return std::optional(QueryVector{.vector = std::move(vector),
                                     .usual_weight = space.embedder->usual_weight(),
                                     .unrelated_cosine = space.embedder->unrelated_cosine(),
                                     .unrelated_deviation = space.embedder->unrelated_deviation(),
                                     .by_spelling = space.embedder->by_spelling()});
  }
  if (space.embedder == nullptr || !space.embedder->slow()) return std::optional<QueryVector>();
  return embed_query(*space.embedder, text, {});
}

StatusOr<Found> Engine::search_once(const SearchRequest& request, std::span<const float> given, Words words,
                                    bool* lost) {
  Found found;
  const VectorSpace space = vectors();
  {
    const std::lock_guard lock(mutex_);
    found.why = problem_;
  }
  std::optional<QueryVector> vector;
  const bool wanted = words != Words::kAlone && (space.embedder != nullptr || !given.empty());
  if (wanted) {
    auto made = slow_vector(space, request.text, given);
    if (made.ok()) {
      vector = *std::move(made);
    } else if (made.status().reason() == "invalid_vector") {
      return std::move(made).status();
    } else {
      found.why = std::move(made).status();
    }
  }
  TAU_ASSIGN_OR_RETURN(const View view, view_of(request.filter));
  for (const auto& slot : view.slots)
    if (slot->vectors.embedder != space.embedder) vector.reset();  // it is of a space that was left meanwhile
  if (wanted && found.why.ok() && !vector && !space.embedder->slow()) {
    TAU_ASSIGN_OR_RETURN(vector, embed_query(*space.embedder, request.text, view.shards));
  }
  StoreSource source(*memories_, view.keys, request.filter);
  TAU_ASSIGN_OR_RETURN(found.result,
                       searcher_.search(request, view.shards, vector ? &*vector : nullptr, &source));
  found.vectors =
      vector ? Found::Vectors::kUsed : (found.why.ok() ? Found::Vectors::kOff : Found::Vectors::kUnavailable);
  for (const Shard* shard : view.shards) {
    found.searched += shard->live();
    if (space.space != 0) found.missing += shard->without_vector();
  }
  *lost = false;
  TAU_RETURN_IF_ERROR(read_rows(found, lost));
  return found;
}

// What was forgotten since the index knew it does not show.
Status Engine::read_rows(Found& found, bool* lost) {
  std::vector<int64_t> numbers;
  for (const SearchHit& hit : found.result.hits) numbers.push_back(hit.row);
  TAU_ASSIGN_OR_RETURN(std::vector<store::MemoryRow> rows, memories_->load_rows(numbers));
  std::map<int64_t, store::MemoryRow*> by_row;
  for (store::MemoryRow& row : rows)
    if (row.forgotten_ms == 0) by_row.emplace(row.row, &row);
  std::vector<SearchHit> hits;
  for (SearchHit& hit : found.result.hits) {
    const auto at = by_row.find(hit.row);
    if (at == by_row.end()) {
      *lost = true;
      continue;
    }
    found.rows.push_back(std::move(*at->second));
    hits.push_back(hit);
  }
  found.result.hits = std::move(hits);
  return ok_status();
}

StatusOr<Found> Engine::search(const Reach& reach, SearchRequest request, std::span<const float> vector,
                               Words words) {
  TAU_RETURN_IF_ERROR(reach.narrow(request.filter));
  bool lost = true;
  StatusOr<Found> found = Status(Code::kInternal, "unset", "");
  for (int tries = 0; tries < kMostTries && lost; ++tries) {
    found = search_once(request, vector, words, &lost);
    if (!found.ok()) break;
  }
  return found;
}

}  // namespace tau::memory
