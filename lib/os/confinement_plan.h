// From a Confinement and a status of the machine to the words for tau-exec. Looks at the file system, changes
// nothing but the directories that PathRules says are made. Private to os.
#pragma once

#include <string>
#include <vector>

#include "os/confinement.h"

namespace tau::os {

struct ConfinementPlan {
  Enforcement enforcement;
  std::vector<std::string> wrap;   // bubblewrap and its arguments; empty without
  std::vector<std::string> rules;  // for Landlock
  uint32_t flags = 0;              // exec::Flags
  bool needs_private_tmp = false;  // a directory of its own; under bubblewrap /tmp is
};

struct PlanInput {
  const Confinement& confinement;
  const ConfinementStatus& status;
  std::string helper;            // absolute path of tau-exec
  std::string cwd;               // absolute, no symlinks
  bool make_directories = true;  // those that PathRules says are made
};

// FAILED_PRECONDITION "sandbox_unavailable": neither mechanism is here, or the gaps are not accepted; the
// message names what is missing. INVALID_ARGUMENT "invalid_sandbox": a root that is no directory.
StatusOr<ConfinementPlan> plan_confinement(const PlanInput& input);

}  // namespace tau::os
