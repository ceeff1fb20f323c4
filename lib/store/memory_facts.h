// Facts in the course of time: of one subject and predicate a scope has one object at each moment.
#pragma once

#include <string>
#include <vector>

#include "store/memories.h"
#include "store/sqlite.h"

namespace tau::store {

inline constexpr uint8_t kSupersedesNothing = 0xff;

// When a fact holds, and since when that is known.
struct FactTimes {
  int64_t valid_from_ms = kNoTime;
  int64_t valid_to_ms = kEndless;
  int64_t valid_to_before_ms = kEndless;
  int64_t superseded_ms = kEndless;
  int64_t recorded_ms = 0;
};

// Another fact that ends where the new one begins.
struct FactClosing {
  int64_t row = 0;
  std::string id;
  // It was closed before, later than it was recorded: what was known in between needs a row of its own.
  bool splits = false;
};

struct FactPlan {
  int64_t start_ms = 0;
  std::vector<FactClosing> closed;  // by the new fact
  int64_t closed_by = 0;            // the row at whose start the new one ends; 0: none
};

// What becomes of `fact` and of those that contradict it when it is put at its time, which is completed.
// `row` is its own number, 0 for a new memory. Changes nothing in the database.
StatusOr<FactPlan> plan_fact(Connection& db, int64_t scope, int64_t row, const MemoryFact& fact,
                             FactTimes* times);

}  // namespace tau::store
