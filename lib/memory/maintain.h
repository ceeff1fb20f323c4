// Upkeep over the store: plans it page by page, and does it where it is not only looked at.
#pragma once

#include <string>

#include "base/base.h"
#include "memory/engine.h"
#include "memory/lifecycle.h"

namespace tau::memory {

struct MaintainOptions {
  LifecyclePolicy policy;
  bool dry_run = true;
  size_t max_actions = 1'000;  // that the report names
};

// The report of LifecycleReport with what was done: {…,"dry_run":false,"done":{"forgotten":…,"merged":…,
// "purged":…}}. Only memories that `reach` writes. What somebody changes meanwhile is left alone.
// `changed`: how many were changed, also before a failure; may be null.
StatusOr<std::string> maintain(Engine& engine, const Reach& reach, store::MemoryFilter filter,
                               const MaintainOptions& options, int64_t* changed = nullptr);

}  // namespace tau::memory
