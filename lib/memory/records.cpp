#include "memory/records.h"

#include <map>
#include <utility>

namespace tau::memory {

Status each_record_of(store::Memories& memories, const Reach& reach,
                      const std::vector<store::MemoryRow>& rows, size_t max_edges,
                      const std::function<Status(const MemoryRecord&)>& use) {
  std::vector<int64_t> numbers;
  for (const store::MemoryRow& row : rows) numbers.push_back(row.row);
  TAU_ASSIGN_OR_RETURN(const auto uses, memories.uses(numbers));
  TAU_ASSIGN_OR_RETURN(const auto edges, memories.edges(numbers, max_edges, reach.scopes()));
  std::vector<int64_t> targets;
  for (const store::MemoryEdge& edge : edges) targets.push_back(edge.target);
  TAU_ASSIGN_OR_RETURN(const auto ends, memories.load_rows(targets));
  std::map<int64_t, store::MemoryRef> refs;
  for (const store::MemoryRow& end : ends)
    if (reach.sees(end.scope)) refs.emplace(end.row, store::MemoryRef{end.scope, end.id});
  std::multimap<int64_t, const store::MemoryEdge*> from;
  for (const store::MemoryEdge& edge : edges) from.emplace(edge.source, &edge);
  for (size_t i = 0; i < rows.size(); ++i) {
    MemoryRecord record;
    record.row = rows[i];
    record.uses = uses[i];
    const auto [begin, end] = from.equal_range(rows[i].row);
    for (auto at = begin; at != end; ++at) {
      const auto target = refs.find(at->second->target);
      if (target == refs.end()) continue;
      record.relations.push_back({.target = target->second,
                                  .relation = static_cast<Relation>(at->second->relation),
                                  .weight = at->second->weight,
                                  .created_ms = at->second->created_ms});
    }
    TAU_RETURN_IF_ERROR(use(record));
  }
  return ok_status();
}

}  // namespace tau::memory
