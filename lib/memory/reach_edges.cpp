#include "memory/reach_edges.h"

namespace tau::memory {

Status ReachEdges::look_at(const std::vector<store::MemoryEdge>& edges) {
  std::vector<int64_t> unknown;
  for (const store::MemoryEdge& edge : edges)
    for (const int64_t row : {edge.source, edge.target})
      if (seen_.try_emplace(row, false).second) unknown.push_back(row);
  if (unknown.empty()) return ok_status();
  TAU_ASSIGN_OR_RETURN(const std::vector<store::MemoryRow> rows, memories_.load_rows(unknown));
  for (const store::MemoryRow& row : rows) seen_[row.row] = row.forgotten_ms == 0 && reach_.sees(row.scope);
  return ok_status();
}

StatusOr<std::vector<store::MemoryEdge>> ReachEdges::edges(const std::vector<int64_t>& rows, size_t limit) {
  TAU_ASSIGN_OR_RETURN(std::vector<store::MemoryEdge> edges, memories_.edges(rows, limit));
  TAU_RETURN_IF_ERROR(look_at(edges));
  std::erase_if(edges,
                [this](const store::MemoryEdge& edge) { return !seen_[edge.source] || !seen_[edge.target]; });
  return edges;
}

}  // namespace tau::memory
