// Relations within reach: of both ends the principal may read, whatever the graph beyond looks like.
#pragma once

#include <vector>

#include "memory/engine.h"
#include "memory/graph_walk.h"

namespace tau::memory {

// One request; one thread.
class ReachEdges final : public GraphSource {
 public:
  ReachEdges(store::Memories& memories, const Reach& reach) : memories_(memories), scopes_(reach.scopes()) {}
  StatusOr<std::vector<store::MemoryEdge>> edges(const std::vector<int64_t>& rows, size_t limit) override {
    return memories_.edges(rows, limit, scopes_);
  }

 private:
  store::Memories& memories_;
  const store::MemoryFilter scopes_;
};

}  // namespace tau::memory
