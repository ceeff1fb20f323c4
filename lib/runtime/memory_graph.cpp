// Requests about relations: the neighbourhood of a memory, paths between two, and the graph as a whole.
#include <algorithm>
#include <map>
#include <utility>

#include "runtime/core.h"
#include "runtime/host_document.h"
#include "runtime/memory_desk.h"
#include "runtime/memory_document.h"
#include "runtime/memory_graph.h"
#include "runtime/memory_ops.h"

namespace tau::runtime {
namespace {

using memory::GraphFilter;
using store::MemoryEdge;
using store::MemoryRow;

constexpr int64_t kMostDepth = 8;
constexpr int64_t kMostOfAPage = 10'000;
constexpr size_t kRowsTogether = 1'000;
constexpr size_t kLabelBytes = 160;

StatusOr<GraphFilter> read_graph_filter(const json::Value& request) {
  GraphFilter filter;
  TAU_ASSIGN_OR_RETURN(const std::vector<std::string> names, read_strings(request, "request", "relations"));
  if (!names.empty()) filter.relations = 0;
  for (const std::string& name : names) {
    TAU_ASSIGN_OR_RETURN(const memory::Relation relation, memory::parse_relation(name));
    filter.relations |= 1u << static_cast<uint32_t>(relation);
  }
  if (!request.contains("min_weight")) return filter;
  filter.min_weight = request["min_weight"].as_double(-1);
  const bool good = filter.min_weight >= 0 && filter.min_weight <= 1;
  TAU_RETURN_IF_ERROR(check_type(good, "request", "min_weight", "a number from 0 to 1"));
  return filter;
}

void write_node(json::Writer& w, const MemoryRow& row) {
  w.field("node", row.row).field("id", row.id);
  const std::string_view label = truncate_utf8(row.text, kLabelBytes);
  w.field("label", label);
  w.field("type", memory::type_name(static_cast<memory::Type>(row.type)));
  w.key("importance").number(row.importance);
  if (!row.scope.channel.empty()) w.field("channel", row.scope.channel);
  if (!row.scope.actor.empty()) w.field("actor", row.scope.actor);
}

void write_edges(json::Writer& w, const std::vector<MemoryEdge>& edges) {
  w.key("edges").begin_array();
  for (const MemoryEdge& edge : edges) {
    w.begin_object().field("source", edge.source).field("target", edge.target);
    w.field("relation", memory::relation_name(static_cast<memory::Relation>(edge.relation)));
    w.key("weight").number(edge.weight).end_object();
  }
  w.end_array();
}

StatusOr<std::map<int64_t, MemoryRow>> load(store::Memories& memories, const std::vector<int64_t>& numbers) {
  std::map<int64_t, MemoryRow> rows;
  for (size_t at = 0; at < numbers.size(); at += kRowsTogether) {
    const auto begin = numbers.begin() + static_cast<ptrdiff_t>(at);
    const auto count = static_cast<ptrdiff_t>(std::min(kRowsTogether, numbers.size() - at));
    TAU_ASSIGN_OR_RETURN(std::vector<MemoryRow> some, memories.load_rows({begin, begin + count}));
    for (MemoryRow& row : some)
      if (row.forgotten_ms == 0) rows.emplace(row.row, std::move(row));
  }
  return rows;
}

StatusOr<std::string> around(Memory& memory, const json::Value& request) {
  TAU_RETURN_IF_ERROR(only_keys(
      request, "request", {"op", "id", "channel", "actor", "depth", "limit", "relations", "min_weight"}));
  TAU_ASSIGN_OR_RETURN(const MemoryRow middle, find_memory(memory, request, "id", false));
  memory::WalkOptions options;
  TAU_ASSIGN_OR_RETURN(options.filter, read_graph_filter(request));
  TAU_ASSIGN_OR_RETURN(const int64_t depth, read_bounded(request, "request", "depth", 2, 1, kMostDepth));
  TAU_ASSIGN_OR_RETURN(const int64_t limit, read_bounded(request, "request", "limit", 100, 1, kMostOfAPage));
  options.depth = static_cast<int>(depth);
  options.max_nodes = static_cast<size_t>(limit);
  store::Memories& memories = memory.engine().memories();
  memory::ReachEdges source(memories, memory.reach());
  TAU_ASSIGN_OR_RETURN(const memory::Neighbourhood found,
                       memory::neighbourhood({middle.row}, source, options));
  std::vector<int64_t> numbers;
  for (const auto& node : found.nodes) numbers.push_back(node.row);
  TAU_ASSIGN_OR_RETURN(const auto rows, load(memories, numbers));
  std::string out;
  json::Writer w(out);
  w.begin_object().key("nodes").begin_array();
  for (const auto& node : found.nodes) {
    const auto row = rows.find(node.row);
    if (row == rows.end()) continue;
    w.begin_object();
    write_node(w, row->second);
    w.field("depth", node.depth).end_object();
  }
  w.end_array();
  write_edges(w, found.edges);
  w.field("truncated", found.truncated).end_object();
  return out;
}

// All memories that a filter takes, with their relations and where they stand.
StatusOr<std::shared_ptr<const GraphPicture>> draw(Memory& memory, const store::MemoryFilter& filter,
                                                   const GraphFilter& relations) {
  store::Memories& memories = memory.engine().memories();
  std::vector<int64_t> rows;
  std::vector<double> importance;
  for (int64_t after = 0;;) {
    TAU_ASSIGN_OR_RETURN(const std::vector<MemoryRow> page, memories.list(filter, after, kRowsTogether));
    if (page.empty()) break;
    for (const MemoryRow& row : page) {
      rows.push_back(row.row);
      importance.push_back(row.importance);
    }
    after = page.back().row;
    if (rows.size() > memory::GraphLayout::kMaxNodes)
      return resource_exhausted("graph_too_large", format("more than {} memories: narrow the filter",
                                                          memory::GraphLayout::kMaxNodes));
  }
  std::vector<MemoryEdge> edges;
  for (MemoryEdge after;;) {
    TAU_ASSIGN_OR_RETURN(const std::vector<MemoryEdge> page,
                         memories.list_edges(filter, after, kRowsTogether));
    if (page.empty()) break;
    edges.insert(edges.end(), page.begin(), page.end());
    after = page.back();
  }
  auto picture = std::make_shared<GraphPicture>(memory::Graph(std::move(rows), std::move(edges), relations));
  TAU_ASSIGN_OR_RETURN(auto layout, memory::GraphLayout::make(picture->graph, importance));
  picture->layout.emplace(std::move(layout));
  return std::shared_ptr<const GraphPicture>(std::move(picture));
}

// Pages of one picture: it is drawn for the first one, and kept for the others as long as no memory changes.
StatusOr<std::shared_ptr<const GraphPicture>> picture_of(Memory& memory, const json::Value& request,
                                                         bool first) {
  TAU_ASSIGN_OR_RETURN(const store::MemoryFilter filter, read_filter(request, memory.reach()));
  TAU_ASSIGN_OR_RETURN(const GraphFilter relations, read_graph_filter(request));
  json::Value key = request;
  key.erase("after");
  key.erase("limit");
  TAU_ASSIGN_OR_RETURN(const int64_t newest, memory.engine().memories().newest_change());
  const std::string name = format("{} {}", newest, json::canonical(key));
  if (auto kept = first ? nullptr : memory.pictures().find(name)) return kept;
  TAU_ASSIGN_OR_RETURN(auto picture, draw(memory, filter, relations));
  memory.pictures().keep(name, picture);
  return picture;
}

StatusOr<std::string> page_of_all(Memory& memory, const json::Value& request) {
  TAU_RETURN_IF_ERROR(only_filter_keys(request, {"op", "limit", "after", "relations", "min_weight"}));
  TAU_ASSIGN_OR_RETURN(const int64_t limit,
                       read_bounded(request, "request", "limit", 1'000, 1, kMostOfAPage));
  TAU_ASSIGN_OR_RETURN(const int64_t after, read_count(request, "request", "after"));
  TAU_ASSIGN_OR_RETURN(const auto picture, picture_of(memory, request, after == 0));
  const memory::GraphPage page = picture->layout->page(after, static_cast<size_t>(limit));
  std::vector<int64_t> numbers;
  for (const memory::PlacedNode& node : page.nodes) numbers.push_back(node.row);
  TAU_ASSIGN_OR_RETURN(const auto rows, load(memory.engine().memories(), numbers));
  std::string out;
  json::Writer w(out);
  w.begin_object().key("nodes").begin_array();
  for (const memory::PlacedNode& node : page.nodes) {
    const auto row = rows.find(node.row);
    if (row == rows.end()) continue;
    w.begin_object();
    write_node(w, row->second);
    w.key("x").number(node.x).key("y").number(node.y).key("size").number(node.size);
    w.field("degree", static_cast<int64_t>(node.degree)).field("component", node.component).end_object();
  }
  w.end_array();
  write_edges(w, page.edges);
  w.field("total", static_cast<int64_t>(picture->graph.size()));
  if (page.next != 0) w.field("next", page.next);
  w.end_object();
  return out;
}

}  // namespace

StatusOr<std::string> memory_graph(Memory& memory, const json::Value& request) {
  return request.contains("id") ? around(memory, request) : page_of_all(memory, request);
}

StatusOr<std::string> memory_path(Memory& memory, const json::Value& request) {
  TAU_RETURN_IF_ERROR(
      only_keys(request, "request",
                {"op", "from", "to", "channel", "actor", "max_hops", "count", "relations", "min_weight"}));
  TAU_ASSIGN_OR_RETURN(const MemoryRow from, find_memory(memory, request, "from", false));
  TAU_ASSIGN_OR_RETURN(const MemoryRow to, find_memory(memory, request, "to", false));
  memory::PathOptions options;
  TAU_ASSIGN_OR_RETURN(options.filter, read_graph_filter(request));
  TAU_ASSIGN_OR_RETURN(const int64_t hops, read_bounded(request, "request", "max_hops", 4, 1, kMostDepth));
  TAU_ASSIGN_OR_RETURN(const int64_t count, read_bounded(request, "request", "count", 1, 1, 16));
  options.max_hops = static_cast<int>(hops);
  options.count = static_cast<size_t>(count);
  store::Memories& memories = memory.engine().memories();
  memory::ReachEdges source(memories, memory.reach());
  TAU_ASSIGN_OR_RETURN(const memory::PathAnswer answer,
                       memory::strongest_paths(from.row, to.row, source, options));
  std::vector<int64_t> numbers;
  for (const memory::GraphPath& path : answer.paths)
    numbers.insert(numbers.end(), path.rows.begin(), path.rows.end());
  TAU_ASSIGN_OR_RETURN(const auto rows, load(memories, numbers));
  std::string out;
  json::Writer w(out);
  w.begin_object().key("paths").begin_array();
  for (const memory::GraphPath& path : answer.paths) {
    w.begin_object().key("weight").number(path.weight).key("nodes").begin_array();
    for (const int64_t number : path.rows) {
      const auto row = rows.find(number);
      if (row == rows.end()) continue;
      w.begin_object();
      write_node(w, row->second);
      w.end_object();
    }
    w.end_array();
    write_edges(w, path.edges);
    w.end_object();
  }
  w.end_array().field("truncated", answer.truncated).end_object();
  return out;
}

}  // namespace tau::runtime
