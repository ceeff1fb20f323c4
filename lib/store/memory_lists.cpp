// Memories that a filter covers. Each scope is read in order by an index of its own, and the scopes are
// merged: what a page costs does not grow with what lies before or behind it.
#include <algorithm>
#include <limits>
#include <queue>
#include <tuple>

#include "store/memory_columns.h"
#include "store/memory_reads.h"

namespace tau::store {
namespace {

// The conditions of a filter but its scopes, as SQL, and the values that they ask for.
class Conditions {
 public:
  // For rows of the table `alias`, a literal that ends with a dot, or is empty. Values are bound from `first`
  // on.
  Conditions(const MemoryFilter& filter, std::string_view alias, int first) : alias_(alias), next_(first) {
    add(filter.forgotten ? "forgotten_ms > 0" : "forgotten_ms = 0");
    if (!filter.superseded) add("superseded_ms = 9223372036854775807");
    if (filter.types != ~0u) {
      sql_ += format(" AND (?{} >> {}type) & 1", next_, alias_);
      integers_.emplace_back(next_++, filter.types);
    }
    for (const std::string& tag : filter.tags) {
      sql_ += format(" AND instr({}tags, ?{})", alias_, next_);
      texts_.emplace_back(next_++, kTagSeparator + tag + kTagSeparator);
    }
    if (!filter.thread.empty()) add_text("thread <> '' AND", "thread =", filter.thread);
    if (!filter.source.empty()) add_prefix(filter.source);
    if (filter.since_ms != INT64_MIN) add_integer("time_ms >=", filter.since_ms);
    if (filter.until_ms != INT64_MAX) add_integer("time_ms <=", filter.until_ms);
  }

  // That the row is of one of the filter's scopes.
  void add_scopes(const MemoryFilter& filter) {
    sql_ += format(" AND {}scope IN (SELECT id FROM memory_scopes WHERE workspace = ?{}", alias_, next_);
    texts_.emplace_back(next_++, filter.workspace.str());
    add_names("channel", filter.channels);
    add_names("actor", filter.actors);
    sql_ += ')';
  }

  const std::string& sql() const { return sql_; }
  int next() const { return next_; }
  // What is bound must live as long as the statement is used: this object.
  void bind(Statement& statement) const {
    for (const auto& [at, value] : integers_) statement.bind_integer(at, value);
    for (const auto& [at, text] : texts_) statement.bind_text(at, text);
  }

 private:
  void add(std::string_view condition) { sql_ += format(" AND {}{}", alias_, condition); }
  void add_integer(std::string_view condition, int64_t value) {
    sql_ += format(" AND {}{} ?{}", alias_, condition, next_);
    integers_.emplace_back(next_++, value);
  }
  void add_text(std::string_view before, std::string_view condition, const std::string& text) {
    sql_ += format(" AND {}{} {}{} ?{}", alias_, before, alias_, condition, next_);
    texts_.emplace_back(next_++, text);
  }
  void add_names(std::string_view column, const std::vector<SharedString>& names) {
    if (names.empty()) return;
    sql_ += format(" AND {} IN (", column);
    for (const SharedString& name : names) {
      sql_ += format("{}?{}", &name == &names.front() ? "" : ", ", next_);
      texts_.emplace_back(next_++, name.str());
    }
    sql_ += ')';
  }
  // Texts are compared by their bytes: those with the prefix lie between it and the next greater one.
  void add_prefix(std::string_view prefix) {
    add_text("source <> '' AND", "source >=", std::string(prefix));
    while (!prefix.empty() && static_cast<unsigned char>(prefix.back()) == 0xff) prefix.remove_suffix(1);
    if (prefix.empty()) return;
    std::string end(prefix);
    end.back() = static_cast<char>(static_cast<unsigned char>(end.back()) + 1);
    sql_ += format(" AND {}source < ?{}", alias_, next_);
    texts_.emplace_back(next_++, std::move(end));
  }

