// The read side of memories: rows of the schema to the structs of memories.h.
#pragma once

#include <string_view>
#include <vector>

#include "store/memories.h"
#include "store/sqlite.h"

namespace tau::store {

// By channel and actor. What it costs does not grow with the scopes that the filter does not cover.
StatusOr<std::vector<MemoryScopeRecord>> read_memory_scopes(Connection& db, const MemoryFilter& filter);
StatusOr<std::vector<std::string>> read_memory_workspaces(Connection& db);
// The number that a scope has in the database, of its key.
inline int64_t scope_number(int64_t key) { return key & 0xffffffff; }
// Numbers of scopes as they are in the database: those of these keys that are of this database.
StatusOr<std::vector<int64_t>> scope_numbers(Connection& db, const std::vector<int64_t>& keys);

StatusOr<MemoryRow> read_memory(Connection& db, const MemoryRef& ref, bool forgotten);
StatusOr<std::vector<MemoryRow>> read_memories_named(Connection& db, std::string_view workspace,
                                                     std::string_view id, bool forgotten);
StatusOr<std::vector<MemoryRow>> read_memory_rows(Connection& db, const std::vector<int64_t>& rows);
StatusOr<std::vector<MemoryUses>> read_memory_uses(Connection& db, const std::vector<int64_t>& rows);
StatusOr<std::vector<MemoryRow>> read_without_vector(Connection& db, std::string_view workspace,
                                                     int64_t space, int64_t after, size_t limit);
StatusOr<int64_t> count_without_vector(Connection& db, const MemoryFilter& scopes, int64_t space);

// Runs a query of several statements on one moment of the database.
template <class Query>
auto at_one_moment(Connection& db, Query query) -> decltype(query()) {
  if (db.in_transaction()) return query();
  TAU_RETURN_IF_ERROR(db.exec("BEGIN"));
  auto result = query();
  const Status ended = db.exec("COMMIT");
  if (result.ok() && !ended.ok()) return ended;
  return result;
}

// A part of what changed in a scope, by change number.
struct MemoryChange {
  MemoryRow row;  // of what was purged the numbers alone
  std::string vector;
  bool purged = false;
};
// Those after `after`, as many as are read together, all of one moment. `more`: there are others after them.
StatusOr<std::vector<MemoryChange>> read_memory_changes(Connection& db, int64_t scope, int64_t after,
                                                        int64_t space, bool* more);
// The newest change of a scope, 0 for one that is not there.
StatusOr<int64_t> read_scope_change(Connection& db, int64_t scope);

StatusOr<std::vector<MemoryEdge>> read_memory_edges(Connection& db, const std::vector<int64_t>& rows,
                                                    size_t limit, const MemoryFilter& scopes);

// Where a list goes on: behind this place.
struct MemoryPlace {
  int64_t time_ms = 0;  // counts when the list is by time
  int64_t row = 0;
};
StatusOr<std::vector<MemoryRow>> list_memories(Connection& db, const MemoryFilter& filter, bool newest_first,
                                               const MemoryPlace& after, size_t limit);
StatusOr<int64_t> count_memories(Connection& db, const MemoryFilter& filter);
StatusOr<std::vector<MemoryEdge>> list_memory_edges(Connection& db, const MemoryFilter& filter,
                                                    const MemoryEdge& after, size_t limit);
// Rows that a filter covers, by number, those after `after`.
StatusOr<std::vector<int64_t>> list_memory_numbers(Connection& db, const MemoryFilter& filter, int64_t after,
                                                   size_t limit);

}  // namespace tau::store
