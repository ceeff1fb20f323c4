// Requests that read memories: get, list, tree, stats.
#include <algorithm>
#include <charconv>
#include <map>
#include <utility>

#include "runtime/core.h"
#include "runtime/host_document.h"
#include "runtime/memory_desk.h"
#include "runtime/memory_document.h"
#include "runtime/memory_ops.h"

namespace tau::runtime {
namespace {

constexpr int64_t kMostOfAPage = 1000;
constexpr size_t kMostRelations = 256;  // of one memory, in an answer

bool read_number(std::string_view& text, int64_t& out) {
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), out);
  if (error != std::errc()) return false;
  text.remove_prefix(static_cast<size_t>(end - text.data()));
  return true;
}

// Where a page goes on: "row", or "time.row" of pages by time.
struct Cursor {
  int64_t time_ms = INT64_MAX;
  int64_t row = INT64_MAX;
};
StatusOr<Cursor> read_cursor(const json::Value& request, bool newest) {
  Cursor cursor{.time_ms = INT64_MAX, .row = newest ? INT64_MAX : 0};
  if (!request.contains("after")) return cursor;
  std::string_view text = request["after"].as_string();
  bool good = !newest || (read_number(text, cursor.time_ms) && text.starts_with('.'));
  if (good && newest) text.remove_prefix(1);
  good = good && read_number(text, cursor.row) && text.empty();
  TAU_RETURN_IF_ERROR(check_type(good, "request", "after", "what \"next\" of the page before said"));
  return cursor;
}

void write_relations(json::Writer& w, const store::MemoryRow& row,
                     const std::vector<store::MemoryEdge>& edges,
                     const std::map<int64_t, const store::MemoryRow*>& ends) {
  w.key("relations").begin_array();
  for (const store::MemoryEdge& edge : edges) {
    const bool outward = edge.source == row.row;
    const auto other = ends.find(outward ? edge.target : edge.source);
    if (other == ends.end()) continue;
    w.begin_object().field(outward ? std::string_view("to") : std::string_view("from"), other->second->id);
    w.field("relation", memory::relation_name(static_cast<memory::Relation>(edge.relation)));
    w.key("weight").number(edge.weight).end_object();
  }
  w.end_array();
}

Status write_with_relations(json::Writer& w, Memory& memory, const store::MemoryRow& row) {
  store::Memories& memories = memory.engine().memories();
  TAU_ASSIGN_OR_RETURN(const auto edges, memories.edges({row.row}, kMostRelations, memory.reach().scopes()));
  std::vector<int64_t> others;
  for (const store::MemoryEdge& edge : edges)
    others.push_back(edge.source == row.row ? edge.target : edge.source);
  TAU_ASSIGN_OR_RETURN(const auto rows, memories.load_rows(others));
  std::map<int64_t, const store::MemoryRow*> ends;
  for (const store::MemoryRow& other : rows)
    if (memory.reach().sees(other.scope)) ends.emplace(other.row, &other);
  write_relations(w, row, edges, ends);
  return ok_status();
}

Status write_uses(json::Writer& w, Memory& memory, int64_t row) {
  TAU_ASSIGN_OR_RETURN(const auto uses, memory.engine().memories().uses({row}));
  w.field("uses", uses[0].count);
  if (uses[0].last_ms != 0) write_time(w, "used", uses[0].last_ms);
  return ok_status();
}

}  // namespace

StatusOr<store::MemoryRow> find_memory(Memory& memory, const json::Value& request, std::string_view key,
                                       bool forgotten) {
  TAU_ASSIGN_OR_RETURN(const std::string id, need_string(request, "request", key));
  const memory::Reach& reach = memory.reach();
  store::MemoryFilter filter;
  filter.workspace = reach.workspace;
  for (const std::string_view part : {"channel", "actor"}) {
    if (!request.contains(part)) continue;
    TAU_RETURN_IF_ERROR(check_type(request[part].is_string(), "request", part, "a string"));
    (part == "channel" ? filter.channels : filter.actors).emplace_back(request[part].as_string());
  }
  TAU_RETURN_IF_ERROR(reach.narrow(filter));
  TAU_ASSIGN_OR_RETURN(const std::vector<store::MemoryRow> found,
                       memory.engine().find(filter, id, forgotten));
  if (found.empty())
    return not_found("no_such_memory", format("there is no memory \"{}\" within this scope", id));
  // Its own scope goes before what it only sees.
  const auto own = std::find_if(found.begin(), found.end(),
                                [&](const store::MemoryRow& row) { return reach.owns(row.scope); });
  if (own != found.end()) return *own;
  if (found.size() == 1) return found[0];
  return failed_precondition(
      "ambiguous_memory", format("{} memories within this scope are called \"{}\": \"channel\" or \"actor\" "
                                 "says which",
                                 found.size(), id));
}

