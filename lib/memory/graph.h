// Memories as a graph: what is linked to what, in memory, for views, neighbourhoods and paths. Relations are
// taken either way where a path is looked for, and keep their direction where they are shown.
#pragma once

#include <cstdint>
#include <vector>

#include "base/base.h"
#include "memory/types.h"
#include "store/store.h"

namespace tau::memory {

inline constexpr uint32_t kAllRelations = (1U << kRelations) - 1;

struct GraphFilter {
  uint32_t relations = kAllRelations;  // bit set
  double min_weight = 0;               // and above 0 in any case
  bool covers(const store::MemoryEdge& edge) const;
};

// Immutable. Nodes are rows, numbered 0 to size() - 1 by row; relations are those that the filter covers and
// whose ends are both nodes, by (source, target, relation), each once, the heavier where one comes twice.
class Graph {
 public:
  struct Link {
    uint32_t node;  // the other end
    uint32_t edge;  // index of edges()
  };

  Graph(std::vector<int64_t> rows, std::vector<store::MemoryEdge> edges, const GraphFilter& filter = {});

  uint32_t size() const { return static_cast<uint32_t>(rows_.size()); }
  const std::vector<int64_t>& rows() const { return rows_; }
  const std::vector<store::MemoryEdge>& edges() const { return edges_; }
  // The node of a row, or size().
  uint32_t find(int64_t row) const;
  // Relations of a node, either way. One to itself is there twice.
  const Link* begin(uint32_t node) const { return links_.data() + begins_[node]; }
  const Link* end(uint32_t node) const { return links_.data() + begins_[node + 1]; }
  size_t degree(uint32_t node) const { return begins_[node + 1] - begins_[node]; }
  double weight(uint32_t edge) const;  // at most 1

  // The component of every node: the lowest node in it.
  std::vector<uint32_t> components() const;
  // Of these nodes, with the relations between them that the filter covers.
  Graph part(const std::vector<uint32_t>& nodes, const GraphFilter& filter) const;

 private:
  std::vector<int64_t> rows_;
  std::vector<store::MemoryEdge> edges_;
  std::vector<size_t> begins_;
  std::vector<Link> links_;
};

}  // namespace tau::memory
