#include "memory/graph.h"

#include <algorithm>
#include <tuple>

namespace tau::memory {

bool GraphFilter::covers(const store::MemoryEdge& edge) const {
  if (!(edge.weight > 0) || edge.weight < min_weight) return false;
  return edge.relation < kRelations && (relations >> edge.relation & 1) != 0;
}

Graph::Graph(std::vector<int64_t> rows, std::vector<store::MemoryEdge> edges, const GraphFilter& filter)
    : rows_(std::move(rows)), edges_(std::move(edges)) {
  std::sort(rows_.begin(), rows_.end());
  rows_.erase(std::unique(rows_.begin(), rows_.end()), rows_.end());
  std::erase_if(edges_, [&](const store::MemoryEdge& edge) {
    return !filter.covers(edge) || find(edge.source) == size() || find(edge.target) == size();
  });
  std::sort(edges_.begin(), edges_.end(), [](const auto& a, const auto& b) {
    return std::tie(a.source, a.target, a.relation, b.weight) <
           std::tie(b.source, b.target, b.relation, a.weight);
  });
  const auto same = [](const auto& a, const auto& b) {
    return std::tie(a.source, a.target, a.relation) == std::tie(b.source, b.target, b.relation);
  };
  edges_.erase(std::unique(edges_.begin(), edges_.end(), same), edges_.end());

  begins_.assign(rows_.size() + 1, 0);
  for (const store::MemoryEdge& edge : edges_) {
    ++begins_[find(edge.source) + 1];
    ++begins_[find(edge.target) + 1];
  }
  for (size_t i = 1; i < begins_.size(); ++i) begins_[i] += begins_[i - 1];
  links_.resize(begins_.back());
  std::vector<size_t> at(begins_.begin(), begins_.end() - 1);
  for (size_t i = 0; i < edges_.size(); ++i) {
    const uint32_t source = find(edges_[i].source);
    const uint32_t target = find(edges_[i].target);
    links_[at[source]++] = {target, static_cast<uint32_t>(i)};
    links_[at[target]++] = {source, static_cast<uint32_t>(i)};
  }
}

uint32_t Graph::find(int64_t row) const {
  const auto at = std::lower_bound(rows_.begin(), rows_.end(), row);
  return at == rows_.end() || *at != row ? size() : static_cast<uint32_t>(at - rows_.begin());
}

double Graph::weight(uint32_t edge) const { return std::min(edges_[edge].weight, 1.0); }

std::vector<uint32_t> Graph::components() const {
  std::vector<uint32_t> component(size(), size());
  std::vector<uint32_t> stack;
  for (uint32_t first = 0; first < size(); ++first) {
    if (component[first] != size()) continue;
    component[first] = first;
    stack.push_back(first);
    while (!stack.empty()) {
      const uint32_t node = stack.back();
      stack.pop_back();
      for (const Link* link = begin(node); link != end(node); ++link) {
        if (component[link->node] != size()) continue;
        component[link->node] = first;
        stack.push_back(link->node);
      }
    }
  }
  return component;
}

Graph Graph::part(const std::vector<uint32_t>& nodes, const GraphFilter& filter) const {
  std::vector<int64_t> rows;
  rows.reserve(nodes.size());
  for (const uint32_t node : nodes)
    if (node < size()) rows.push_back(rows_[node]);
  return Graph(std::move(rows), edges_, filter);
}

}  // namespace tau::memory