StatusOr<std::string> get_memory(Memory& memory, const json::Value& request) {
  TAU_RETURN_IF_ERROR(
      only_keys(request, "request", {"op", "id", "channel", "actor", "forgotten", "relations"}));
  TAU_ASSIGN_OR_RETURN(const bool forgotten, read_flag(request, "request", "forgotten", false));
  TAU_ASSIGN_OR_RETURN(const bool relations, read_flag(request, "request", "relations", true));
  TAU_ASSIGN_OR_RETURN(const store::MemoryRow row, find_memory(memory, request, "id", forgotten));
  return show_memory(memory, row, relations);
}

StatusOr<std::string> show_memory(Memory& memory, const store::MemoryRow& row, bool relations) {
  std::string out;
  json::Writer w(out);
  w.begin_object();
  write_memory_members(w, row);
  TAU_RETURN_IF_ERROR(write_uses(w, memory, row.row));
  if (relations) TAU_RETURN_IF_ERROR(write_with_relations(w, memory, row));
  w.end_object();
  memory.engine().note_use({row.row});
  return out;
}

StatusOr<std::string> list_memories(Memory& memory, const json::Value& request) {
  TAU_RETURN_IF_ERROR(
      only_filter_keys(request, {"op", "limit", "after", "order", "forgotten", "superseded"}));
  TAU_ASSIGN_OR_RETURN(store::MemoryFilter filter, read_filter(request, memory.reach()));
  TAU_ASSIGN_OR_RETURN(filter.forgotten, read_flag(request, "request", "forgotten", false));
  TAU_ASSIGN_OR_RETURN(filter.superseded, read_flag(request, "request", "superseded", false));
  TAU_ASSIGN_OR_RETURN(const int64_t limit, read_bounded(request, "request", "limit", 100, 1, kMostOfAPage));
  const std::string_view order = request["order"].as_string("recorded");
  TAU_RETURN_IF_ERROR(
      check_type(order == "recorded" || order == "newest", "request", "order", "\"recorded\" or \"newest\""));
  const bool newest = order == "newest";
  TAU_ASSIGN_OR_RETURN(const Cursor cursor, read_cursor(request, newest));
  store::Memories& memories = memory.engine().memories();
  const auto count = static_cast<size_t>(limit);
  TAU_ASSIGN_OR_RETURN(const std::vector<store::MemoryRow> rows,
                       newest ? memories.list_newest(filter, cursor.time_ms, cursor.row, count)
                              : memories.list(filter, cursor.row, count));
  std::string out;
  json::Writer w(out);
  w.begin_object().key("memories").begin_array();
  for (const store::MemoryRow& row : rows) write_memory(w, row);
  w.end_array();
  if (rows.size() == count) {
    const store::MemoryRow& last = rows.back();
    w.field("next", newest ? format("{}.{}", last.time_ms, last.row) : format("{}", last.row));
  }
  w.end_object();
  return out;
}

StatusOr<std::string> memory_tree(Memory& memory, const json::Value& request) {
  TAU_RETURN_IF_ERROR(only_keys(request, "request", {"op"}));
  TAU_ASSIGN_OR_RETURN(const auto scopes, memory.engine().memories().scopes(memory.reach().scopes()));
  std::string out;
  json::Writer w(out);
  int64_t total = 0;
  w.begin_object().field("workspace", memory.reach().workspace).key("scopes").begin_array();
  for (const store::MemoryScopeRecord& record : scopes) {
    if (record.memories + record.forgotten == 0) continue;
    total += record.memories;
    w.begin_object().field("channel", record.scope.channel).field("actor", record.scope.actor);
    w.field("memories", record.memories).field("forgotten", record.forgotten).end_object();
  }
  w.end_array().field("memories", total).end_object();
  return out;
}

StatusOr<std::string> memory_stats(Memory& memory, const json::Value& request) {
  TAU_RETURN_IF_ERROR(only_keys(request, "request", {"op"}));
  TAU_ASSIGN_OR_RETURN(const auto scopes, memory.engine().memories().scopes(memory.reach().scopes()));
  int64_t memories = 0;
  int64_t forgotten = 0;
  int64_t count = 0;
  for (const store::MemoryScopeRecord& record : scopes) {
    memories += record.memories;
    forgotten += record.forgotten;
    ++count;
  }
  TAU_ASSIGN_OR_RETURN(const memory::EngineStats stats, memory.engine().stats(memory.reach()));
  std::string out;
  json::Writer w(out);
  w.begin_object().field("workspace", memory.reach().workspace).field("scopes", count);
  w.field("memories", memories).field("forgotten", forgotten);
  w.key("index").begin_object().field("open", stats.shards).field("documents", stats.documents);
  w.field("bytes", stats.bytes).field("rebuilt", stats.rebuilt);
  if (!stats.last_damage.empty()) w.field("last_damage", stats.last_damage);
  w.end_object();
  TAU_RETURN_IF_ERROR(memory.core().memory().describe_vectors(memory.reach(), w.key("vectors")));
  w.end_object();
  return out;
}

}  // namespace tau::runtime
