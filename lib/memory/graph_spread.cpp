#include "memory/graph_spread.h"

#include <algorithm>
#include <cmath>
#include <tuple>
#include <unordered_map>

namespace tau::memory {
namespace {

struct Link {
  uint32_t to;
  double weight;
};

// The part of the graph that the seeds reach, with small numbers in the place of rows.
class Reach {
 public:
  explicit Reach(SpreadSource& source) : source_(source) {}

  uint32_t node(int64_t row) {
    const auto [at, fresh] = numbers_.try_emplace(row, static_cast<uint32_t>(rows_.size()));
    if (fresh) {
      rows_.push_back(row);
      links_.emplace_back();
      const double importance = source_.importance(row);
      importance_.push_back(importance > 0 ? std::min(importance, 1.0) : 0.0);
    }
    return at->second;
  }
  size_t size() const { return rows_.size(); }
  int64_t row(uint32_t node) const { return rows_[node]; }
  double importance(uint32_t node) const { return importance_[node]; }
  const std::vector<Link>& links(uint32_t node) const { return links_[node]; }

  // The links of these nodes, either way. A relation between two of them is seen once from each side.
  Status load(const std::vector<uint32_t>& nodes, size_t* edges_left) {
    std::vector<int64_t> rows;
    rows.reserve(nodes.size());
    for (const uint32_t n : nodes) rows.push_back(rows_[n]);
    std::sort(rows.begin(), rows.end());
    TAU_ASSIGN_OR_RETURN(std::vector<store::MemoryEdge> edges, source_.edges(rows));
    std::sort(edges.begin(), edges.end(), [](const auto& a, const auto& b) {
      return std::tie(b.weight, a.source, a.target) < std::tie(a.weight, b.source, b.target);
    });
    for (const store::MemoryEdge& edge : edges) {
      if (*edges_left == 0) break;
      --*edges_left;
      if (!(edge.weight > 0) || edge.source == edge.target) continue;
      const double weight = std::min(edge.weight, 1.0);
      link(rows, edge.source, edge.target, weight);
      link(rows, edge.target, edge.source, weight);
    }
    return ok_status();
  }

 private:
  void link(const std::vector<int64_t>& loaded, int64_t from, int64_t to, double weight) {
    if (!std::binary_search(loaded.begin(), loaded.end(), from)) return;
    const uint32_t target = node(to);
    links_[node(from)].push_back({target, weight});
  }

  SpreadSource& source_;
  std::unordered_map<int64_t, uint32_t> numbers_;
  std::vector<int64_t> rows_;
  std::vector<double> importance_;
  std::vector<std::vector<Link>> links_;
};

// The strongest arrival of every seed at every node, one step after the other.
class Wave {
 public:
  explicit Wave(Reach& reach, std::vector<uint32_t> seeds) : reach_(reach), seeds_(std::move(seeds)) {
    fronts_.resize(seeds_.size());
    best_.resize(seeds_.size());
    for (size_t s = 0; s < seeds_.size(); ++s) fronts_[s] = {{seeds_[s], 1.0}};
  }

  // Nodes that the next step goes on from and whose links are not known yet.
  std::vector<uint32_t> unloaded(size_t most) {
    std::unordered_map<uint32_t, double> strongest;
    for (const auto& front : fronts_) {
      for (const auto& [node, strength] : front) {
        if (node < loaded_.size() && loaded_[node]) continue;
        double& there = strongest[node];
        there = std::max(there, strength);
      }
    }
    std::vector<std::pair<uint32_t, double>> order(strongest.begin(), strongest.end());
    std::sort(order.begin(), order.end(), [&](const auto& a, const auto& b) {
      return a.second != b.second ? a.second > b.second : reach_.row(a.first) < reach_.row(b.first);
    });
    if (order.size() > most) order.resize(most);
    std::vector<uint32_t> nodes;
    nodes.reserve(order.size());
    loaded_.resize(std::max(loaded_.size(), reach_.size()), false);
    for (const auto& [node, strength] : order) {
      nodes.push_back(node);
      loaded_[node] = true;
    }
    return nodes;
  }

  void step(double factor) {
    for (size_t s = 0; s < seeds_.size(); ++s) {
      std::unordered_map<uint32_t, double> next;
      for (const auto& [node, strength] : fronts_[s]) {
        for (const Link& link : reach_.links(node)) {
          if (link.to == seeds_[s]) continue;
          double& there = next[link.to];
          there = std::max(there, strength * link.weight * factor);
        }
      }
      fronts_[s].clear();
      // A weaker arrival is no way on either: what follows it follows the stronger one as well, sooner.
      for (const auto& [node, strength] : next) {
        double& best = best_[s][node];
        if (strength <= best) continue;
        best = strength;
        fronts_[s].emplace_back(node, strength);
      }
    }
  }

  double best(size_t seed, uint32_t node) const {
    const auto at = best_[seed].find(node);
    return at == best_[seed].end() ? 0 : at->second;
  }

 private:
  Reach& reach_;
  std::vector<uint32_t> seeds_;
  std::vector<std::vector<std::pair<uint32_t, double>>> fronts_;
  std::vector<std::unordered_map<uint32_t, double>> best_;
  std::vector<bool> loaded_;
};

std::vector<SpreadScore> usable(std::vector<SpreadScore> seeds) {
  for (SpreadScore& seed : seeds) seed.score = seed.score > 0 ? std::min(seed.score, 1.0) : 0.0;
  std::sort(seeds.begin(), seeds.end(), [](const SpreadScore& a, const SpreadScore& b) {
    return a.row != b.row ? a.row < b.row : a.score > b.score;
  });
  const auto same = [](const SpreadScore& a, const SpreadScore& b) { return a.row == b.row; };
  seeds.erase(std::unique(seeds.begin(), seeds.end(), same), seeds.end());
  std::erase_if(seeds, [](const SpreadScore& seed) { return seed.score <= 0; });
  return seeds;
}

}  // namespace

StatusOr<std::vector<SpreadScore>> spread(const std::vector<SpreadScore>& given, SpreadSource& source,
                                          const SpreadOptions& options) {
  std::vector<SpreadScore> seeds = usable(given);
  Reach reach(source);
  std::vector<uint32_t> nodes;
  std::vector<double> worth;  // by seed
  for (const SpreadScore& seed : seeds) {
    const uint32_t node = reach.node(seed.row);
    if (reach.importance(node) <= 0) continue;
    nodes.push_back(node);
    worth.push_back(seed.score * reach.importance(node));
  }
  Wave wave(reach, nodes);
  size_t edges_left = options.max_edges;
  const double damping = std::clamp(options.damping, 0.0, 1.0);
  for (int hop = 0; hop < options.depth; ++hop) {
    const std::vector<uint32_t> front = wave.unloaded(options.max_frontier);
    if (!front.empty() && edges_left > 0) TAU_RETURN_IF_ERROR(reach.load(front, &edges_left));
    wave.step(hop == 0 ? 1 : damping);
  }
  std::vector<SpreadScore> scores;
  for (uint32_t node = 0; node < reach.size(); ++node) {
    double sum = 0;
    for (size_t s = 0; s < nodes.size(); ++s)
      if (nodes[s] != node) sum += worth[s] * reach.importance(node) * wave.best(s, node);
    if (sum > 0) scores.push_back({reach.row(node), std::min(sum, 1.0)});
  }
  std::sort(scores.begin(), scores.end(), [](const auto& a, const auto& b) { return a.row < b.row; });
  return scores;
}

}  // namespace tau::memory
