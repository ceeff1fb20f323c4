#include "memory/lifecycle_rows.h"

#include <algorithm>
#include <limits>

#include "memory/types.h"

namespace tau::memory {
namespace {

template <class Narrow, class Wide>
Narrow narrowed(Wide value) {
  return static_cast<Narrow>(
      std::min<uint64_t>(static_cast<uint64_t>(value), std::numeric_limits<Narrow>::max()));
}

bool same_memory(const LifecycleRow& a, const LifecycleRow& b) { return a.row == b.row; }

}  // namespace

uint32_t LifecycleRows::scope_number(const store::MemoryScope& scope) {
  // Rows of one scope come one after the other, mostly.
  if (!scopes_.empty() && scopes_[last_scope_] == scope) return last_scope_;
  const auto [at, fresh] = scope_numbers_.try_emplace({scope.workspace, scope.channel, scope.actor},
                                                      static_cast<uint32_t>(scopes_.size()));
  if (fresh) scopes_.push_back(scope);
  last_scope_ = at->second;
  return last_scope_;
}

void LifecycleRows::add(const store::MemoryRow& row, const store::MemoryUses& uses) {
  LifecycleRow made;
  made.row = row.row;
  made.revision = row.revision;
  made.created_ms = row.created_ms;
  made.updated_ms = row.updated_ms;
  made.used_ms = uses.count > 0 ? uses.last_ms : 0;
  made.forgotten_ms = row.forgotten_ms;
  made.ended_ms = std::min(row.valid_to_ms, row.superseded_ms);
  made.importance = row.importance > 0 ? std::min(row.importance, 1.0) : 0.0;
  made.scope = scope_number(row.scope);
  made.uses = uses.count > 0 ? narrowed<uint32_t>(uses.count) : 0;
  made.bytes = narrowed<uint32_t>(row.text.size() + row.fact.subject.size() + row.fact.predicate.size() +
                                  row.fact.object.size());
  // What a newer version of the tool wrote is kept as if it were of identity.
  made.type = row.type < kTypes ? static_cast<Type>(row.type) : Type::kIdentity;
  made.in_thread = !row.thread.empty();
  rows_.push_back(made);
}

void LifecycleRows::add_edge(const store::MemoryEdge& edge) {
  if (!(edge.weight > 0) || edge.source == edge.target) return;
  edges_.emplace_back(std::min(edge.source, edge.target), std::max(edge.source, edge.target));
}

void LifecycleRows::complete() {
  // Of a row that was read twice, because it changed in between, the newer state counts.
  std::sort(rows_.begin(), rows_.end(), [](const LifecycleRow& a, const LifecycleRow& b) {
    return a.row != b.row ? a.row < b.row : a.revision > b.revision;
  });
  rows_.erase(std::unique(rows_.begin(), rows_.end(), same_memory), rows_.end());
  links_.reserve(edges_.size());
  for (const auto& [a, b] : edges_) {
    const size_t first = find(a);
    const size_t second = find(b);
    if (first < rows_.size() && second < rows_.size())
      links_.emplace_back(static_cast<uint32_t>(first), static_cast<uint32_t>(second));
  }
  edges_ = {};
  std::sort(links_.begin(), links_.end());
  links_.erase(std::unique(links_.begin(), links_.end()), links_.end());
}

size_t LifecycleRows::find(int64_t row) const {
  const auto at = std::lower_bound(rows_.begin(), rows_.end(), row,
                                   [](const LifecycleRow& a, int64_t b) { return a.row < b; });
  if (at == rows_.end() || at->row != row) return rows_.size();
  return static_cast<size_t>(at - rows_.begin());
}

bool LifecycleRows::linked(int64_t a, int64_t b) const {
  const auto first = static_cast<uint32_t>(find(std::min(a, b)));
  const auto second = static_cast<uint32_t>(find(std::max(a, b)));
  return std::binary_search(links_.begin(), links_.end(), std::pair(first, second));
}

}  // namespace tau::memory
