// Memories, scopes, uses, relations and changes as they are asked for by their numbers and names.
#include "store/memory_reads.h"

#include <algorithm>
#include <iterator>
#include <limits>
#include <map>
#include <set>
#include <tuple>

#include "store/memory_columns.h"

namespace tau::store {
namespace {

constexpr size_t kMostTogether = 512;            // changes read at once,
constexpr size_t kMostBytesTogether = 4u << 20;  // and their texts
constexpr int kScopeNames =
    kMemoryColumns;  // where workspace, channel and actor stand, when they are asked for

int64_t bounded(size_t limit) {
  return static_cast<int64_t>(std::min<size_t>(limit, std::numeric_limits<int32_t>::max()));
}

MemoryRow whole_memory_at(const Statement& q) {
  MemoryRow row = memory_at(q);
  row.scope = {.workspace = q.bytes(kScopeNames),
               .channel = q.bytes(kScopeNames + 1),
               .actor = q.bytes(kScopeNames + 2)};
  return row;
}

#define TAU_WHOLE_MEMORY       \
  "SELECT " TAU_MEMORY_COLUMNS \
  ", s.workspace, s.channel, s.actor FROM memories m JOIN memory_scopes s ON s.id = m.scope"

}  // namespace

namespace {

// Keys carry the lineage, so that those of another copy of the database mean nothing here.
#define TAU_SCOPES                                                                                           \
  "SELECT (SELECT lineage FROM memory_state) << 32 | id, workspace, channel, actor, live, forgotten, change" \
  " FROM memory_scopes WHERE workspace = ?1"

Status append_scopes(Statement& query, std::vector<MemoryScopeRecord>& out) {
  for (;;) {
    TAU_ASSIGN_OR_RETURN(const bool row, query.step());
    if (!row) break;
    out.push_back({.key = query.integer(0),
                   .scope = {.workspace = query.bytes(1), .channel = query.bytes(2), .actor = query.bytes(3)},
                   .memories = query.integer(4),
                   .forgotten = query.integer(5),
                   .change = query.integer(6)});
  }
  query.reset();
  return ok_status();
}

std::vector<std::string_view> each_once(const std::vector<SharedString>& names) {
  std::vector<std::string_view> out(names.begin(), names.end());
  std::ranges::sort(out);
  out.erase(std::ranges::unique(out).begin(), out.end());
  return out;
}

}  // namespace

StatusOr<std::vector<MemoryScopeRecord>> read_memory_scopes(Connection& db, const MemoryFilter& filter) {
  const std::vector<std::string_view> channels = each_once(filter.channels);
  const std::vector<std::string_view> actors = each_once(filter.actors);
  std::vector<MemoryScopeRecord> out;
  if (channels.empty() && actors.empty()) {
    Statement& query = db.prepare(TAU_SCOPES);
    query.bind(filter.workspace);
    TAU_RETURN_IF_ERROR(append_scopes(query, out));
  } else if (actors.empty()) {
    Statement& query = db.prepare(TAU_SCOPES " AND channel = ?2");
    for (const std::string_view channel : channels) {
      query.bind(filter.workspace, channel);
      TAU_RETURN_IF_ERROR(append_scopes(query, out));
    }
  } else if (channels.empty()) {
    Statement& query = db.prepare(TAU_SCOPES " AND actor = ?2");
    for (const std::string_view actor : actors) {
      query.bind(filter.workspace, actor);
      TAU_RETURN_IF_ERROR(append_scopes(query, out));
    }
  } else {
    Statement& query = db.prepare(TAU_SCOPES " AND channel = ?2 AND actor = ?3");
    for (const std::string_view channel : channels) {
      for (const std::string_view actor : actors) {
        query.bind(filter.workspace, channel, actor);
        TAU_RETURN_IF_ERROR(append_scopes(query, out));
      }
    }
  }
  std::ranges::sort(out, {}, [](const MemoryScopeRecord& record) {
    return std::pair<std::string_view, std::string_view>(record.scope.channel, record.scope.actor);
  });
  return out;
}

StatusOr<std::vector<std::string>> read_memory_workspaces(Connection& db) {
  Statement& query = db.prepare("SELECT DISTINCT workspace FROM memory_scopes ORDER BY workspace");
  std::vector<std::string> out;
  for (;;) {
    TAU_ASSIGN_OR_RETURN(const bool row, query.step());
    if (!row) break;
    out.push_back(query.text(0));
  }
  query.reset();
  return out;
}

StatusOr<std::vector<int64_t>> scope_numbers(Connection& db, const std::vector<int64_t>& keys) {
  TAU_ASSIGN_OR_RETURN(const int64_t lineage, db.query_integer("SELECT lineage FROM memory_state"));
  std::vector<int64_t> out;
  for (const int64_t key : keys)
    if (key >> 32 == lineage) out.push_back(scope_number(key));
  return out;
}

StatusOr<MemoryRow> read_memory(Connection& db, const MemoryRef& ref, bool forgotten) {
  Statement& query = db.prepare(TAU_WHOLE_MEMORY
                                " WHERE s.workspace = ?1 AND s.channel = ?2 AND s.actor = ?3 AND m.name = ?4"
                                " AND (?5 OR m.forgotten_ms = 0)");
  query.bind(ref.scope.workspace, ref.scope.channel, ref.scope.actor, ref.id, int64_t{forgotten});
  TAU_ASSIGN_OR_RETURN(const bool found, query.step());
  if (!found) return not_found("no_such_memory", format("there is no memory {}", ref.id));
  MemoryRow row = whole_memory_at(query);
  query.reset();
  return row;
}

StatusOr<std::vector<MemoryRow>> read_memories_named(Connection& db, std::string_view workspace,
                                                     std::string_view id, bool forgotten) {
  Statement& query = db.prepare(TAU_WHOLE_MEMORY
                                " WHERE s.workspace = ?1 AND m.name = ?2 AND (?3 OR m.forgotten_ms = 0)"
                                " ORDER BY s.channel, s.actor");
  query.bind(workspace, id, int64_t{forgotten});
  std::vector<MemoryRow> out;
  for (;;) {
    TAU_ASSIGN_OR_RETURN(const bool row, query.step());
    if (!row) break;
    out.push_back(whole_memory_at(query));
  }
  query.reset();
  return out;
}

StatusOr<std::vector<MemoryRow>> read_memory_rows(Connection& db, const std::vector<int64_t>& rows) {
  std::vector<MemoryRow> out;
  out.reserve(rows.size());
  for (const int64_t number : rows) {
    Statement& query = db.prepare(TAU_WHOLE_MEMORY " WHERE m.id = ?1");
    query.bind(number);
    TAU_ASSIGN_OR_RETURN(const bool found, query.step());
    if (found) out.push_back(whole_memory_at(query));
    query.reset();
  }
  return out;
}

StatusOr<std::vector<MemoryUses>> read_memory_uses(Connection& db, const std::vector<int64_t>& rows) {
  std::vector<MemoryUses> out(rows.size());
  for (size_t i = 0; i < rows.size(); ++i) {
    Statement& query = db.prepare("SELECT count, last_ms FROM memory_uses WHERE memory = ?1");
    query.bind(rows[i]);
    TAU_ASSIGN_OR_RETURN(const bool found, query.step());
    if (found) out[i] = {.count = query.integer(0), .last_ms = query.integer(1)};
    query.reset();
  }
  return out;
}

StatusOr<std::vector<MemoryRow>> read_without_vector(Connection& db, std::string_view workspace,
                                                     int64_t space, int64_t after, size_t limit) {
  Statement& query = db.prepare(TAU_WHOLE_MEMORY
                                " WHERE m.id > ?2 AND m.forgotten_ms = 0 AND s.workspace = ?1"
                                " AND NOT EXISTS (SELECT 1 FROM memory_vectors WHERE key = ?3 + m.id)"
                                " ORDER BY m.id LIMIT ?4");
  query.bind(workspace, after, vector_key(space, 0), bounded(limit));
  std::vector<MemoryRow> out;
  for (;;) {
    TAU_ASSIGN_OR_RETURN(const bool row, query.step());
    if (!row) break;
    out.push_back(whole_memory_at(query));
  }
  query.reset();
  return out;
}

// Of all less those that are forgotten, both by indexes alone: the rows themselves are not read.
StatusOr<int64_t> count_without_vector(Connection& db, const MemoryFilter& scopes, int64_t space) {
  TAU_ASSIGN_OR_RETURN(const auto records, read_memory_scopes(db, scopes));
  Statement& query = db.prepare(
      "SELECT (SELECT count(*) FROM memories m INDEXED BY memories_by_row WHERE m.scope = ?1"
      " AND NOT EXISTS (SELECT 1 FROM memory_vectors WHERE key = ?2 + m.id))"
      " - (SELECT count(*) FROM memories m INDEXED BY memories_forgotten"
      " WHERE m.scope = ?1 AND m.forgotten_ms > 0"
      " AND NOT EXISTS (SELECT 1 FROM memory_vectors WHERE key = ?2 + m.id))");
  int64_t count = 0;
  for (const MemoryScopeRecord& record : records) {
    query.bind(scope_number(record.key), vector_key(space, 0));
    TAU_ASSIGN_OR_RETURN(const bool any, query.step());
    if (any) count += query.integer(0);
    query.reset();
  }
  return count;
}

StatusOr<int64_t> read_scope_change(Connection& db, int64_t scope) {
  Statement& query = db.prepare("SELECT change FROM memory_scopes WHERE id = ?1");
  query.bind(scope);
  TAU_ASSIGN_OR_RETURN(const bool found, query.step());
  const int64_t change = found ? query.integer(0) : 0;
  query.reset();
  return change;
}

namespace {

MemoryChange changed_at(const Statement& q) {
  MemoryChange change;
  change.row = whole_memory_at(q);
  change.vector = q.text(kScopeNames + 3);
  return change;
}

// A statement that is left in the middle keeps its moment of the database, and with it the WAL.
struct Reset {
  Statement& statement;
  ~Reset() { statement.reset(); }
};

MemoryChange purged_at(const Statement& q) {
  MemoryChange change;
  change.purged = true;
  change.row.change = q.integer(0);
  change.row.row = q.integer(1);
  return change;
}

StatusOr<std::vector<MemoryChange>> merge_changes(Connection& db, int64_t scope, int64_t after, int64_t space,
                                                  bool* more) {
  Statement& changed = db.prepare("SELECT " TAU_MEMORY_COLUMNS
                                  ", s.workspace, s.channel, s.actor, v.bytes FROM memories m"
                                  " INDEXED BY memories_by_change JOIN memory_scopes s ON s.id = m.scope"
                                  " LEFT JOIN memory_vectors v ON v.key = ?3 + m.id"
                                  " WHERE m.scope = ?1 AND m.change > ?2 ORDER BY m.change LIMIT ?4");
  Statement& purged = db.prepare(
      "SELECT change, memory FROM memory_purged WHERE scope = ?1 AND change > ?2 ORDER BY change LIMIT ?3");
  const Reset end_of_changed{changed};
  const Reset end_of_purged{purged};
  const auto most = static_cast<int64_t>(kMostTogether);
  changed.bind(scope, after, vector_key(space, 0), most);
  purged.bind(scope, after, most);
  TAU_ASSIGN_OR_RETURN(bool has_changed, changed.step());
  TAU_ASSIGN_OR_RETURN(bool has_purged, purged.step());
  std::vector<MemoryChange> out;
  size_t bytes = 0;
  while ((has_changed || has_purged) && out.size() < kMostTogether && bytes < kMostBytesTogether) {
    if (!has_purged || (has_changed && changed.integer(1) < purged.integer(0))) {
      out.push_back(changed_at(changed));
      bytes += out.back().row.text.size() + out.back().row.attributes.size();
      TAU_ASSIGN_OR_RETURN(has_changed, changed.step());
    } else {
      out.push_back(purged_at(purged));
      TAU_ASSIGN_OR_RETURN(has_purged, purged.step());
    }
  }
  *more = has_changed || has_purged || out.size() == kMostTogether;
  return out;
}

}  // namespace

// Each of the two statements alone would have its own moment, and what was written between them would never
// be seen.
StatusOr<std::vector<MemoryChange>> read_memory_changes(Connection& db, int64_t scope, int64_t after,
                                                        int64_t space, bool* more) {
  return at_one_moment(db, [&] { return merge_changes(db, scope, after, space, more); });
}

namespace {

// Whether rows of a scope are asked for, by the number of the scope.
class ScopeGate {
 public:
  ScopeGate(Connection& db, const MemoryFilter& filter) : db_(db), filter_(filter) {}

