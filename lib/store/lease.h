// Ownership of resources across processes: rows with the owner and the fencing epoch.
#pragma once

#include <cstdint>
#include <string_view>

#include "store/owner.h"
#include "store/sqlite.h"
#include "store/store.h"

namespace tau::store {

// Each runs inside a transaction of the caller.
StatusOr<Lease> acquire_lease(Connection& db, std::string_view resource, const Owners& owners,
                              int64_t now_ms);
Status release_lease(Connection& db, const Lease& lease);
// UNAVAILABLE "session_busy" when a living process other than this one owns the resource.
Status check_not_owned_elsewhere(Connection& db, std::string_view resource, const Owners& owners);

// Whether a living process, be it this one, owns the resource; and since that very epoch.
StatusOr<bool> is_owned(Connection& db, std::string_view resource, const Owners& owners);
StatusOr<bool> holds_lease(Connection& db, const Lease& lease, const Owners& owners);

}  // namespace tau::store
