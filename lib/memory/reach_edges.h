// Relations within reach: of both ends the principal may read, whatever the graph beyond looks like.
#pragma once

#include <unordered_map>
#include <vector>

#include "memory/engine.h"
#include "memory/graph_walk.h"

namespace tau::memory {

// One request; one thread.
class ReachEdges final : public GraphSource {
 public:
  ReachEdges(store::Memories& memories, const Reach& reach) : memories_(memories), reach_(reach) {}
  StatusOr<std::vector<store::MemoryEdge>> edges(const std::vector<int64_t>& rows, size_t limit) override;

 private:
  Status look_at(const std::vector<store::MemoryEdge>& edges);
  store::Memories& memories_;
  const Reach& reach_;
  std::unordered_map<int64_t, bool> seen_;  // rows: whether they may be read
};

}  // namespace tau::memory
