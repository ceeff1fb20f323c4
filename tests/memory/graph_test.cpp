// Neighbourhoods, paths, components and pages of the graph of memories.
#include "memory/graph.h"

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include <algorithm>
#include <cmath>
#include <map>
#include <set>
#include <tuple>

#include "memory/graph_layout.h"
#include "memory/graph_walk.h"

namespace tau::memory {
namespace {

class Edges : public GraphSource {
 public:
  std::vector<store::MemoryEdge> all;
  int asked = 0;

  void add(int64_t source, int64_t target, double weight = 1, uint8_t relation = 0) {
    all.push_back({source, target, relation, weight, 0});
  }
  StatusOr<std::vector<store::MemoryEdge>> edges(const std::vector<int64_t>& rows, size_t limit) override {
    ++asked;
    std::vector<store::MemoryEdge> found;
    for (const auto& edge : all) {
      const auto touches = [&](int64_t row) { return row == edge.source || row == edge.target; };
      if (std::any_of(rows.begin(), rows.end(), touches)) found.push_back(edge);
    }
    std::stable_sort(found.begin(), found.end(),
                     [](const auto& a, const auto& b) { return a.weight > b.weight; });
    if (found.size() > limit) found.resize(limit);
    return found;
  }
};

std::vector<int64_t> rows_of(const Neighbourhood& near) {
  std::vector<int64_t> rows;
  for (const auto& node : near.nodes) rows.push_back(node.row);
  return rows;
}

TEST(GraphWalk, ANeighbourhoodHasItsDepthAndAllRelationsWithin) {
  Edges edges;
  edges.add(1, 2);
  edges.add(3, 1);
  edges.add(2, 3);
  edges.add(3, 4);
  edges.add(4, 5);
  WalkOptions options;
  options.depth = 1;
  const Neighbourhood near = *neighbourhood({1}, edges, options);
  EXPECT_EQ(rows_of(near), (std::vector<int64_t>{1, 2, 3}));
  EXPECT_EQ(near.edges.size(), 3U);
  EXPECT_FALSE(near.truncated);
  options.depth = 9;
  EXPECT_EQ(neighbourhood({1}, edges, options)->nodes.back().depth, 3);
  options.depth = 0;
  EXPECT_EQ(rows_of(*neighbourhood({1}, edges, options)), std::vector<int64_t>{1});
}

TEST(GraphWalk, BoundsTakeTheHeaviestAndSayThatThereIsMore) {
  Edges edges;
  for (int64_t i = 2; i < 100; ++i) edges.add(1, i, static_cast<double>(i) / 100);
  WalkOptions options;
  options.max_nodes = 3;
  Neighbourhood near = *neighbourhood({1}, edges, options);
  EXPECT_EQ(rows_of(near), (std::vector<int64_t>{1, 98, 99}));
  EXPECT_TRUE(near.truncated);
  options = {};
  options.max_edges = 10;
  near = *neighbourhood({1}, edges, options);
  EXPECT_EQ(near.edges.size(), 10U);
  EXPECT_TRUE(near.truncated);
}

TEST(GraphWalk, FiltersByRelationAndWeight) {
  Edges edges;
  edges.add(1, 2, 1, 0);
  edges.add(1, 3, 1, 5);
  edges.add(1, 4, 0.2, 0);
  edges.add(1, 5, 0, 0);
  WalkOptions options;
  options.filter.relations = 1;
  options.filter.min_weight = 0.5;
  EXPECT_EQ(rows_of(*neighbourhood({1}, edges, options)), (std::vector<int64_t>{1, 2}));
}

TEST(GraphPaths, TheStrongestIsNotTheShortest) {
  Edges edges;
  edges.add(1, 4, 0.3);
  edges.add(1, 2, 0.9);
  edges.add(3, 2, 0.9);
  edges.add(3, 4, 0.9, 1);
  edges.add(3, 4, 0.1, 0);
  PathOptions options;
  options.count = 9;
  const PathAnswer answer = *strongest_paths(1, 4, edges, options);
  ASSERT_EQ(answer.paths.size(), 2U);
  EXPECT_EQ(answer.paths[0].rows, (std::vector<int64_t>{1, 2, 3, 4}));
  EXPECT_NEAR(answer.paths[0].weight, 0.729, 1e-12);
  EXPECT_EQ(answer.paths[0].edges[1].source, 3);  // walked against its direction
  EXPECT_EQ(answer.paths[0].edges[2].relation, 1);
  EXPECT_EQ(answer.paths[1].rows, (std::vector<int64_t>{1, 4}));
  options.max_hops = 2;
  EXPECT_EQ(strongest_paths(1, 4, edges, options)->paths.size(), 1U);
  EXPECT_TRUE(strongest_paths(1, 9, edges, options)->paths.empty());
  EXPECT_TRUE(strongest_paths(1, 1, edges, options)->paths.empty());
}

Edges any_edges(int nodes) {
  Edges edges;
  const auto node = rc::gen::inRange<int64_t>(1, nodes + 1);
  for (int i = *rc::gen::inRange(0, 3 * nodes); i > 0; --i)
    edges.add(*node, *node, std::exp2(-*rc::gen::inRange(0, 4)),
              static_cast<uint8_t>(*rc::gen::inRange(0, 2)));
  return edges;
}
Graph graph_of(const Edges& edges, int nodes) {
  std::vector<int64_t> rows;
  for (int i = 1; i <= nodes; ++i) rows.push_back(i);
  return Graph(std::move(rows), edges.all);
}

// Every simple path, tried one by one.
void all_paths(const Graph& graph, std::vector<uint32_t>& path, double weight, uint32_t to, int hops,
               std::map<std::vector<int64_t>, double>& found) {
  if (path.back() == to) {
    std::vector<int64_t> rows;
    for (const uint32_t node : path) rows.push_back(graph.rows()[node]);
    found[rows] = std::max(found[rows], weight);
    return;
  }
  if (hops == 0) return;
  for (const Graph::Link* link = graph.begin(path.back()); link != graph.end(path.back()); ++link) {
    if (std::find(path.begin(), path.end(), link->node) != path.end()) continue;
    path.push_back(link->node);
    all_paths(graph, path, weight * graph.weight(link->edge), to, hops - 1, found);
    path.pop_back();
  }
}

RC_GTEST_PROP(GraphPathsProperty, AreThoseOfASearchOfAllPathsInOrder, ()) {
  const int nodes = *rc::gen::inRange(2, 8);
  Edges edges = any_edges(nodes);
  const Graph graph = graph_of(edges, nodes);
  const int hops = *rc::gen::inRange(1, 6);
  std::map<std::vector<int64_t>, double> all;
  std::vector<uint32_t> path = {0};
  all_paths(graph, path, 1, 1, hops, all);
  std::vector<std::pair<double, std::vector<int64_t>>> expected;
  for (const auto& [rows, weight] : all) expected.emplace_back(-weight, rows);
  std::sort(expected.begin(), expected.end(), [](const auto& a, const auto& b) {
    return std::tuple(a.first, a.second.size(), a.second) < std::tuple(b.first, b.second.size(), b.second);
  });
  PathOptions options;
  options.max_hops = hops;
  options.count = *rc::gen::inRange<size_t>(1, 6);
  const PathAnswer answer = *strongest_paths(1, 2, edges, options);
  RC_ASSERT(!answer.truncated);
  RC_ASSERT(answer.paths.size() == std::min(options.count, expected.size()));
  for (size_t i = 0; i < answer.paths.size(); ++i) {
    RC_ASSERT(answer.paths[i].rows == expected[i].second);
    RC_ASSERT(answer.paths[i].weight == -expected[i].first);
    RC_ASSERT(answer.paths[i].edges.size() + 1 == answer.paths[i].rows.size());
  }
}

RC_GTEST_PROP(GraphWalkProperty, BoundedWithCyclesAndWithoutDanglingEdges, ()) {
  const int nodes = *rc::gen::inRange(1, 15);
  Edges edges = any_edges(nodes);
  WalkOptions options;
  options.depth = *rc::gen::inRange(0, 5);
  options.max_nodes = *rc::gen::inRange<size_t>(1, 12);
  options.max_edges = *rc::gen::inRange<size_t>(1, 12);
  const Neighbourhood near = *neighbourhood({1}, edges, options);
  RC_ASSERT(near.nodes.size() <= options.max_nodes && near.edges.size() <= options.max_edges);
  RC_ASSERT(edges.asked <= options.depth + 1);
  std::set<int64_t> rows;
  for (const auto& node : near.nodes) {
    RC_ASSERT(node.depth <= options.depth);
    RC_ASSERT(rows.insert(node.row).second);
  }
  for (const auto& edge : near.edges) RC_ASSERT(rows.contains(edge.source) && rows.contains(edge.target));
  if (!near.truncated) {
    options.max_nodes = options.max_edges = 10'000;
    const Neighbourhood whole = *neighbourhood({1}, edges, options);
    RC_ASSERT(rows_of(whole) == rows_of(near) && whole.edges.size() == near.edges.size());
  }
}

RC_GTEST_PROP(GraphProperty, ComponentsAreWhatCanBeReached, ()) {
  const int nodes = *rc::gen::inRange(1, 15);
  Edges edges = any_edges(nodes);
  const Graph graph = graph_of(edges, nodes);
  const std::vector<uint32_t> component = graph.components();
  WalkOptions options;
  options.depth = nodes;
  for (uint32_t node = 0; node < graph.size(); ++node) {
    std::vector<int64_t> same;
    for (uint32_t other = 0; other < graph.size(); ++other)
      if (component[other] == component[node]) same.push_back(graph.rows()[other]);
    std::vector<int64_t> reached = rows_of(*neighbourhood({graph.rows()[node]}, edges, options));
    std::sort(reached.begin(), reached.end());
    RC_ASSERT(same == reached);
    RC_ASSERT(component[node] <= node);
  }
}

TEST(Graph, KeepsEachRelationOnceAndCountsDegrees) {
  const Graph graph({3, 1, 2, 2}, {{1, 2, 0, 0.5, 0}, {1, 2, 0, 0.7, 0}, {1, 2, 1, 0.1, 0}, {1, 9, 0, 1, 0}});
  EXPECT_EQ(graph.size(), 3U);
  ASSERT_EQ(graph.edges().size(), 2U);
  EXPECT_EQ(graph.edges()[0].weight, 0.7);
  EXPECT_EQ(graph.degree(graph.find(1)), 2U);
  EXPECT_EQ(graph.degree(graph.find(3)), 0U);
  EXPECT_EQ(graph.find(9), graph.size());
  GraphFilter filter;
  filter.min_weight = 0.5;
  const Graph part = graph.part({0, 1}, filter);
  EXPECT_EQ(part.rows(), (std::vector<int64_t>{1, 2}));
  EXPECT_EQ(part.edges().size(), 1U);
}

double distance(const PlacedNode& a, const PlacedNode& b) { return std::hypot(a.x - b.x, a.y - b.y); }

RC_GTEST_PROP(GraphLayoutProperty, NoTwoNodesOverlapAndPagesHoldEverythingOnce, ()) {
  const int nodes = *rc::gen::inRange(1, 40);
  Edges edges = any_edges(nodes);
  edges.all.resize(edges.all.size() / static_cast<size_t>(*rc::gen::inRange(1, 5)));
  const Graph graph = graph_of(edges, nodes);
  const GraphLayout layout = *GraphLayout::make(graph, std::vector<double>(graph.size(), 1));
  for (size_t i = 0; i < layout.nodes().size(); ++i)
    for (size_t j = 0; j < i; ++j)
      RC_ASSERT(distance(layout.nodes()[i], layout.nodes()[j]) > layout.nodes()[i].size);
  const size_t limit = *rc::gen::inRange<size_t>(1, 10);
  std::set<int64_t> seen;
  size_t count = 0;
  GraphPage page;
  do {
    page = layout.page(page.next, limit);
    for (const PlacedNode& node : page.nodes) RC_ASSERT(seen.insert(node.row).second);
    for (const auto& edge : page.edges) RC_ASSERT(seen.contains(edge.source) && seen.contains(edge.target));
    count += page.edges.size();
  } while (page.next != 0);
  RC_ASSERT(seen.size() == graph.size());
  RC_ASSERT(count == graph.edges().size());
}

TEST(GraphLayout, PagesGoOnWhereTheyWereWhenSomethingIsAdded) {
  Edges edges;
  edges.add(1, 2);
  const Graph before = graph_of(edges, 3);
  const GraphPage first = GraphLayout::make(before, {})->page(0, 2);
  EXPECT_EQ(first.next, 2);
  edges.add(4, 1);
  const Graph after = graph_of(edges, 4);
  const GraphPage second = GraphLayout::make(after, {0, 0, 0.5})->page(first.next, 2);
  ASSERT_EQ(second.nodes.size(), 2U);
  EXPECT_EQ(second.nodes[0].row, 3);
  EXPECT_EQ(second.nodes[0].size, 20);
  EXPECT_EQ(second.nodes[1].component, 1);
  EXPECT_EQ(second.edges.size(), 1U);
  EXPECT_EQ(second.next, 0);
}

TEST(GraphLayout, AHundredThousandNodesAndNoMore) {
  std::vector<int64_t> rows;
  std::vector<store::MemoryEdge> edges;
  for (int64_t i = 1; i <= 100'001; ++i) {
    rows.push_back(i);
    if (i % 3 != 0) edges.push_back({i, i / 2 + 1, 0, 1, 0});
  }
  const Graph large(rows, edges);
  EXPECT_EQ(GraphLayout::make(large, {}).status().reason(), "graph_too_large");
  rows.pop_back();
  const Graph fits(rows, edges);
  const GraphLayout layout = *GraphLayout::make(fits, {});
  EXPECT_EQ(layout.nodes().size(), 100'000U);
  EXPECT_TRUE(std::all_of(layout.nodes().begin(), layout.nodes().end(), [](const PlacedNode& node) {
    return std::isfinite(node.x) && std::isfinite(node.y);
  }));
}

}  // namespace
}  // namespace tau::memory
