// What one program decides of others: who may do what, who holds which key, who is admitted, and what was
// accepted before. Requests and answers are JSON; docs/access.md has their members.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>

#include "access/approvals.h"
#include "access/envelope.h"
#include "access/pairing.h"
#include "access/policy.h"
#include "access/proof.h"
#include "access/replay.h"
#include "access/roots.h"
#include "os/os.h"

namespace tau::access {

// The state (what was accepted, who is admitted, the trust roots) is in memory, or in a private file that one
// authority at a time has open. Any thread, if Clock and Random are.
class Authority {
 public:
  struct Options {
    std::string policy;    // JSON; empty: nobody may do anything
    std::string audience;  // who we are, for proofs and envelopes; empty: neither is accepted
    std::string state;     // the file; empty: a restart forgets, and refuses what was issued before it
  };

  // Both outlive the authority. As Policy::parse(); UNAVAILABLE "state_busy" for a file that another has
  // open; DATA_LOSS "access_state_damaged"; failures of files.
  static StatusOr<std::shared_ptr<Authority>> create(Options options, Clock& clock, Random& random);

  // The decision as JSON; PERMISSION_DENIED "access_denied" with it as details.
  StatusOr<std::string> check(std::string_view principal, std::string_view action,
                              std::string_view resource) const;

  // Ops "challenge", "verify", "roots", "pair", "redeem", "allow", "remove", "admit", and of approvals "ask",
  // "decide", "use", "approvals". What changed is durable
  // before the answer is given; when it cannot be, nothing was accepted. INVALID_ARGUMENT "invalid_request",
  // FAILED_PRECONDITION "no_audience" or "forked"; else as the functions behind the ops.
  StatusOr<std::string> perform(std::string_view op);

 private:
  Authority(Policy policy, Options options, Clock& clock, Random& random);
  Status open_state();
  Status load(std::string_view text);
  std::string save() const;
  template <class Edit>
  Status change_allowlist(Edit&& edit);
  Status keep() const;  // writes the state, where there is a file

  StatusOr<std::string> challenge(const json::Value& op);
  StatusOr<std::string> verify(const json::Value& op);
  StatusOr<std::string> verify_proof(const json::Value& op);
  StatusOr<std::string> verify_envelope(const json::Value& op);
  StatusOr<std::string> set_roots(const json::Value& op);
  StatusOr<std::string> pair(const json::Value& op);
  StatusOr<std::string> redeem(const json::Value& op);
  StatusOr<std::string> set_entry(const json::Value& op, bool add);
  StatusOr<std::string> admit(const json::Value& op);
  StatusOr<std::string> ask(const json::Value& op);
  StatusOr<std::string> decide(const json::Value& op);
  StatusOr<std::string> use(const json::Value& op);
  StatusOr<std::string> list_approvals(const json::Value& op);
  template <class Edit>
  Status change_approvals(Edit&& edit);

  const Policy policy_;
  const Options options_;
  Clock& clock_;
  Random& random_;
  const pid_t process_;
  std::unique_ptr<ProofVerifier> proofs_;  // null without an audience
  std::unique_ptr<PairingDesk> desk_;
  std::optional<os::FileLock> lock_;  // of the file

  std::mutex mutex_;  // of what follows
  ReplayStore replay_;
  Allowlist allowlist_;
  std::shared_ptr<const TrustRoots> roots_;
  std::unique_ptr<ApprovalQueue> approvals_;
};

// {"allowed","reason","explain"} and, of the rule that decided, {"role","action","resource","principal"}.
std::string to_json(const Decision& decision);

}  // namespace tau::access
