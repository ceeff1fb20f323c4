// Edits of what stands beside a memory: relations, vectors, uses.
#include "store/memory_checks.h"
#include "store/memory_columns.h"
#include "store/memory_rows.h"

namespace tau::store {

StatusOr<int64_t> MemoryRows::find_live(const MemoryRef& ref, MemoryOutcome* out) {
  TAU_RETURN_IF_ERROR(check_memory_name(ref.scope, ref.id));
  TAU_ASSIGN_OR_RETURN(const Scope* const scope, find_scope(ref.scope, false));
  Statement& query = db_.prepare(
      "SELECT id, revision, change FROM memories WHERE scope = ?1 AND name = ?2 AND forgotten_ms = 0");
  query.bind(scope == nullptr ? 0 : scope->key, ref.id);
  TAU_ASSIGN_OR_RETURN(const bool found, query.step());
  if (found) *out = {.row = query.integer(0), .revision = query.integer(1), .change = query.integer(2)};
  query.reset();
  if (found) return out->row;
  return failed_precondition("no_such_memory", format("there is no memory {}", ref.id));
}

Status MemoryRows::relate(const MemoryRelate& relate, MemoryOutcome& out) {
  MemoryOutcome other;
  TAU_ASSIGN_OR_RETURN(const int64_t target, find_live(relate.target, &other));
  TAU_ASSIGN_OR_RETURN(const int64_t source, find_live(relate.source, &out));
  if (relate.source.scope.workspace != relate.target.scope.workspace)
    return invalid_memory(relate.source.id, "memories of two workspaces cannot be related");
  if (source == target) return invalid_memory(relate.source.id, "a memory cannot be related to itself");
  if (relate.weight < 0) {
    TAU_RETURN_IF_ERROR(
        db_.prepare("DELETE FROM memory_edges WHERE source = ?1 AND target = ?2 AND relation = ?3")
            .bind(source, target, int64_t{relate.relation})
            .run());
    out.unchanged = db_.changes() == 0;
    return ok_status();
  }
  if (!is_share(relate.weight))
    return invalid_memory(relate.source.id,
                          format("weight {} of a relation is not from 0 to 1", relate.weight));
  Statement& put = db_.prepare(
      "INSERT INTO memory_edges(source, target, relation, weight, created_ms) VALUES(?1, ?2, ?3, ?5, ?4)"
      " ON CONFLICT(source, target, relation) DO UPDATE SET weight = ?5 WHERE weight <> ?5");
  put.bind(source, target, int64_t{relate.relation}, relate.at_ms).bind_real(5, relate.weight);
  TAU_RETURN_IF_ERROR(put.run());
  out.unchanged = db_.changes() == 0;
  return ok_status();
}

Status MemoryRows::drop_vectors(int64_t row) {
  return db_
      .prepare("DELETE FROM memory_vectors WHERE key IN (SELECT id * 1099511627776 + ?1 FROM memory_spaces)")
      .bind(row)
      .run();
}

StatusOr<bool> MemoryRows::has_space(int64_t space) {
  if (space <= 0) return false;
  if (space == known_space_) return true;
  Statement& find = db_.prepare("SELECT 1 FROM memory_spaces WHERE id = ?1");
  find.bind(space);
  TAU_ASSIGN_OR_RETURN(const bool found, find.step());
  find.reset();
  if (found) known_space_ = space;
  return found;
}

// Whether there is one now that was not. Of a space that was dropped meanwhile none is kept.
StatusOr<bool> MemoryRows::write_vector(int64_t row, int64_t space, std::string_view bytes) {
  if (bytes.empty()) return false;
  TAU_ASSIGN_OR_RETURN(const bool known, has_space(space));
  if (!known) return false;
  Statement& put = db_.prepare(
      "INSERT INTO memory_vectors(key, bytes) VALUES(?1, ?2)"
      " ON CONFLICT(key) DO UPDATE SET bytes = ?2 WHERE bytes <> ?2");
  put.bind_integer(1, vector_key(space, row)).bind_blob(2, bytes);
  TAU_RETURN_IF_ERROR(put.run());
  return db_.changes() > 0;
}

Status MemoryRows::put_vector(const MemoryVector& vector, MemoryOutcome& out) {
  Statement& find = db_.prepare(
      "SELECT m.revision, m.change, s.workspace, s.channel, s.actor FROM memories m JOIN memory_scopes s"
      " ON s.id = m.scope WHERE m.id = ?1");
  find.bind(vector.row);
  TAU_ASSIGN_OR_RETURN(const bool found, find.step());
  if (!found) return ok_status();
  out = {.row = vector.row, .revision = find.integer(0), .change = find.integer(1), .unchanged = true};
  const MemoryScope name = {.workspace = find.bytes(2), .channel = find.bytes(3), .actor = find.bytes(4)};
  find.reset();
  if (out.revision != vector.revision) return ok_status();
  TAU_ASSIGN_OR_RETURN(const bool written, write_vector(vector.row, vector.space, vector.bytes));
  if (!written) return ok_status();
  out.unchanged = false;
  TAU_ASSIGN_OR_RETURN(Scope* const scope, find_scope(name, true));
  return note_change(*scope, vector.row, &out.change);
}

Status MemoryRows::use(const MemoryUse& use, MemoryOutcome& out) {
  Statement& find = db_.prepare("SELECT revision, change FROM memories WHERE id = ?1");
  find.bind(use.row);
  TAU_ASSIGN_OR_RETURN(const bool found, find.step());
  if (found)
    out = {.row = use.row, .revision = find.integer(0), .change = find.integer(1), .unchanged = true};
  find.reset();
  if (!found || use.count <= 0) return ok_status();
  Statement& put = db_.prepare(
      "INSERT INTO memory_uses(memory, count, last_ms) VALUES(?1, ?2, ?3) ON CONFLICT(memory) DO UPDATE SET"
      " count = count + excluded.count, last_ms = max(last_ms, excluded.last_ms)");
  return put.bind(use.row, use.count, use.at_ms).run();
}

}  // namespace tau::store
