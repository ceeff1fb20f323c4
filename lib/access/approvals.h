// Approvals: what someone has to say yes to, once, before it is done.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <vector>

#include "crypto/crypto.h"
#include "json/json.h"

namespace tau::access {

// What exactly is to be done. An approval of one is none of any other.
struct ApprovalSubject {
  std::string_view action;   // "tool:write"
  std::string_view target;   // what it acts on as it was resolved: the real path, the origin
  std::string_view content;  // its whole content: canonical arguments, the bytes to write
  std::string_view labels;   // of what led to it
  std::string_view policy;   // the digest or epoch of the policy it was judged by
};
crypto::Digest digest_of(const ApprovalSubject& subject);

enum class ApprovalState : uint8_t { kPending, kApproved, kRejected, kExpired, kUsed };
std::string_view state_name(ApprovalState state);

// Times are milliseconds since 1970.
struct Approval {
  std::string id;
  std::string summary;  // for who decides
  std::string requester;
  std::string approver;  // empty while nobody has decided
  std::string note;
  crypto::Digest subject = {};
  ApprovalState state = ApprovalState::kPending;
  int64_t created_ms = 0;
  int64_t expires_ms = 0;  // of the request, then of the grant
  int64_t decided_ms = 0;
};

// Bounded; silence is a refusal. Any thread, if Random is.
class ApprovalQueue {
 public:
  static constexpr size_t kMaxCapacity = 65536;
  static constexpr size_t kMaxSummaryBytes = 4096;
  static constexpr size_t kMaxNameBytes = 512;

  struct Options {
    int64_t request_ms = 900'000;  // how long a request waits
    int64_t grant_ms = 300'000;    // how long a yes holds
    size_t capacity = 1024;
    bool allow_self = false;  // who asks may decide
  };

  // `random` outlives the queue. FAILED_PRECONDITION "no_random", INVALID_ARGUMENT "invalid_options".
  static StatusOr<std::unique_ptr<ApprovalQueue>> create(Options options, Random* random);

  // The id of the request; of the one that waits already when the same requester asks for the same. Makes
  // room by forgetting the oldest that is over. INVALID_ARGUMENT "invalid_approval", RESOURCE_EXHAUSTED
  // "approval_queue_full".
  StatusOr<std::string> submit(std::string_view summary, const crypto::Digest& subject,
                               std::string_view requester, int64_t now_ms);

  // NOT_FOUND "approval_unknown"; FAILED_PRECONDITION "approval_decided" or "approval_expired";
  // PERMISSION_DENIED "self_approval"; INVALID_ARGUMENT "invalid_approval".
  Status decide(std::string_view id, bool approve, std::string_view approver, std::string_view note,
                int64_t now_ms);

  // Spends the yes: of all calls one is OK. NOT_FOUND "approval_unknown"; FAILED_PRECONDITION
  // "approval_pending"; PERMISSION_DENIED "approval_mismatch", "approval_rejected", "approval_expired" or
  // "approval_used".
  Status use(std::string_view id, const crypto::Digest& subject, int64_t now_ms);

  StatusOr<Approval> get(std::string_view id, int64_t now_ms);  // NOT_FOUND "approval_unknown"
  std::vector<Approval> list(int64_t now_ms);                   // oldest first

  // The whole state as JSON. Whoever acts on use() first makes the state after it durable.
  std::string serialize() const;
  // Takes the place of this state. DATA_LOSS "approvals_damaged"; then nothing has changed.
  Status restore(std::string_view state);

 private:
  struct Entry {
    Approval approval;
    uint64_t number = 0;  // the order of submission
  };
  using Entries = std::map<std::string, Entry, std::less<>>;

  ApprovalQueue(Options options, Random& random) : options_(options), random_(random) {}
  void expire(int64_t now_ms);
  bool make_room();

  const Options options_;
  Random& random_;
  mutable std::mutex mutex_;
  Entries entries_;
  uint64_t next_ = 0;
};

}  // namespace tau::access
