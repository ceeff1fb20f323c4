// What stands around a memory, and how two memories hang together.
#pragma once

#include <cstdint>
#include <vector>

#include "base/base.h"
#include "memory/graph.h"

namespace tau::memory {

class GraphSource {
 public:
  virtual ~GraphSource() = default;
  // Relations of these rows, either way, between memories that may be read; the heaviest first.
  virtual StatusOr<std::vector<store::MemoryEdge>> edges(const std::vector<int64_t>& rows, size_t limit) = 0;
};

struct WalkOptions {
  int depth = 2;
  size_t max_nodes = 256;
  size_t max_edges = 4'096;
  GraphFilter filter;
};

struct Neighbourhood {
  struct Node {
    int64_t row = 0;
    int depth = 0;  // relations from the nearest of the rows that were asked for
  };
  std::vector<Node> nodes;               // by depth, then row
  std::vector<store::MemoryEdge> edges;  // between them, by source, target and relation
  bool truncated = false;                // there is more within this depth
};

// Everything within so many relations of any of these rows, the heaviest relations first where there is not
// room for all. The source is asked once for each step, and once for what the last ones have with each other.
StatusOr<Neighbourhood> neighbourhood(const std::vector<int64_t>& rows, GraphSource& source,
                                      const WalkOptions& options);

struct GraphPath {
  std::vector<int64_t> rows;             // from one end to the other
  std::vector<store::MemoryEdge> edges;  // one fewer; each as it is stored, whichever way it is walked
  double weight = 1;                     // product of theirs
};

// The strongest paths between two nodes without a node twice: by weight, then fewer relations, then the rows.
// Of several relations between two nodes the heaviest is walked.
std::vector<GraphPath> strongest_paths(const Graph& graph, uint32_t from, uint32_t to, int max_hops,
                                       size_t count);

struct PathOptions {
  int max_hops = 4;
  size_t count = 1;
  size_t max_nodes = 4'096;  // looked at
  size_t max_edges = 65'536;
  GraphFilter filter;
};
struct PathAnswer {
  std::vector<GraphPath> paths;
  bool truncated = false;  // not everything could be looked at: a stronger path may exist
};
// The same over a source: what is within half of the hops of each end is all that such a path can touch.
StatusOr<PathAnswer> strongest_paths(int64_t from, int64_t to, GraphSource& source,
                                     const PathOptions& options);

}  // namespace tau::memory
