// Memories as they are kept: rows of scopes, their relations, vectors and uses, and what changed since when.
// The store knows neither what a type means nor how texts are ranked: that is lib/memory.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "base/base.h"
#include "store/provenance.h"

namespace tau::store {

// Part of a memory's identity: the same id in two scopes names two memories. Case matters.
struct MemoryScope {
  SharedString workspace;  // never empty
  SharedString channel;    // empty: of the whole workspace
  SharedString actor;      // empty: of nobody in particular
  auto operator<=>(const MemoryScope&) const = default;
};

inline constexpr int64_t kNoTime = INT64_MIN;   // of valid_from_ms: since ever
inline constexpr int64_t kEndless = INT64_MAX;  // of valid_to_ms, superseded_ms

// What somebody said of something: of one subject and predicate a scope has one valid object at a time.
struct MemoryFact {
  std::string subject;
  std::string predicate;
  std::string object;
  bool empty() const { return subject.empty() && predicate.empty(); }
  bool operator==(const MemoryFact&) const = default;
};

struct MemoryRow {
  // Set by the store.
  int64_t row = 0;       // key within the home, never used again
  int64_t change = 0;    // of the home: grows with everything that changes a memory
  int64_t revision = 0;  // of this memory, from 1

  MemoryScope scope;
  std::string id;  // unique within the scope
  uint8_t type = 0;
  double importance = 0;  // 0 to 1
  std::string text;
  std::vector<std::string> tags;  // sorted, each once
  std::string thread;             // conversation or document that it is a part of; empty: none
  int64_t time_ms = 0;            // when that happened what it tells; places it in its thread
  int64_t position = 0;           // in its thread, among those of one time
  MemoryFact fact;
  int64_t valid_from_ms = kNoTime;
  int64_t valid_to_ms = kEndless;         // the first moment that it is not valid any more
  int64_t superseded_ms = kEndless;       // when it was recorded that another one stands in its place
  int64_t valid_to_before_ms = kEndless;  // what valid_to_ms was until superseded_ms; set by the store
  std::string source;                     // where it comes from: "file:notes.md", "session:…"; may be empty
  std::string attributes;                 // one JSON object, or empty; what users keep with it
  int64_t created_ms = 0;                 // recorded; wall clock
  int64_t updated_ms = 0;
  int64_t forgotten_ms = 0;  // 0: it is not forgotten
  Provenance provenance;     // labels of trust stay with the row for ever
};

struct MemoryRef {
  MemoryScope scope;
  std::string id;
};

struct MemoryEdge {
  int64_t source = 0;  // rows
  int64_t target = 0;
  uint8_t relation = 0;
  double weight = 1;  // 0 to 1
  int64_t created_ms = 0;
};

// What one edit did. Filled in before the batch is told to be done; must live until then.
struct MemoryOutcome {
  int64_t row = 0;  // 0: there was no such memory
  int64_t revision = 0;
  int64_t change = 0;
  bool created = false;                    // there was no memory of this name that was not forgotten
  bool unchanged = false;                  // it said all of this already
  std::vector<MemoryRef> superseded = {};  // facts that a new one closed
};

// Writes a memory, or all of one anew. Labels of a memory that is written again are joined with those that it
// had.
struct MemoryPut {
  static constexpr int64_t kAnyRevision = -1;
  MemoryRow row;
  int64_t expected_revision = kAnyRevision;  // 0: it must not exist; else ABORTED "revision_changed"
  // A fact closes, at its valid_from_ms (or time_ms where that is not set), those of the same subject and
  // predicate in its scope that say something else, and is linked to them with this relation. 0xff: it does
  // not.
  uint8_t supersedes_with = 0xff;
  // In the space `space`, as the memory module writes them; empty: none yet.
  int64_t space = 0;
  std::string vector = {};
};
// Nobody finds it any more; it can be restored. Relations of it stay, and do not show.
struct MemoryForget {
  MemoryRef ref;
  int64_t at_ms = 0;  // 0: restores it
  int64_t expected_revision = MemoryPut::kAnyRevision;
};
// FAILED_PRECONDITION "no_such_memory" names the one that is missing. Weight below 0 removes the relation.
struct MemoryRelate {
  MemoryRef source;
  MemoryRef target;
  uint8_t relation = 0;
  double weight = 1;
  int64_t at_ms = 0;
};
// Of a text at this revision; nothing happens when the memory has another one by now, or is gone.
struct MemoryVector {
  int64_t row = 0;
  int64_t revision = 0;
  int64_t space = 0;
  std::string bytes;
};
// Uses of a memory. Changes no revision and no change number.
struct MemoryUse {
  int64_t row = 0;
  int64_t count = 1;
  int64_t at_ms = 0;
};

struct MemoryEdit {
  std::variant<MemoryPut, MemoryForget, MemoryRelate, MemoryVector, MemoryUse> what;
  MemoryOutcome* outcome = nullptr;
};

// What was used how often; of a memory nobody used nothing is kept.
struct MemoryUses {
  int64_t count = 0;
  int64_t last_ms = 0;
};

struct MemoryScopeRecord {
  int64_t key = 0;  // of the scope within the home
  MemoryScope scope;
  int64_t memories = 0;  // not forgotten
  int64_t forgotten = 0;
  int64_t change = 0;  // the newest of all its memories, those that were purged included
};

// Which memories of one workspace; everything that is set must hold.
struct MemoryFilter {
  SharedString workspace;
  std::vector<SharedString> channels;  // one of these; empty: any
  std::vector<SharedString> actors;    // likewise
  uint32_t types = ~0u;                // bit set
  std::vector<std::string> tags;       // all of these
  std::string thread;                  // empty: any
  std::string source;                  // a prefix; empty: any
  int64_t since_ms = INT64_MIN;        // of time_ms, both included
  int64_t until_ms = INT64_MAX;
  bool forgotten = false;   // those that are forgotten, and only they
  bool superseded = false;  // also facts that another one replaced
};
// Everything of one scope.
inline MemoryFilter only(const MemoryScope& scope) {
  MemoryFilter filter;
  filter.workspace = scope.workspace;
  filter.channels = {scope.channel};
  filter.actors = {scope.actor};
  return filter;
}

// Reads what changed; any thread, waits. `row` and `vector` live during the call; false ends the visit.
class MemoryVisitor {
 public:
  virtual ~MemoryVisitor() = default;
  // The memory as it is now, forgotten ones included, with its vector of the space that was asked for, or
  // none.
  virtual bool changed(const MemoryRow& row, std::string_view vector) = 0;
  virtual bool purged(int64_t row, int64_t change) = 0;
};

// One per store. Writes go through Store::append (Batch::memories), in one transaction with the journal.
class Memories {
 public:
  virtual ~Memories() = default;

