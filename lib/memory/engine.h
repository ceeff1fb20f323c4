// The engine: memories of a home, written through the store and found through indexes that follow it.
//
// The store is the truth. An index (a Shard for each scope) is brought up to date before each search, with
// all that this process has committed and what other processes have committed by then. What it finds is read
// from the store again, so that nothing shows that was forgotten meanwhile.
#pragma once

#include <atomic>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <set>
#include <shared_mutex>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/base.h"
#include "memory/embedder.h"
#include "memory/search.h"
#include "memory/shard.h"
#include "store/store.h"

namespace tau::memory {

// What a handle may see and change. Requests narrow it, nothing widens it.
struct Reach {
  SharedString workspace;
  // Unset: all of them. Set: that one is written; it is seen, and what belongs to none.
  std::optional<SharedString> channel;
  std::optional<SharedString> actor;
  SharedString principal;

  bool sees(const store::MemoryScope& scope) const;
  bool writes(const store::MemoryScope& scope) const;
  // The scope that is written where nothing else is said.
  bool owns(const store::MemoryScope& scope) const;
  // Only what it sees: PERMISSION_DENIED "outside_scope" for a channel or an actor that it does not.
  Status narrow(store::MemoryFilter& filter) const;
  // The scopes that it sees.
  store::MemoryFilter scopes() const;
  // Only what it writes, of what it sees.
  void narrow_to_written(store::MemoryFilter& filter) const;
};

struct EngineOptions {
  std::string folder;      // of the indexes' files; empty: in memory alone
  bool read_only = false;  // files are used, and stay as they are
  size_t max_shards = 4096;
};

// Who computes the vectors now, and where they are kept.
struct VectorSpace {
  std::shared_ptr<const Embedder> embedder;  // null: words alone
  int64_t space = 0;                         // of the store; 0: computed when they are needed, kept nowhere
};

// What one search saw beside its hits.
struct Found {
  SearchResult result;
  std::vector<store::MemoryRow> rows;  // of the hits, in their order
  enum class Vectors : uint8_t { kUsed, kOff, kUnavailable } vectors = Vectors::kOff;
  Status why;            // they are unavailable
  int64_t missing = 0;   // of those that were searched: memories that have no vector yet
  int64_t searched = 0;  // memories that the indexes hold, before any filter
};

// Of the indexes that somebody may see: nothing tells how much there is of others.
struct EngineStats {
  int64_t shards = 0;  // open
  int64_t documents = 0;
  int64_t bytes = 0;        // of memory, mapped files included
  int64_t rebuilt = 0;      // times that one had to be made anew since the start
  std::string last_damage;  // why
};

uint64_t space_digest(std::string_view id);

// Any thread; all of it waits.
class Engine {
 public:
  // `store` outlives the engine. UNIMPLEMENTED "no_memories" where it keeps none.
  static StatusOr<std::unique_ptr<Engine>> open(store::Store& store, Clock& clock, EngineOptions options);
  ~Engine();

  // Vectors of another space from now on. Null: words alone.
  Status set_embedder(std::shared_ptr<const Embedder> embedder);
  std::shared_ptr<const Embedder> embedder() const;
  // Why there are no vectors, for those who search; ok: nothing is wrong.
  void set_problem(Status problem);
  // Vectors that the caller made, `memories` rows for the first puts of a batch. INVALID_ARGUMENT
  // "invalid_vector".
  Status attach(std::span<const float> vectors, size_t memories, std::vector<store::MemoryEdit>& edits) const;

  // One transaction, durable when it returns; outcomes in the order of the edits.
  StatusOr<std::vector<store::MemoryOutcome>> commit(std::vector<store::MemoryEdit> edits);
  // `vector`: of the query; empty: it is made. INVALID_ARGUMENT "invalid_search", "invalid_vector"; as
  // Reach::narrow() fails.
  enum class Words : uint8_t { kAndVectors, kAlone };
  StatusOr<Found> search(const Reach& reach, SearchRequest request, std::span<const float> vector,
                         Words words);

  // All memories of that id within a filter.
  StatusOr<std::vector<store::MemoryRow>> find(const store::MemoryFilter& filter, std::string_view id,
                                               bool forgotten);

  // Rows erased for good, and the files of indexes that held traces of them.
  StatusOr<int64_t> purge(const std::vector<store::MemoryRef>& refs);
  StatusOr<int64_t> purge_all(const store::MemoryFilter& filter);

  // Those memories were used: counted, written with the next change or when the engine is tidied.
  void note_use(const std::vector<int64_t>& rows);

