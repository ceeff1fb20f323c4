// Retention: which sessions go, and their removal in small transactions.
#pragma once

#include "store/owner.h"
#include "store/sqlite.h"
#include "store/store.h"

namespace tau::store {

// Pages in use, in bytes, as the connection's transaction sees them.
StatusOr<int64_t> bytes_in_use(Connection& db);

// Inside a transaction of the caller, on the writing connection: removes sessions that `retention` lets go,
// at most `limit`, and appends to `pruned`. True when there may be more. The caller empties the WAL when
// something went.
StatusOr<bool> prune_sessions(Connection& db, const Owners& owners, const Retention& retention,
                              int64_t now_ms, size_t limit, Pruned* pruned);

// Gives some free pages back to the file system; true when more than a reserve for later rows is left. A
// database that was made without the pages' back references keeps its size.
StatusOr<bool> shrink(Connection& db);

}  // namespace tau::store
