// Calls of runs that wait for an approval, as every process of a home sees them: what one process asks,
// another may answer. Part of the public face of store.
#pragma once

#include <cstdint>
#include <memory>
#include <string>

#include "base/base.h"

namespace tau::store {

enum class ApprovalState : uint8_t {
  kWaiting,
  kDecided,    // by another process; the one that waits has not taken it up yet
  kApplied,    // answered, by whomever, and taken up
  kWithdrawn,  // nobody waits for an answer any more: too late, cancelled
};

struct ApprovalDecision {
  bool allow = false;
  SharedString decider = {};  // a principal; empty: nobody, time decided
  std::string note = {};
  int64_t time_ms = 0;
};

// One call that waits. The id is made by who asks, and of no two calls.
struct ApprovalRow {
  SharedString id = {};
  SharedString session_id = {};
  SharedString run_id = {};
  std::string call_id = {};
  SharedString tool = {};
  SharedString effect = {};
  SharedString reason = {};    // why somebody has to be asked
  SharedString scope = {};     // what a standing permission would be for; may be empty
  std::string arguments = {};  // JSON; the first kMaxShownArguments bytes, empty once nobody waits
  int64_t argument_bytes = 0;
  bool not_sandboxed = false;
  SharedString binding = {};  // what an approval is bound to
  SharedString integrity = {};
  SharedString readers = {};
  SharedString principal = {};  // whose run it is
  int64_t policy_epoch = 0;
  int64_t scanned_epoch = 0;
  int64_t lease_epoch = 0;  // of "session:<session_id>", as who waits holds it
  int64_t created_ms = 0;
  int64_t expires_ms = 0;  // 0: never
  ApprovalState state = ApprovalState::kWaiting;
  ApprovalDecision decision = {};
  bool alive = false;  // as read back: the process that waits lives and holds its lease
};

inline constexpr size_t kMaxShownArguments = 65'536;
inline constexpr size_t kMaxApprovalRows = 4'096;              // older ones are forgotten
inline constexpr int64_t kApprovalKeptMs = 24 * 3'600 * 1000;  // after the answer

// What the process that waits changes of its own rows.
struct ApprovalEdit {
  enum class Kind : uint8_t {
    kAsk,     // a new row: `row`
    kAnswer,  // its own host decided: FAILED_PRECONDITION "approval_decided" when another process did before;
              // NOT_FOUND "approval_unknown" when there is no row that waits
    kExpire,  // time is over: the same
    kApply,   // what another process decided is taken up
    kReturn,  // what another process decided does not count: the row waits again
    kWithdraw,  // nobody waits any more
  };
  Kind kind = Kind::kAsk;
  SharedString id;
  std::shared_ptr<const ApprovalRow> row = {};
  ApprovalDecision decision = {};  // of kAnswer
};

}  // namespace tau::store