  std::string_view alias_;
  int next_;
  std::string sql_;
  std::vector<std::pair<int, int64_t>> integers_;
  std::vector<std::pair<int, std::string>> texts_;
};

// Indexes are named: without statistics the planner guesses.
std::string_view index_of(const MemoryFilter& filter, bool newest_first) {
  if (!filter.thread.empty()) return "memories_by_thread";
  if (!filter.source.empty()) return "memories_by_source";
  if (filter.forgotten) return "memories_forgotten";
  return newest_first ? "memories_by_time" : "memories_by_row";
}

// Pages of one scope, taken up where the last one ended.
class Pages {
 public:
  Pages(Connection& db, const MemoryFilter& filter, bool newest_first)
      : conditions_(filter, "", 5),
        sql_(format("SELECT time_ms, id FROM memories INDEXED BY {} WHERE scope = ?1{}{}",
                    index_of(filter, newest_first), conditions_.sql(),
                    newest_first ? " AND (time_ms, id) < (?2, ?3) ORDER BY time_ms DESC, id DESC LIMIT ?4"
                                 : " AND id > ?3 AND ?2 = ?2 ORDER BY id LIMIT ?4")),
        query_(db.handle(), sql_.c_str()) {}

  StatusOr<std::vector<MemoryPlace>> read(int64_t scope, const MemoryPlace& after, size_t limit) {
    query_.bind(scope, after.time_ms, after.row,
                static_cast<int64_t>(std::min<size_t>(limit, std::numeric_limits<int32_t>::max())));
    conditions_.bind(query_);
    std::vector<MemoryPlace> out;
    for (;;) {
      TAU_ASSIGN_OR_RETURN(const bool row, query_.step());
      if (!row) break;
      out.push_back({query_.integer(0), query_.integer(1)});
    }
    query_.reset();
    return out;
  }

