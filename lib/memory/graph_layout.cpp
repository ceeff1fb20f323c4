#include "memory/graph_layout.h"

#include <algorithm>
#include <cmath>
#include <numbers>
#include <tuple>

namespace tau::memory {
namespace {

constexpr double kGap = 32;  // between the centres of two nodes: the largest is 28 wide
constexpr double kTurn = 2 * std::numbers::pi;

struct Place {
  double x = 0;
  double y = 0;
};

// One component around its root.
class Circles {
 public:
  Circles(const Graph& graph, const std::vector<uint32_t>& nodes, std::vector<Place>& places,
          std::vector<uint32_t>& parents)
      : graph_(graph), places_(places), parents_(parents) {
    grow(root_of(nodes));
    turn();
    spread();
  }
  double radius() const { return radii_.back() + kGap / 2; }

 private:
  uint32_t root_of(const std::vector<uint32_t>& nodes) const {
    return *std::max_element(nodes.begin(), nodes.end(), [&](uint32_t a, uint32_t b) {
      return std::tuple(graph_.degree(a), b) < std::tuple(graph_.degree(b), a);
    });
  }

  // Breadth first; siblings are neighbours in the order, and rings one after the other.
  void grow(uint32_t root) {
    order_ = {root};
    parent_ = {0};
    rings_ = {0};
    parents_[root] = root;
    for (size_t begin = 0; begin < order_.size();) {
      const size_t end = order_.size();
      for (size_t i = begin; i < end; ++i) {
        std::vector<uint32_t> children;
        for (const Graph::Link* link = graph_.begin(order_[i]); link != graph_.end(order_[i]); ++link) {
          if (parents_[link->node] != graph_.size()) continue;
          parents_[link->node] = order_[i];
          children.push_back(link->node);
        }
        std::sort(children.begin(), children.end());
        for (const uint32_t child : children) {
          order_.push_back(child);
          parent_.push_back(i);
        }
      }
      begin = end;
      if (order_.size() > end) rings_.push_back(end);
    }
    rings_.push_back(order_.size());
  }

  // Every subtree gets an angle as wide as its share of the leaves.
  void turn() {
    std::vector<double> leaves(order_.size(), 0);
    for (size_t i = order_.size(); i-- > 0;) {
      if (leaves[i] == 0) leaves[i] = 1;
      if (i > 0) leaves[parent_[i]] += leaves[i];
    }
    angles_.resize(order_.size());
    std::vector<double> free(order_.size());  // where the next child of each begins
    free[0] = 0;
    angles_[0] = 0;
    for (size_t i = 1; i < order_.size(); ++i) {
      const double wide = kTurn * leaves[i] / leaves[0];
      free[i] = free[parent_[i]];
      free[parent_[i]] += wide;
      angles_[i] = free[i] + wide / 2;
    }
  }

  // Every ring is wide enough for the two nodes of it that are nearest to each other.
  void spread() {
    radii_ = {0};
    places_[order_[0]] = {};
    for (size_t ring = 1; ring + 1 < rings_.size(); ++ring) {
      const size_t begin = rings_[ring];
      const size_t end = rings_[ring + 1];
      double closest = angles_[begin] + kTurn - angles_[end - 1];
      for (size_t i = begin + 1; i < end; ++i) closest = std::min(closest, angles_[i] - angles_[i - 1]);
      const bool alone = end - begin == 1 || closest >= std::numbers::pi;
      const double needed = alone ? 0 : kGap / (2 * std::sin(closest / 2));
      radii_.push_back(std::max(radii_.back() + kGap, needed));
      for (size_t i = begin; i < end; ++i)
        places_[order_[i]] = {radii_.back() * std::cos(angles_[i]), radii_.back() * std::sin(angles_[i])};
    }
  }