  // Relations never lead out of a workspace: without names every scope is meant.
  bool open() const { return filter_.channels.empty() && filter_.actors.empty(); }
  StatusOr<bool> admits(int64_t scope) {
    if (open()) return true;
    const auto [at, fresh] = known_.try_emplace(scope, false);
    if (!fresh) return at->second;
    Statement& query = db_.prepare("SELECT workspace, channel, actor FROM memory_scopes WHERE id = ?1");
    query.bind(scope);
    TAU_ASSIGN_OR_RETURN(const bool found, query.step());
    at->second = found && query.bytes(0) == filter_.workspace.view() &&
                 is_among(filter_.channels, query.bytes(1)) && is_among(filter_.actors, query.bytes(2));
    query.reset();
    return at->second;
  }

 private:
  static bool is_among(const std::vector<SharedString>& names, std::string_view name) {
    return names.empty() || std::ranges::any_of(names, [&](const SharedString& one) { return one == name; });
  }

  Connection& db_;
  const MemoryFilter& filter_;
  std::map<int64_t, bool> known_;
};

Status read_edges_of(Connection& db, int64_t number, size_t limit, ScopeGate& gate,
                     std::vector<MemoryEdge>& out) {
  Statement& query = db.prepare(
      "SELECT e.source, e.target, e.relation, e.weight, e.created_ms, a.scope, b.scope FROM"
      " (SELECT * FROM memory_edges WHERE source = ?1 UNION ALL"
      "  SELECT * FROM memory_edges WHERE target = ?1) e"
      " JOIN memories a ON a.id = e.source JOIN memories b ON b.id = e.target"
      " WHERE a.forgotten_ms = 0 AND b.forgotten_ms = 0"
      " ORDER BY e.weight DESC, e.source, e.target, e.relation LIMIT ?2");
  constexpr int64_t kAll = -1;
  const Reset end{query};
  query.bind(number, gate.open() ? bounded(limit) : kAll);
  for (size_t count = 0; count < limit;) {
    TAU_ASSIGN_OR_RETURN(const bool row, query.step());
    if (!row) break;
    TAU_ASSIGN_OR_RETURN(const bool from, gate.admits(query.integer(5)));
    TAU_ASSIGN_OR_RETURN(const bool to, gate.admits(query.integer(6)));
    if (!from || !to) continue;
    out.push_back(memory_edge_at(query));
    ++count;
  }
  return ok_status();
}

}  // namespace

StatusOr<std::vector<MemoryEdge>> read_memory_edges(Connection& db, const std::vector<int64_t>& rows,
                                                    size_t limit, const MemoryFilter& scopes) {
  const auto place = [](const MemoryEdge& e) { return std::tuple(e.source, e.target, e.relation); };
  const auto before = [&](const MemoryEdge& a, const MemoryEdge& b) {
    return a.weight != b.weight ? a.weight > b.weight : place(a) < place(b);
  };
  ScopeGate gate(db, scopes);
  std::vector<MemoryEdge> out;
  const auto keep_heaviest = [&] {
    std::ranges::sort(out, before);
    const auto rest = std::ranges::unique(out, {}, place);
    out.erase(rest.begin(), rest.end());
    out.resize(std::min(out.size(), limit));
  };
  for (const int64_t number : std::set<int64_t>(rows.begin(), rows.end())) {
    TAU_RETURN_IF_ERROR(read_edges_of(db, number, limit, gate, out));
    if (out.size() >= 4 * limit) keep_heaviest();
  }
  keep_heaviest();
  return out;
}

}  // namespace tau::store
