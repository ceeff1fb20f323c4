#include "memory/graph_walk.h"

#include <algorithm>
#include <tuple>
#include <unordered_map>

namespace tau::memory {
namespace {

bool heavier(const store::MemoryEdge& a, const store::MemoryEdge& b) {
  return std::tie(b.weight, a.source, a.target, a.relation) <
         std::tie(a.weight, b.source, b.target, b.relation);
}

// Goes outwards, ring by ring.
class Walk {
 public:
  Walk(GraphSource& source, const WalkOptions& options) : source_(source), options_(options) {}

  StatusOr<Neighbourhood> run(std::vector<int64_t> rows) {
    std::sort(rows.begin(), rows.end());
    for (const int64_t row : rows) reach(row, 0);
    std::vector<int64_t> ring = std::move(fresh_);
    for (int depth = 1; depth <= options_.depth && !ring.empty(); ++depth) {
      fresh_.clear();
      TAU_RETURN_IF_ERROR(step(ring, depth));
      ring = std::move(fresh_);
      std::sort(ring.begin(), ring.end());
    }
    if (!ring.empty()) TAU_RETURN_IF_ERROR(step(ring, kNoFurther));
    return finish();
  }

 private:
  static constexpr int kNoFurther = -1;

  // Whether the row is in, by now.
  bool reach(int64_t row, int depth) {
    if (depth_.contains(row)) return true;
    if (depth == kNoFurther || depth_.size() >= options_.max_nodes) return false;
    depth_[row] = depth;
    fresh_.push_back(row);
    return true;
  }

  Status step(const std::vector<int64_t>& ring, int depth) {
    // One more than there is room for: whether something is left out is known then. What was met from the
    // other side already takes none of the room.
    const size_t room = options_.max_edges - std::min(options_.max_edges, edges_.size());
    const size_t limit = room + edges_.size() + 1;
    TAU_ASSIGN_OR_RETURN(std::vector<store::MemoryEdge> edges, source_.edges(ring, limit));
    if (edges.size() >= limit) out_.truncated = true;
    std::sort(edges.begin(), edges.end(), heavier);
    for (const store::MemoryEdge& edge : edges) {
      if (!options_.filter.covers(edge)) continue;
      const bool forwards = std::binary_search(ring.begin(), ring.end(), edge.source);
      const int64_t near = forwards ? edge.source : edge.target;
      const int64_t far = forwards ? edge.target : edge.source;
      if (!depth_.contains(near)) continue;
      if (reach(far, depth)) {
        edges_.push_back(edge);
      } else if (depth != kNoFurther) {
        out_.truncated = true;
      }
    }
    tidy();
    return ok_status();
  }

  // Each relation once, no more than there may be.
  void tidy() {
    const auto place = [](const store::MemoryEdge& edge) {
      return std::tie(edge.source, edge.target, edge.relation);
    };
    std::sort(edges_.begin(), edges_.end(),
              [&](const auto& a, const auto& b) { return place(a) < place(b); });
    edges_.erase(std::unique(edges_.begin(), edges_.end(),
                             [&](const auto& a, const auto& b) { return place(a) == place(b); }),
                 edges_.end());
    if (edges_.size() <= options_.max_edges) return;
    out_.truncated = true;
    std::sort(edges_.begin(), edges_.end(), heavier);
    edges_.resize(options_.max_edges);
  }

  Neighbourhood finish() {
    for (const auto& [row, depth] : depth_) out_.nodes.push_back({row, depth});
    std::sort(out_.nodes.begin(), out_.nodes.end(), [](const auto& a, const auto& b) {
      return std::tie(a.depth, a.row) < std::tie(b.depth, b.row);
    });
    out_.edges = std::move(edges_);
    std::sort(out_.edges.begin(), out_.edges.end(), [](const auto& a, const auto& b) {
      return std::tie(a.source, a.target, a.relation) < std::tie(b.source, b.target, b.relation);
    });
    return std::move(out_);
  }

  GraphSource& source_;
  const WalkOptions& options_;
  std::unordered_map<int64_t, int> depth_;
  std::vector<int64_t> fresh_;
  std::vector<store::MemoryEdge> edges_;
  Neighbourhood out_;
};

}  // namespace

StatusOr<Neighbourhood> neighbourhood(const std::vector<int64_t>& rows, GraphSource& source,
                                      const WalkOptions& options) {
  return Walk(source, options).run(rows);
}

StatusOr<PathAnswer> strongest_paths(int64_t from, int64_t to, GraphSource& source,
                                     const PathOptions& options) {
  PathAnswer answer;
  std::vector<int64_t> rows;
  std::vector<store::MemoryEdge> edges;
  for (const auto& [end, hops] :
       {std::pair(from, (options.max_hops + 1) / 2), std::pair(to, options.max_hops / 2)}) {
    WalkOptions walk;
    walk.depth = hops;
    walk.max_nodes = options.max_nodes;
    walk.max_edges = options.max_edges;
    walk.filter = options.filter;
    TAU_ASSIGN_OR_RETURN(const Neighbourhood near, neighbourhood({end}, source, walk));
    answer.truncated = answer.truncated || near.truncated;
    for (const auto& node : near.nodes) rows.push_back(node.row);
    edges.insert(edges.end(), near.edges.begin(), near.edges.end());
  }
  const Graph graph(std::move(rows), std::move(edges), options.filter);
  answer.paths = strongest_paths(graph, graph.find(from), graph.find(to), options.max_hops, options.count);
  return answer;
}

}  // namespace tau::memory
