// The folder of a home's sidecars: how they are named, and what does not belong there any more.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/base.h"

namespace tau::memory {

// One file for each scope, whatever vectors it holds: another embedder's replaces it.
std::string sidecar_path(std::string_view folder, int64_t scope_key);

// Removes what a crash left half-written, and sidecars of scopes that are not among `scope_keys`; files that
// are none of ours stay. How many went. A folder that is not there holds none.
StatusOr<int64_t> sweep_sidecars(const std::string& folder, std::vector<int64_t> scope_keys);

}  // namespace tau::memory