 private:
  Conditions conditions_;
  std::string sql_;
  Statement query_;
};

// One scope of the merge.
struct Source {
  int64_t scope = 0;
  std::vector<MemoryPlace> page;
  size_t at = 0;
  bool more = true;
};

StatusOr<std::vector<MemoryPlace>> merge(Connection& db, const MemoryFilter& filter, bool newest_first,
                                         const MemoryPlace& after, size_t limit) {
  std::vector<MemoryPlace> out;
  TAU_ASSIGN_OR_RETURN(auto scopes, read_memory_scopes(db, filter));
  std::erase_if(scopes, [&](const MemoryScopeRecord& scope) {
    return (filter.forgotten ? scope.forgotten : scope.memories) == 0;
  });
  if (scopes.empty() || limit == 0) return out;
  Pages pages(db, filter, newest_first);
  const size_t together = std::max<size_t>(1, scopes.size() == 1 ? limit : limit / scopes.size() * 2 + 1);
  std::vector<Source> sources;
  sources.reserve(scopes.size());
  const auto later = [&](const Source* a, const Source* b) {
    const MemoryPlace& x = a->page[a->at];
    const MemoryPlace& y = b->page[b->at];
    return newest_first ? std::tie(x.time_ms, x.row) < std::tie(y.time_ms, y.row) : x.row > y.row;
  };
  std::priority_queue<Source*, std::vector<Source*>, decltype(later)> heap(later);
  for (const MemoryScopeRecord& scope : scopes) {
    Source& source = sources.emplace_back(Source{.scope = scope_number(scope.key), .page = {}});
    TAU_ASSIGN_OR_RETURN(source.page, pages.read(source.scope, after, together));
    source.more = source.page.size() == together;
    if (!source.page.empty()) heap.push(&source);
  }
  while (!heap.empty() && out.size() < limit) {
    Source& source = *heap.top();
    heap.pop();
    out.push_back(source.page[source.at++]);
    if (source.at == source.page.size() && source.more) {
      TAU_ASSIGN_OR_RETURN(source.page, pages.read(source.scope, out.back(), together));
      source.more = source.page.size() == together;
      source.at = 0;
    }
    if (source.at < source.page.size()) heap.push(&source);
  }
  return out;
}

}  // namespace

StatusOr<std::vector<MemoryRow>> list_memories(Connection& db, const MemoryFilter& filter, bool newest_first,
                                               const MemoryPlace& after, size_t limit) {
  return at_one_moment(db, [&]() -> StatusOr<std::vector<MemoryRow>> {
    TAU_ASSIGN_OR_RETURN(const auto places, merge(db, filter, newest_first, after, limit));
    std::vector<int64_t> rows;
    rows.reserve(places.size());
    for (const MemoryPlace& place : places) rows.push_back(place.row);
    return read_memory_rows(db, rows);
  });
}

StatusOr<std::vector<int64_t>> list_memory_numbers(Connection& db, const MemoryFilter& filter, int64_t after,
                                                   size_t limit) {
  return at_one_moment(db, [&]() -> StatusOr<std::vector<int64_t>> {
    TAU_ASSIGN_OR_RETURN(const auto places, merge(db, filter, false, {.row = after}, limit));
    std::vector<int64_t> rows;
    rows.reserve(places.size());
    for (const MemoryPlace& place : places) rows.push_back(place.row);
    return rows;
  });
}

namespace {

// Whether a filter asks for nothing but scopes: then they are counted already.
bool only_scopes(const MemoryFilter& f) {
  return f.types == ~0u && f.tags.empty() && f.thread.empty() && f.source.empty() &&
         f.since_ms == INT64_MIN && f.until_ms == INT64_MAX;
}

StatusOr<int64_t> count_superseded(Connection& db, int64_t scope) {
  Statement& query = db.prepare(
      "SELECT count(*) FROM memories INDEXED BY memories_superseded WHERE scope = ?1"
      " AND superseded_ms < 9223372036854775807 AND forgotten_ms = 0");
  query.bind(scope);
  TAU_ASSIGN_OR_RETURN(const bool row, query.step());
  const int64_t count = row ? query.integer(0) : 0;
  query.reset();
  return count;
}

StatusOr<int64_t> count_one_by_one(Connection& db, const MemoryFilter& filter,
                                   const std::vector<MemoryScopeRecord>& scopes) {
  const Conditions conditions(filter, "", 2);
  const std::string sql = format("SELECT count(*) FROM memories INDEXED BY {} WHERE scope = ?1{}",
                                 index_of(filter, false), conditions.sql());
  Statement query(db.handle(), sql.c_str());
  int64_t count = 0;
  for (const MemoryScopeRecord& scope : scopes) {
    query.bind(scope_number(scope.key));
    conditions.bind(query);
    TAU_ASSIGN_OR_RETURN(const bool row, query.step());
    if (row) count += query.integer(0);
    query.reset();
  }
  return count;
}

}  // namespace

StatusOr<int64_t> count_memories(Connection& db, const MemoryFilter& filter) {
  return at_one_moment(db, [&]() -> StatusOr<int64_t> {
    TAU_ASSIGN_OR_RETURN(const auto scopes, read_memory_scopes(db, filter));
    if (!only_scopes(filter) || (filter.forgotten && !filter.superseded))
      return count_one_by_one(db, filter, scopes);
    int64_t count = 0;
    for (const MemoryScopeRecord& scope : scopes) {
      count += filter.forgotten ? scope.forgotten : scope.memories;
      if (filter.superseded) continue;
      TAU_ASSIGN_OR_RETURN(const int64_t superseded, count_superseded(db, scope_number(scope.key)));
      count -= superseded;
    }
    return count;
  });
}

// Relations in their order, those whose ends the filter does not cover passed over.
StatusOr<std::vector<MemoryEdge>> list_memory_edges(Connection& db, const MemoryFilter& filter,
                                                    const MemoryEdge& after, size_t limit) {
  std::vector<MemoryEdge> out;
  Conditions source(filter, "a.", 5);
  source.add_scopes(filter);
  Conditions target(filter, "b.", source.next());
  target.add_scopes(filter);
  const std::string sql = format(
      "SELECT e.source, e.target, e.relation, e.weight, e.created_ms FROM memory_edges e"
      " CROSS JOIN memories a ON a.id = e.source CROSS JOIN memories b ON b.id = e.target"
      " WHERE (e.source, e.target, e.relation) > (?1, ?2, ?3){}{}"
      " ORDER BY e.source, e.target, e.relation LIMIT ?4",
      source.sql(), target.sql());
  Statement query(db.handle(), sql.c_str());
  query.bind(after.source, after.target, int64_t{after.relation},
             static_cast<int64_t>(std::min<size_t>(limit, std::numeric_limits<int32_t>::max())));
  source.bind(query);
  target.bind(query);
  for (;;) {
    TAU_ASSIGN_OR_RETURN(const bool row, query.step());
    if (!row) break;
    out.push_back(memory_edge_at(query));
  }
  return out;
}

}  // namespace tau::store
