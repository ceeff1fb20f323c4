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

// In parts, each of its own moment. What changes meanwhile moves to the end, so the last part goes to the end
// of its moment: what was there all the time is seen. Where others write faster than this reads, what they
// went on to change is left to the next visit.
Status StoredMemories::visit_changes(int64_t scope_key, int64_t after, int64_t space,
                                     MemoryVisitor& visitor) {
  constexpr int kMostPartsMore = 16;
  int64_t goal = 0;
  bool more = true;
  for (int parts_more = 0; more && parts_more < kMostPartsMore; parts_more += after >= goal) {
    const auto read_part = [&](Connection& db) -> StatusOr<std::vector<MemoryChange>> {
      TAU_ASSIGN_OR_RETURN(const auto numbers, scope_numbers(db, {scope_key}));
      if (numbers.empty()) return std::vector<MemoryChange>();
      if (goal == 0) { TAU_ASSIGN_OR_RETURN(goal, read_scope_change(db, numbers.front())); }
      return read_memory_changes(db, numbers.front(), after, space, &more);
    };
    more = false;
    TAU_ASSIGN_OR_RETURN(const auto changes, ask<std::vector<MemoryChange>>(read_part));
    for (const MemoryChange& change : changes) {
      const bool goes_on = change.purged ? visitor.purged(change.row.row, change.row.change)
                                         : visitor.changed(change.row, change.vector);
      if (!goes_on) return ok_status();
      after = change.row.change;
    }
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

StatusOr<std::vector<MemoryEdge>> StoredMemories::edges(const std::vector<int64_t>& rows, size_t limit,
                                                        const MemoryFilter& scopes) {
  return ask<std::vector<MemoryEdge>>(
      [&](Connection& db) { return read_memory_edges(db, rows, limit, scopes); });
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

StatusOr<int64_t> StoredMemories::count_without_vector(const MemoryFilter& scopes, int64_t space) {
  return ask<int64_t>([&](Connection& db) { return store::count_without_vector(db, scopes, space); });
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
  TAU_RETURN_IF_ERROR(erase_words(purged > 0));
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
  TAU_RETURN_IF_ERROR(erase_words(purged > 0));
  return purged;
}

// Also what a purge left that was cut off. Appends go on between the steps, and so do purges of other
// processes.
Status StoredMemories::erase_words(bool purged) {
  const std::lock_guard lock(erasing_);
  int64_t newest = 0;
  bool more = true;
  for (bool first = true; more; first = false) {
    TAU_RETURN_IF_ERROR(write([&](Connection& db) -> Status {
      if (first) { TAU_ASSIGN_OR_RETURN(newest, newest_erasing(db)); }
      more = false;
      if (newest == 0) return ok_status();
      TAU_ASSIGN_OR_RETURN(more, merge_words(db, first));
      if (more) return ok_status();
      Status flat = flatten_words(db);
      return flat.ok() ? end_erasing(db, newest) : std::move(flat);
    }));
  }
  // Somebody else may have merged the words of this purge, and not yet emptied the WAL.
  return newest != 0 || purged ? empty_wal() : ok_status();
}

}  // namespace tau::store
