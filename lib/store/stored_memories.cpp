// Each call a query, or a few transactions, on connections that the store lends.
#include "store/stored_memories.h"

#include <algorithm>

#include "store/memory_purge.h"
#include "store/memory_reads.h"
#include "store/memory_words.h"

namespace tau::store {
namespace {

constexpr size_t kPurgeTogether = 256;  // memories of one transaction: appends wait no longer than for these

}  // namespace

StatusOr<std::vector<MemoryScopeRecord>> StoredMemories::scopes(const MemoryFilter& filter) {
  return ask<std::vector<MemoryScopeRecord>>([&](Connection& db) { return read_memory_scopes(db, filter); });
}

StatusOr<std::vector<std::string>> StoredMemories::workspaces() {
  return ask<std::vector<std::string>>([](Connection& db) { return read_memory_workspaces(db); });
}

// In parts, each of its own moment: what changes between two of them has a number beyond `until`, and is for
// the next visit.
Status StoredMemories::visit_changes(int64_t scope_key, int64_t after, int64_t space,
                                     MemoryVisitor& visitor) {
  int64_t scope = 0;
  const auto find_end = [&](Connection& db) -> StatusOr<int64_t> {
    TAU_ASSIGN_OR_RETURN(const auto numbers, scope_numbers(db, {scope_key}));
    if (numbers.empty()) return 0;
    scope = numbers.front();
    return read_scope_change(db, scope);
  };
  TAU_ASSIGN_OR_RETURN(const int64_t until, ask<int64_t>(find_end));
  while (after < until) {
    TAU_ASSIGN_OR_RETURN(const auto changes, ask<std::vector<MemoryChange>>([&](Connection& db) {
                           return read_memory_changes(db, scope, after, until, space);
                         }));
    if (changes.empty()) break;
    for (const MemoryChange& change : changes) {
      const bool goes_on = change.purged ? visitor.purged(change.row.row, change.row.change)
                                         : visitor.changed(change.row, change.vector);
      if (!goes_on) return ok_status();
    }
    after = changes.back().row.change;
  }
  return ok_status();
}

StatusOr<MemoryRow> StoredMemories::load(const MemoryRef& ref, bool forgotten) {
  return ask<MemoryRow>([&](Connection& db) { return read_memory(db, ref, forgotten); });
}

StatusOr<std::vector<MemoryRow>> StoredMemories::named(std::string_view workspace, std::string_view id,
                                                       bool forgotten) {
  return ask<std::vector<MemoryRow>>(
      [&](Connection& db) { return read_memories_named(db, workspace, id, forgotten); });
}

StatusOr<std::vector<MemoryRow>> StoredMemories::load_rows(const std::vector<int64_t>& rows) {
  return ask<std::vector<MemoryRow>>([&](Connection& db) { return read_memory_rows(db, rows); });
}

StatusOr<std::vector<MemoryRow>> StoredMemories::list(const MemoryFilter& filter, int64_t after,
                                                      size_t limit) {
  return ask<std::vector<MemoryRow>>(
      [&](Connection& db) { return list_memories(db, filter, false, {.row = after}, limit); });
}

StatusOr<std::vector<MemoryRow>> StoredMemories::list_newest(const MemoryFilter& filter, int64_t before_ms,
                                                             int64_t before_row, size_t limit) {
  return ask<std::vector<MemoryRow>>([&](Connection& db) {
    return list_memories(db, filter, true, {.time_ms = before_ms, .row = before_row}, limit);
  });
}

StatusOr<int64_t> StoredMemories::count(const MemoryFilter& filter) {
  return ask<int64_t>([&](Connection& db) { return count_memories(db, filter); });
}

StatusOr<std::vector<MemoryUses>> StoredMemories::uses(const std::vector<int64_t>& rows) {
  return ask<std::vector<MemoryUses>>([&](Connection& db) { return read_memory_uses(db, rows); });
}

StatusOr<std::vector<MemoryEdge>> StoredMemories::edges(const std::vector<int64_t>& rows, size_t limit) {
  return ask<std::vector<MemoryEdge>>([&](Connection& db) { return read_memory_edges(db, rows, limit); });
}

StatusOr<std::vector<MemoryEdge>> StoredMemories::list_edges(const MemoryFilter& filter,
                                                             const MemoryEdge& after, size_t limit) {
  return ask<std::vector<MemoryEdge>>(
      [&](Connection& db) { return list_memory_edges(db, filter, after, limit); });
}

StatusOr<std::vector<int64_t>> StoredMemories::match(const std::vector<int64_t>& scope_keys,
                                                     const Match& match, size_t limit) {
  return ask<std::vector<int64_t>>([&](Connection& db) -> StatusOr<std::vector<int64_t>> {
    TAU_ASSIGN_OR_RETURN(const auto scopes, scope_numbers(db, scope_keys));
    return match_words(db, scopes, match, limit);
  });
}

StatusOr<int64_t> StoredMemories::space(std::string_view model, int64_t dimensions) {
  if (model.empty() || dimensions <= 0)
    return invalid_argument("invalid_space", format("model \"{}\" with {} dimensions", model, dimensions));
  const auto find = [&](Connection& db) -> StatusOr<int64_t> {
    Statement& query = db.prepare("SELECT id FROM memory_spaces WHERE model = ?1 AND dimensions = ?2");
    query.bind(model, dimensions);
    TAU_ASSIGN_OR_RETURN(const bool found, query.step());
    const int64_t id = found ? query.integer(0) : 0;
    query.reset();
    return id;
  };
  TAU_ASSIGN_OR_RETURN(int64_t id, ask<int64_t>(find));
  if (id != 0) return id;
  const auto make = [&](Connection& db) -> Status {
    TAU_RETURN_IF_ERROR(
        db.prepare("INSERT INTO memory_spaces(model, dimensions) VALUES(?1, ?2) ON CONFLICT DO NOTHING")
            .bind(model, dimensions)
            .run());
    TAU_ASSIGN_OR_RETURN(id, find(db));
    return ok_status();
  };
  TAU_RETURN_IF_ERROR(write(make));
  return id;
}

StatusOr<std::vector<MemoryRow>> StoredMemories::without_vector(std::string_view workspace, int64_t space,
                                                                int64_t after, size_t limit) {
  return ask<std::vector<MemoryRow>>(
      [&](Connection& db) { return read_without_vector(db, workspace, space, after, limit); });
}

StatusOr<int64_t> StoredMemories::count_without_vector(std::string_view workspace, int64_t space) {
  return ask<int64_t>([&](Connection& db) { return store::count_without_vector(db, workspace, space); });
}

Status StoredMemories::drop_space(int64_t space) {
  for (bool more = true; more;) {
    TAU_RETURN_IF_ERROR(write([&](Connection& db) -> Status {
      TAU_ASSIGN_OR_RETURN(more, drop_some_of_space(db, space));
      return ok_status();
    }));
  }
  return ok_status();
}

StatusOr<int64_t> StoredMemories::purge(const std::vector<MemoryRef>& refs) {
  int64_t purged = 0;
  for (size_t at = 0; at < refs.size(); at += kPurgeTogether) {
    const size_t end = std::min(refs.size(), at + kPurgeTogether);
    TAU_RETURN_IF_ERROR(write([&](Connection& db) -> Status {
      std::vector<int64_t> rows;
      for (size_t i = at; i < end; ++i) {
        TAU_ASSIGN_OR_RETURN(const int64_t row, find_memory(db, refs[i]));
        if (row != 0) rows.push_back(row);
      }
      TAU_ASSIGN_OR_RETURN(const int64_t count, purge_memories(db, rows));
      purged += count;
      return ok_status();
    }));
  }
  TAU_RETURN_IF_ERROR(erase_words());
  return purged;
}

StatusOr<int64_t> StoredMemories::purge_all(const MemoryFilter& filter) {
  int64_t purged = 0;
  for (bool more = true; more;) {
    TAU_RETURN_IF_ERROR(write([&](Connection& db) -> Status {
      TAU_ASSIGN_OR_RETURN(const auto rows, list_memory_numbers(db, filter, 0, kPurgeTogether));
      TAU_ASSIGN_OR_RETURN(const int64_t count, purge_memories(db, rows));
      purged += count;
      more = !rows.empty();
      return ok_status();
    }));
  }
  TAU_RETURN_IF_ERROR(erase_words());
  return purged;
}

// Also what a purge left that was cut off. Appends go on between the steps.
Status StoredMemories::erase_words() {
  const std::lock_guard lock(erasing_);
  bool more = false;
  TAU_RETURN_IF_ERROR(write([&](Connection& db) -> Status {
    TAU_ASSIGN_OR_RETURN(more, is_erasing(db));
    return ok_status();
  }));
  if (!more) return ok_status();
  for (bool first = true; more; first = false) {
    TAU_RETURN_IF_ERROR(write([&](Connection& db) -> Status {
      TAU_ASSIGN_OR_RETURN(more, merge_words(db, first));
      return more ? ok_status() : end_erasing(db);
    }));
  }
  return empty_wal();
}

}  // namespace tau::store