  const Graph& graph_;
  std::vector<Place>& places_;
  std::vector<uint32_t>& parents_;  // of nodes; size() of the graph: none yet
  std::vector<uint32_t> order_;
  std::vector<size_t> parent_;  // by place in the order
  std::vector<size_t> rings_;   // where each begins in the order, and where the last ends
  std::vector<double> angles_;
  std::vector<double> radii_;
};

struct Component {
  std::vector<uint32_t> nodes;
  double radius = 0;
};

// Rows of squares, the largest first, about as wide as high; around (0, 0).
void arrange(std::vector<Component>& components, std::vector<Place>& places) {
  std::sort(components.begin(), components.end(), [](const Component& a, const Component& b) {
    return std::tuple(-a.radius, a.nodes.front()) < std::tuple(-b.radius, b.nodes.front());
  });
  double area = 0;
  for (const Component& component : components) area += 4 * component.radius * component.radius;
  const double width = std::max(std::sqrt(area), components.empty() ? 0 : 2 * components.front().radius);
  double x = 0;
  double y = 0;
  double high = 0;
  for (const Component& component : components) {
    const double side = 2 * component.radius;
    if (x > 0 && x + side > width) {
      y += high;
      x = high = 0;
    }
    for (const uint32_t node : component.nodes) {
      places[node].x += x + component.radius - width / 2;
      places[node].y += y + component.radius - width / 2;
    }
    x += side;
    high = std::max(high, side);
  }
}

std::vector<Place> places_of(const Graph& graph, const std::vector<uint32_t>& component) {
  std::vector<Place> places(graph.size());
  std::vector<uint32_t> parents(graph.size(), graph.size());
  std::vector<std::vector<uint32_t>> members(graph.size());
  for (uint32_t node = 0; node < graph.size(); ++node) members[component[node]].push_back(node);
  std::vector<Component> components;
  for (std::vector<uint32_t>& nodes : members) {
    if (nodes.empty()) continue;
    const Circles circles(graph, nodes, places, parents);
    components.push_back({std::move(nodes), circles.radius()});
  }
  arrange(components, places);
  return places;
}

}  // namespace

StatusOr<GraphLayout> GraphLayout::make(const Graph& graph, const std::vector<double>& importance) {
  if (graph.size() > kMaxNodes) {
    return resource_exhausted("graph_too_large",
                              format("a graph of {} memories; at most {} are laid out at once: "
                                     "narrow the filter",
                                     graph.size(), kMaxNodes));
  }
  GraphLayout layout(graph);
  const std::vector<uint32_t> component = graph.components();
  const std::vector<Place> places = places_of(graph, component);
  for (uint32_t node = 0; node < graph.size(); ++node) {
    const double weight =
        node < importance.size() && importance[node] > 0 ? std::min(importance[node], 1.0) : 0.0;
    layout.nodes_.push_back({graph.rows()[node], places[node].x, places[node].y, 12 + 16 * weight,
                             static_cast<uint32_t>(graph.degree(node)), graph.rows()[component[node]]});
  }
  const auto higher = [&](uint32_t edge) {
    return std::max(graph.edges()[edge].source, graph.edges()[edge].target);
  };
  for (uint32_t edge = 0; edge < graph.edges().size(); ++edge) layout.edges_.push_back(edge);
  std::sort(layout.edges_.begin(), layout.edges_.end(),
            [&](uint32_t a, uint32_t b) { return std::pair(higher(a), a) < std::pair(higher(b), b); });
  return layout;
}

GraphPage GraphLayout::page(int64_t after, size_t limit) const {
  GraphPage page;
  const auto first = std::upper_bound(nodes_.begin(), nodes_.end(), after,
                                      [](int64_t row, const PlacedNode& node) { return row < node.row; });
  const auto count = static_cast<ptrdiff_t>(std::min(limit, static_cast<size_t>(nodes_.end() - first)));
  page.nodes.assign(first, first + count);
  if (page.nodes.empty()) return page;
  const int64_t last = page.nodes.back().row;
  if (first + count != nodes_.end()) page.next = last;
  const auto& edges = graph_->edges();
  const auto higher = [&](uint32_t edge) { return std::max(edges[edge].source, edges[edge].target); };
  auto edge =
      std::partition_point(edges_.begin(), edges_.end(), [&](uint32_t e) { return higher(e) <= after; });
  for (; edge != edges_.end() && higher(*edge) <= last; ++edge) page.edges.push_back(edges[*edge]);
  return page;
}

}  // namespace tau::memory
