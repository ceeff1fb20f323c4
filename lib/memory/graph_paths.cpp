// The strongest paths between two nodes: hop by hop (Bellman, Ford) for one, by deviations for several (Yen,
// Management Science 17, 1971).
#include <algorithm>
#include <set>

#include "memory/graph_walk.h"

namespace tau::memory {
namespace {

struct Path {
  double weight = 1;
  std::vector<uint32_t> nodes;
};

// Stronger, shorter, lower rows: a total order.
bool before(const Path& a, const Path& b) {
  if (a.weight != b.weight) return a.weight > b.weight;
  if (a.nodes.size() != b.nodes.size()) return a.nodes.size() < b.nodes.size();
  return a.nodes < b.nodes;
}

struct Before {
  bool operator()(const Path& a, const Path& b) const { return before(a, b); }
};

class Finder {
 public:
  Finder(const Graph& graph, uint32_t to) : graph_(graph), to_(to), closed_(graph.size(), false) {}

  double weight_of(const std::vector<uint32_t>& nodes) const {
    double weight = 1;
    for (size_t i = 1; i < nodes.size(); ++i) weight *= graph_.weight(best_edge(nodes[i - 1], nodes[i]));
    return weight;
  }
  uint32_t best_edge(uint32_t a, uint32_t b) const {
    uint32_t best = 0;
    double weight = -1;
    for (const Graph::Link* link = graph_.begin(a); link != graph_.end(a); ++link) {
      if (link->node != b || graph_.weight(link->edge) <= weight) continue;
      weight = graph_.weight(link->edge);
      best = link->edge;
    }
    return best;
  }

  void close(uint32_t node, bool closed) { closed_[node] = closed; }

  // From `from`, whose first step leads to none of `not_first`; empty: there is none.
  std::vector<uint32_t> best(uint32_t from, int hops, const std::set<uint32_t>& not_first) const {
    // Of every number of hops, the best way to each node that it reaches.
    std::vector<std::vector<Path>> reached(static_cast<size_t>(hops) + 1);
    std::vector<Path> here = {{1, {from}}};
    Path found;
    for (int hop = 1; hop <= hops && !here.empty(); ++hop) {
      std::vector<Path> next = step(here, hop == 1 ? not_first : std::set<uint32_t>());
      here.clear();
      for (Path& path : next) {
        if (path.nodes.back() != to_) {
          here.push_back(std::move(path));
        } else if (found.nodes.empty() || before(path, found)) {
          found = std::move(path);
        }
      }
      // What is weaker than what was found never gets stronger.
      std::erase_if(here,
                    [&](const Path& path) { return !found.nodes.empty() && path.weight < found.weight; });
    }
    return found.nodes;
  }

 private:
  std::vector<Path> step(const std::vector<Path>& here, const std::set<uint32_t>& not_to) const {
    struct Way {
      uint32_t node;
      double weight;
      size_t from;
    };
    std::vector<Way> ways;
    for (size_t i = 0; i < here.size(); ++i) {
      const uint32_t node = here[i].nodes.back();
      for (const Graph::Link* link = graph_.begin(node); link != graph_.end(node); ++link) {
        if (closed_[link->node] || not_to.contains(link->node)) continue;
        const auto& so_far = here[i].nodes;
        if (std::find(so_far.begin(), so_far.end(), link->node) != so_far.end()) continue;
        ways.push_back({link->node, here[i].weight * graph_.weight(link->edge), i});
      }
    }
    // Here they all have as many hops; the best to each node goes on.
    std::sort(ways.begin(), ways.end(), [&](const Way& a, const Way& b) {
      if (a.node != b.node) return a.node < b.node;
      if (a.weight != b.weight) return a.weight > b.weight;
      return a.from != b.from && here[a.from].nodes < here[b.from].nodes;
    });
    std::vector<Path> next;
    for (const Way& way : ways) {
      if (!next.empty() && next.back().nodes.back() == way.node) continue;
      next.push_back({way.weight, here[way.from].nodes});
      next.back().nodes.push_back(way.node);
    }
    return next;
  }

  const Graph& graph_;
  uint32_t to_;
  std::vector<bool> closed_;
};

// The best ways that leave a path at each of its nodes.
void deviate(Finder& finder, const std::vector<Path>& found, int max_hops, std::set<Path, Before>& others) {
  const std::vector<uint32_t> path = found.back().nodes;
  for (size_t at = 0; at + 1 < path.size(); ++at) {
    std::set<uint32_t> taken;  // by paths that are the same up to here
    for (const Path& other : found) {
      const bool same =
          other.nodes.size() > at + 1 &&
          std::equal(path.begin(), path.begin() + static_cast<ptrdiff_t>(at) + 1, other.nodes.begin());
      if (same) taken.insert(other.nodes[at + 1]);
    }
    const std::vector<uint32_t> rest = finder.best(path[at], max_hops - static_cast<int>(at), taken);
    finder.close(path[at], true);
    if (rest.empty()) continue;
    Path whole;
    whole.nodes.assign(path.begin(), path.begin() + static_cast<ptrdiff_t>(at));
    whole.nodes.insert(whole.nodes.end(), rest.begin(), rest.end());
    whole.weight = finder.weight_of(whole.nodes);
    others.insert(std::move(whole));
  }
  for (const uint32_t node : path) finder.close(node, false);
}

}  // namespace

std::vector<GraphPath> strongest_paths(const Graph& graph, uint32_t from, uint32_t to, int max_hops,
                                       size_t count) {
  std::vector<GraphPath> paths;
  if (from >= graph.size() || to >= graph.size() || from == to || count == 0) return paths;
  Finder finder(graph, to);
  std::set<Path, Before> others;
  if (std::vector<uint32_t> first = finder.best(from, max_hops, {}); !first.empty()) {
    const double weight = finder.weight_of(first);
    others.insert({weight, std::move(first)});
  }
  std::vector<Path> found;
  while (!others.empty() && found.size() < count) {
    found.push_back(*others.begin());
    others.erase(others.begin());
    if (found.size() < count) deviate(finder, found, max_hops, others);
  }
  for (const Path& path : found) {
    GraphPath out;
    out.weight = path.weight;
    for (const uint32_t node : path.nodes) out.rows.push_back(graph.rows()[node]);
    for (size_t i = 1; i < path.nodes.size(); ++i)
      out.edges.push_back(graph.edges()[finder.best_edge(path.nodes[i - 1], path.nodes[i])]);
    paths.push_back(std::move(out));
  }
  return paths;
}

}  // namespace tau::memory
