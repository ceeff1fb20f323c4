// What is purged leaves every table. Free pages are overwritten (secure_delete), the WAL is emptied by who
// calls; the segments of the full-text index are merged into one, for only a merge lets go of a word.
#include "store/memory_purge.h"

#include "store/memory_columns.h"
#include "store/memory_words.h"

namespace tau::store {
namespace {

constexpr int64_t kVectorsTogether = 10'000;

struct Doomed {
  MemoryWords words;
  bool live = false;
};

StatusOr<bool> find_doomed(Connection& db, int64_t row, Doomed* doomed) {
  Statement& find = db.prepare("SELECT scope, text, tags, forgotten_ms FROM memories WHERE id = ?1");
  find.bind(row);
  TAU_ASSIGN_OR_RETURN(const bool found, find.step());
  if (found) {
    doomed->words = {.scope = find.integer(0), .text = find.text(1), .tags = find.text(2)};
    doomed->live = find.integer(3) == 0;
  }
  find.reset();
  return found;
}

// Words of a memory that waited for the index were never in it.
StatusOr<int64_t> take_change(Connection& db, bool indexed) {
  Statement& take = db.prepare(
      "UPDATE memory_state SET last_change = last_change + 1, erasing = iif(?1, last_change + 1, erasing)"
      " RETURNING last_change");
  take.bind(int64_t{indexed});
  TAU_ASSIGN_OR_RETURN(const bool row, take.step());
  const int64_t change = row ? take.integer(0) : 0;
  take.reset();
  return change;
}

Status erase(Connection& db, int64_t row, const Doomed& doomed) {
  TAU_ASSIGN_OR_RETURN(const int64_t last_indexed, db.query_integer("SELECT indexed_row FROM memory_state"));
  const bool indexed = row <= last_indexed;
  if (doomed.live && indexed) TAU_RETURN_IF_ERROR(unindex_memory(db, row, doomed.words));
  constexpr const char* kSteps[] = {
      "DELETE FROM memory_edges WHERE source = ?1",
      "DELETE FROM memory_edges WHERE target = ?1",
      "DELETE FROM memory_uses WHERE memory = ?1",
      "DELETE FROM memory_vectors WHERE key IN (SELECT id * 1099511627776 + ?1 FROM memory_spaces)",
      "DELETE FROM memories WHERE id = ?1",
  };
  for (const char* const step : kSteps) TAU_RETURN_IF_ERROR(db.prepare(step).bind(row).run());
  TAU_ASSIGN_OR_RETURN(const int64_t change, take_change(db, indexed));
  TAU_RETURN_IF_ERROR(db.prepare("INSERT INTO memory_purged(scope, change, memory) VALUES(?1, ?2, ?3)")
                          .bind(doomed.words.scope, change, row)
                          .run());
  return db
      .prepare(
          "UPDATE memory_scopes SET live = live - ?2, forgotten = forgotten - 1 + ?2, change = ?3"
          " WHERE id = ?1")
      .bind(doomed.words.scope, int64_t{doomed.live}, change)
      .run();
}

}  // namespace

StatusOr<int64_t> find_memory(Connection& db, const MemoryRef& ref) {
  Statement& find = db.prepare(
      "SELECT m.id FROM memories m JOIN memory_scopes s ON s.id = m.scope"
      " WHERE s.workspace = ?1 AND s.channel = ?2 AND s.actor = ?3 AND m.name = ?4");
  find.bind(ref.scope.workspace, ref.scope.channel, ref.scope.actor, ref.id);
  TAU_ASSIGN_OR_RETURN(const bool found, find.step());
  const int64_t row = found ? find.integer(0) : 0;
  find.reset();
  return row;
}

namespace {

// Of a fact there may be rows in which it goes on.
StatusOr<std::vector<int64_t>> with_parts(Connection& db, int64_t row) {
  std::vector<int64_t> rows = {row};
  Statement& query = db.prepare("SELECT id FROM memories WHERE part_of = ?1 AND part_of > 0");
  query.bind(row);
  for (;;) {
    TAU_ASSIGN_OR_RETURN(const bool any, query.step());
    if (!any) break;
    rows.push_back(query.integer(0));
  }
  query.reset();
  return rows;
}

}  // namespace

StatusOr<int64_t> purge_memories(Connection& db, const std::vector<int64_t>& rows) {
  int64_t purged = 0;
  for (const int64_t whole : rows) {
    TAU_ASSIGN_OR_RETURN(const auto all, with_parts(db, whole));
    for (const int64_t row : all) {
      Doomed doomed;
      TAU_ASSIGN_OR_RETURN(const bool found, find_doomed(db, row, &doomed));
      if (!found) continue;
      TAU_RETURN_IF_ERROR(erase(db, row, doomed));
      ++purged;
    }
  }
  return purged;
}

StatusOr<int64_t> newest_erasing(Connection& db) {
  return db.query_integer("SELECT erasing FROM memory_state");
}

Status end_erasing(Connection& db, int64_t newest) {
  return db.prepare("UPDATE memory_state SET erasing = 0 WHERE erasing = ?1").bind(newest).run();
}

StatusOr<bool> drop_some_of_space(Connection& db, int64_t space) {
  Statement& drop = db.prepare(
      "DELETE FROM memory_vectors WHERE key IN (SELECT key FROM memory_vectors WHERE key > ?1 AND key < ?2"
      " ORDER BY key LIMIT ?3)");
  TAU_RETURN_IF_ERROR(drop.bind(vector_key(space, 0), vector_key(space + 1, 0), kVectorsTogether).run());
  if (db.changes() == kVectorsTogether) return true;
  TAU_RETURN_IF_ERROR(db.prepare("DELETE FROM memory_spaces WHERE id = ?1").bind(space).run());
  return false;
}

}  // namespace tau::store
