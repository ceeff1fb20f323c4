// A fact holds from its start to the start of the next one that says something else, in whatever order they
// were recorded. What was known before stays to be read: the row keeps its start, what its end was, and when
// that changed.
#include "store/memory_facts.h"

#include <algorithm>

namespace tau::store {

StatusOr<FactPlan> plan_fact(Connection& db, int64_t scope, int64_t row, const MemoryFact& fact,
                             FactTimes* times) {
  FactPlan plan;
  Statement& others = db.prepare(
      "SELECT id, name, valid_from_ms, time_ms, valid_to_ms, created_ms, superseded_ms FROM memories"
      " WHERE scope = ?1 AND subject = ?2 AND predicate = ?3 AND (subject <> '' OR predicate <> '')"
      " AND object <> ?4 AND id <> ?5 AND forgotten_ms = 0 ORDER BY id");
  others.bind(scope, fact.subject, fact.predicate, fact.object, row);
  const int64_t start = times->valid_from_ms;
  plan.start_ms = start;
  int64_t next = times->valid_to_ms;  // the start of the next one, where that comes first
  int64_t recorded = times->recorded_ms;
  for (;;) {
    TAU_ASSIGN_OR_RETURN(const bool any, others.step());
    if (!any) break;
    const int64_t from = others.integer(2) == kNoTime ? others.integer(3) : others.integer(2);
    const int64_t to = others.integer(4);
    if (from > start) {
      if (from < next) plan.closed_by = others.integer(0);
      next = std::min(next, from);
    } else if (to > start) {
      plan.closed.push_back({.row = others.integer(0), .id = others.text(1)});
      const int64_t superseded = others.integer(6);
      plan.closed.back().splits = superseded != kEndless && superseded > others.integer(5);
      // Not before what it changes, should the clock have gone back.
      recorded = std::max(recorded, superseded != kEndless ? superseded : others.integer(5));
    }
  }
  others.reset();
  times->recorded_ms = recorded;
  if (plan.closed_by != 0) {
    times->valid_to_before_ms = times->valid_to_ms;
    times->valid_to_ms = next;
    times->superseded_ms = recorded;
  }
  return plan;
}

}  // namespace tau::store
