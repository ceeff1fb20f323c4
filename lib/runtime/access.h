// Who may do what in a runtime: the policy of roles (lib/access), asked before the monitor of every tool call
// and before what is done with sessions. The names of actions and resources: docs/access.md.
#pragma once

#include <memory>
#include <string>
#include <string_view>

#include "access/access.h"
#include "base/base.h"
#include "os/os.h"
#include "runtime/config.h"
#include "safety/safety.h"
#include "tool/tool.h"

namespace tau::runtime {

inline constexpr std::string_view kAccessDenied = "access_denied";

// Immutable: any thread.
class AccessControl {
 public:
  // Null when the configuration names no policy. A relative name is one of a file in the home. The workspace,
  // where tools work, may be null. INVALID_ARGUMENT "invalid_policy" or "two_policies", NOT_FOUND
  // "file_not_found", FAILED_PRECONDITION "no_home": a policy that cannot be read allows nothing.
  static StatusOr<std::shared_ptr<const AccessControl>> make(const AccessConfig& config,
                                                             std::string_view home,
                                                             std::shared_ptr<const os::Workspace> workspace);

  // PERMISSION_DENIED "access_denied" says which rule.
  Status authorize(std::string_view principal, std::string_view action, std::string_view resource,
                   access::Extent extent = access::Extent::kOne) const;

  // The same of every place that a call would act on. `rules` may name further destinations of the tool;
  // `of_host`: what its arguments mean is not known here.
  Status authorize_call(const tool::Facts& facts, const safety::MonitorRules& rules, bool of_host) const;

  // The epoch of both policies together, by which approvals hold.
  int64_t epoch(int64_t rules_epoch) const;
  const std::string& principal() const { return principal_; }  // of the runtime itself

 private:
  struct Ask;  // one call on its way to an answer
  AccessControl(access::Policy policy, std::string principal, std::shared_ptr<const os::Workspace> workspace)
      : policy_(std::move(policy)), principal_(std::move(principal)), workspace_(std::move(workspace)) {}

  const access::Policy policy_;
  const std::string principal_;
  const std::shared_ptr<const os::Workspace> workspace_;
};

// The path of the policy's file; empty when there is none.
std::string access_policy_path(const AccessConfig& config, std::string_view home);

inline std::string session_resource(std::string_view id) { return "session/" + std::string(id); }

}  // namespace tau::runtime