  // Computes vectors that are missing, at most `limit`: how many there were. Another call goes on. Of what
  // `reach` sees; null: of all.
  StatusOr<int64_t> embed_missing(size_t limit, const Reach* reach);
  // Memories of what it sees that have no vector yet. Looks at each of them.
  StatusOr<int64_t> missing(const Reach& reach);
  // Whether enough was written, or vectors may be missing, so that follow() and embed_missing() are worth a
  // worker's while. A little that was written is as soon done by the next search.
  bool falls_behind() const { return eager_ || pending_.load(std::memory_order_relaxed) >= kWorthFollowing; }
  // Indexes of scopes that were written since the last time come up to date, so that the next search need not
  // wait for that. What workers do after writes.
  Status follow();
  // Writes what waits: uses, indexes that have grown. What workers do in quiet moments. `closing`: also
  // indexes that have grown a little, so that the next process need not read that from the store.
  Status tidy(bool closing = false);

  StatusOr<EngineStats> stats(const Reach& reach);
  store::Memories& memories() { return *memories_; }
  Clock& clock() { return clock_; }

 private:
  static constexpr int64_t kWorthFollowing = 32;  // edits
  // One scope's index.
  struct Slot {
    std::shared_mutex mutex;
    std::unique_ptr<Shard> shard;  // under mutex, as the next
    VectorSpace vectors;           // what its vectors are of
    int64_t rebuilt = 0;           // how often it had to be made anew, and why the last time
    std::string damage;
    std::atomic<int64_t> used{0};  // the number of the last search: the oldest goes first
  };
  class Follower;
  Engine(store::Store& store, store::Memories& memories, Clock& clock, EngineOptions options);

  Status sweep();
  VectorSpace vectors() const;
  std::vector<store::MemoryEdit> take_uses();
  // Waits until they are durable.
  Status append(std::vector<store::MemoryEdit> edits);
  Status erase_traces(const store::MemoryFilter& filter);
  Status save(Slot& slot, int64_t scope_key, bool closing);
  Status save_once(Slot& slot, int64_t scope_key);

  // engine_follow.cpp
  std::shared_ptr<Slot> slot_of(int64_t key);
  void drop_oldest_slots();  // under mutex_
  ShardOptions options_of(int64_t scope_key, const VectorSpace& vectors, int64_t newest) const;
  // The index follows the store up to `change`, and maybe further.
  Status catch_up(Slot& slot, int64_t scope_key, int64_t change);
  Status load(Slot& slot, int64_t scope_key);
  // All that changed since, on an index that nobody else sees, or alone. After a failure it is good for
  // nothing.
  Status apply_changes(Shard& shard, const VectorSpace& vectors, int64_t scope_key);

  // engine_embed.cpp
  struct WithoutVector;
  StatusOr<WithoutVector> next_without_vector(int64_t space, size_t limit);
  StatusOr<std::vector<store::MemoryRow>> revised_without_vector(const std::vector<int64_t>& revised);
  Status embed_rows(const VectorSpace& now, const std::vector<store::MemoryRow>& rows);
  void give_back(WithoutVector taken);
  StatusOr<std::vector<store::MemoryRow>> seen_without_vector(int64_t space, size_t limit,
                                                              const Reach& reach);
  void note_revised(const std::vector<size_t>& edits, const std::vector<store::MemoryOutcome>& outcomes);

  // engine_search.cpp
  struct View;
  StatusOr<View> view_of(const store::MemoryFilter& filter);
  StatusOr<std::optional<QueryVector>> slow_vector(const VectorSpace& space, std::string_view text,
                                                   std::span<const float> given) const;
  StatusOr<Found> search_once(const SearchRequest& request, std::span<const float> given, Words words,
                              bool* lost);
  Status read_rows(Found& found, bool* lost);

  store::Store& store_;
  store::Memories* const memories_;
  Clock& clock_;
  const EngineOptions options_;

  const Searcher searcher_;

  mutable std::mutex mutex_;  // of what follows; nothing waits under it
  VectorSpace vectors_;
  Status problem_;
  std::map<int64_t, std::shared_ptr<Slot>> slots_;
  std::map<int64_t, store::MemoryUses> uses_;
  std::set<store::MemoryScope> written_;  // since the last follow()
  // Which memories may be without a vector: those of a workspace beyond a row, and those that were written
  // anew.
  std::map<std::string, int64_t, std::less<>> embedded_to_;
  std::set<int64_t> revised_;
  int64_t looked_ms_ = 0;            // when all of them were looked at for the last time
  std::atomic<int64_t> pending_{0};  // edits since the last follow()
  std::atomic<bool> eager_{false};   // vectors are made in the background, or cannot be made
  std::atomic<int64_t> searches_{0};
};

}  // namespace tau::memory
