// Ownership of resources across processes: who owns, whether that process still lives, and the fencing epoch.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <string>
#include <string_view>

#include "store/sqlite.h"
#include "store/store.h"

namespace tau::store {

// A process, unmistakably: pids are reused, start times of one boot are not together with a pid.
struct ProcessIdentity {
  std::string boot_id;
  int64_t pid = 0;
  int64_t start_time = 0;  // clock ticks since boot

  bool operator==(const ProcessIdentity&) const = default;
};

ProcessIdentity current_process();

// Whether the process exists. `self` supplies the boot that is running now.
bool is_alive(const ProcessIdentity& process, const ProcessIdentity& self);

// Each runs inside a transaction of the caller.
StatusOr<Lease> acquire_lease(Connection& db, std::string_view resource, const ProcessIdentity& self,
                              int64_t now_ms);
Status release_lease(Connection& db, const Lease& lease);
// UNAVAILABLE "session_busy" when a living process other than `self` owns the resource.
Status check_not_owned_elsewhere(Connection& db, std::string_view resource, const ProcessIdentity& self);

}  // namespace tau::store
