// The rows of calls that wait for an approval.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "store/approval.h"
#include "store/owner.h"
#include "store/sqlite.h"

namespace tau::store {

// Each runs inside a transaction of the caller.
Status apply_approval_edit(Connection& db, const ApprovalEdit& edit);
// NOT_FOUND "approval_unknown"; FAILED_PRECONDITION "approval_decided", "approval_withdrawn",
// "approval_expired" or "approval_stale": of all decisions the first one counts, and only while somebody
// waits for it.
Status decide_approval(Connection& db, std::string_view id, const ApprovalDecision& decision,
                       const Owners& owners);
// Oldest first; `all`: also those that nobody waits for any more. Without arguments.
StatusOr<std::vector<ApprovalRow>> read_approvals(Connection& db, bool all, const Owners& owners);
StatusOr<ApprovalRow> read_approval(Connection& db, std::string_view id, const Owners& owners);
// Those that other processes decided and nobody took up yet.
struct DecidedApproval {
  std::string id;
  ApprovalDecision decision;
};
StatusOr<std::vector<DecidedApproval>> read_decided(Connection& db);

}  // namespace tau::store