  // The newest change that is committed, by whatever process. Cheap: asks the database only when another
  // connection has committed.
  virtual StatusOr<int64_t> newest_change() = 0;
  // Scopes of a workspace that a filter's channels and actors cover (no other part of it counts), by channel
  // and actor; those without a memory left out only when nothing was ever purged from them.
  virtual StatusOr<std::vector<MemoryScopeRecord>> scopes(const MemoryFilter& filter) = 0;
  virtual StatusOr<std::vector<std::string>> workspaces() = 0;
  // Everything of one scope that changed after `after`, each memory once, by change number.
  virtual Status visit_changes(int64_t scope_key, int64_t after, int64_t space, MemoryVisitor& visitor) = 0;

  // NOT_FOUND "no_such_memory"; forgotten ones are found only with `forgotten`.
  virtual StatusOr<MemoryRow> load(const MemoryRef& ref, bool forgotten) = 0;
  // All memories of that id in a workspace, by channel and actor.
  virtual StatusOr<std::vector<MemoryRow>> named(std::string_view workspace, std::string_view id,
                                                 bool forgotten) = 0;
  // In the order of the rows; those that are gone are left out.
  virtual StatusOr<std::vector<MemoryRow>> load_rows(const std::vector<int64_t>& rows) = 0;
  // By row number, those after `after`.
  virtual StatusOr<std::vector<MemoryRow>> list(const MemoryFilter& filter, int64_t after, size_t limit) = 0;
  // The newest first by time, those before (`before_ms`, `before_row`).
  virtual StatusOr<std::vector<MemoryRow>> list_newest(const MemoryFilter& filter, int64_t before_ms,
                                                       int64_t before_row, size_t limit) = 0;
  virtual StatusOr<int64_t> count(const MemoryFilter& filter) = 0;
  virtual StatusOr<std::vector<MemoryUses>> uses(const std::vector<int64_t>& rows) = 0;  // in their order

  // Relations of these rows, either way, whose both ends are there, not forgotten, and in the scopes of a
  // filter, of which nothing else counts; at most `limit`, the heaviest first: what lies beyond those scopes
  // takes no place.
  virtual StatusOr<std::vector<MemoryEdge>> edges(const std::vector<int64_t>& rows, size_t limit,
                                                  const MemoryFilter& scopes) = 0;
  // All relations within a workspace by source, target and relation, those after `after`.
  virtual StatusOr<std::vector<MemoryEdge>> list_edges(const MemoryFilter& filter, const MemoryEdge& after,
                                                       size_t limit) = 0;

  // Rows that the full-text index finds, best first. `match` is made of words and phrases that are taken
  // literally, whatever they look like; a last word with `prefix` may go on.
  struct Match {
    std::vector<std::string> all;  // words or phrases, each must be there
    std::vector<std::string> any;  // at least one, unless there are none
    bool prefix = false;
  };
  virtual StatusOr<std::vector<int64_t>> match(const std::vector<int64_t>& scope_keys, const Match& match,
                                               size_t limit) = 0;

  // Vector spaces: the number of a model's name and dimensions, made when it is new. Waits until it is
  // durable.
  virtual StatusOr<int64_t> space(std::string_view model, int64_t dimensions) = 0;
  // Memories, not forgotten, without a vector of that space; by row number, those after `after`.
  virtual StatusOr<std::vector<MemoryRow>> without_vector(std::string_view workspace, int64_t space,
                                                          int64_t after, size_t limit) = 0;
  // How many there are. Looks at each memory of the workspace.
  virtual StatusOr<int64_t> count_without_vector(const MemoryFilter& scopes, int64_t space) = 0;
  // Drops all vectors of a space. Waits.
  virtual Status drop_space(int64_t space) = 0;

  // Erases for good: rows, relations, vectors, uses, the text in the full-text index and in the WAL. What
  // stays is the row number, so that indexes learn of it. Waits. UNAVAILABLE "store_busy" when a reader kept
  // the WAL from being emptied: they are gone, their text leaves the WAL when idle. How many there were. Of
  // nothing: what a purge left that was cut off is erased.
  virtual StatusOr<int64_t> purge(const std::vector<MemoryRef>& refs) = 0;
  virtual StatusOr<int64_t> purge_all(const MemoryFilter& filter) = 0;
};

}  // namespace tau::store
