// Usage in the database, on a connection of the caller.
#pragma once

#include "store/by_name.h"
#include "store/sqlite.h"
#include "store/usage.h"

namespace tau::store {

// Adds notes to their sums. Remembers which row a session adds to, and what it says, for one connection that
// alone writes: within a transaction nothing else changes it.
class UsageRows {
 public:
  explicit UsageRows(Connection& db) : db_(db) {}

  Status add(const UsageNote& note);
  // What is remembered may have changed: another process committed, or a transaction was taken back.
  void forget() { places_.clear(); }

 private:
  struct Place {
    int64_t id = 0;
    int64_t day = 0;
    SharedString model;
    SharedString principal;
    SharedString route;
    UsageCounts counts;
  };
  static bool is_of(const Place& place, const UsageNote& note, int64_t day);
  StatusOr<bool> add_to(Place& place, const UsageCounts& counts);  // false: the row is gone
  Status find_place(const UsageNote& note, int64_t day);

  Connection& db_;
  ByName<Place> places_;
};

// The session goes, its sums stay.
Status keep_usage_of_removed(Connection& db, std::string_view session);

StatusOr<UsageReport> read_usage(Connection& db, const UsageAsk& ask);

}  // namespace tau::store
