// Where the memories of a graph stand when it is drawn: a first picture that needs no more work, and the same
// one every time. Every component is a tree of circles around its best connected memory; components are laid
// out in rows, the largest first. O(n log n).
#pragma once

#include <cstdint>
#include <vector>

#include "memory/graph.h"

namespace tau::memory {

struct PlacedNode {
  int64_t row = 0;
  double x = 0;  // units of which a node of no importance is 12 wide
  double y = 0;
  double size = 0;  // 12 + 16 * importance
  uint32_t degree = 0;
  int64_t component = 0;  // the lowest row of it
};

struct GraphPage {
  std::vector<PlacedNode> nodes;         // by row
  std::vector<store::MemoryEdge> edges;  // each on the page of its end with the higher row
  int64_t next = 0;                      // where the next page goes on; 0: this is the last one
};

class GraphLayout {
 public:
  static constexpr uint32_t kMaxNodes = 100'000;

  // `importance` is of the graph's nodes, in their order; none: all are 0. The graph must outlive this.
  // RESOURCE_EXHAUSTED "graph_too_large" above kMaxNodes: narrow the filter.
  static StatusOr<GraphLayout> make(const Graph& graph, const std::vector<double>& importance);

  const std::vector<PlacedNode>& nodes() const { return nodes_; }
  // Nodes with rows after `after`, by row. Rows are never used again and only grow: what is added while
  // somebody turns the pages is on later ones, and nothing comes twice.
  GraphPage page(int64_t after, size_t limit) const;

 private:
  explicit GraphLayout(const Graph& graph) : graph_(&graph) {}
  const Graph* graph_;
  std::vector<PlacedNode> nodes_;
  std::vector<uint32_t> edges_;  // by their end with the higher row
};

}  // namespace tau::memory
