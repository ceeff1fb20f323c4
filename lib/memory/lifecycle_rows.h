// What the upkeep of memories looks at, in few bytes a memory, fed page by page.
#pragma once

#include <cstdint>
#include <map>
#include <tuple>
#include <utility>
#include <vector>

#include "memory/decay.h"
#include "store/store.h"

namespace tau::memory {

struct LifecycleRow {
  int64_t row = 0;
  int64_t revision = 0;
  int64_t created_ms = 0;
  int64_t updated_ms = 0;
  int64_t used_ms = 0;
  int64_t forgotten_ms = 0;
  int64_t ended_ms = store::kEndless;  // a fact: when it stopped being valid, or was superseded
  double importance = 0;
  uint32_t scope = 0;  // of LifecycleRows::scopes()
  uint32_t uses = 0;
  uint32_t bytes = 0;  // of what is told: text and fact
  Type type = Type::kObservation;
  bool in_thread = false;

  Worth worth() const { return {importance, type, updated_ms, used_ms, uses}; }
};
static_assert(sizeof(LifecycleRow) <= 80);

// Rows by number, relations by small numbers. Rows and relations may come in any order.
class LifecycleRows {
 public:
  void add(const store::MemoryRow& row, const store::MemoryUses& uses);
  // Only relations with a weight link; one that comes twice does no harm.
  void add_edge(const store::MemoryEdge& edge);
  // Before anything below is asked: sorts, and drops relations of which an end is not there.
  void complete();

  const std::vector<LifecycleRow>& rows() const { return rows_; }
  const std::vector<store::MemoryScope>& scopes() const { return scopes_; }
  // Pairs of indices into rows(), the lower first, sorted, each once.
  const std::vector<std::pair<uint32_t, uint32_t>>& links() const { return links_; }
  bool linked(int64_t a, int64_t b) const;  // rows
  // The index of a row, or rows().size().
  size_t find(int64_t row) const;

 private:
  uint32_t scope_number(const store::MemoryScope& scope);

  std::vector<LifecycleRow> rows_;
  std::vector<store::MemoryScope> scopes_;
  std::map<std::tuple<SharedString, SharedString, SharedString>, uint32_t> scope_numbers_;
  uint32_t last_scope_ = 0;
  std::vector<std::pair<int64_t, int64_t>> edges_;
  std::vector<std::pair<uint32_t, uint32_t>> links_;
};

}  // namespace tau::memory
