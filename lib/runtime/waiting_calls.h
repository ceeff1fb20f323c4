// The calls of one run that wait for an approval, shown to the other processes of the home and answered by
// them.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "agent/agent.h"
#include "base/base.h"
#include "net/net.h"
#include "store/store.h"

namespace tau::runtime {

class AccessControl;

// Of all decisions about a shown call the first that is durable counts, whoever made it: the host's own
// answer and the end of the time compete with other processes for the row of the call. A call that is
// answered at once is never shown and costs nothing. On the run's loop.
class WaitingCalls final : public std::enable_shared_from_this<WaitingCalls> {
 public:
  static constexpr int64_t kShownAfterMs = 100;

  struct Place {
    store::Store& store;  // with a disk
    net::Loop& loop;
    Clock& clock;
    Random& random;
    const AccessControl* access;  // null: everybody may approve; else outlives the run
    SharedString session_id;
    SharedString run_id;
    SharedString principal;  // whose run it is
    int64_t lease_epoch = 0;
    int64_t timeout_ms = 0;  // of an approval; 0: none
  };
  // Takes what counts to the engine, if the run is still there.
  using Feed = std::function<void(agent::InputBody&& input)>;
  // What somebody decided elsewhere and may not: for the audit log.
  using Refused = std::function<void(std::string_view call_id, const store::ApprovalDecision& decision)>;

  WaitingCalls(Place place, Feed feed, Refused refused);
  ~WaitingCalls();  // nobody waits any more

  // The host is asked. `row` says what about: call, tool, arguments, binding, labels.
  void asked(store::ApprovalRow row);
  // The host answered, or time is over (the name of an approval's timer). True: the engine is fed once it is
  // known what counts. False: at once.
  bool answered(agent::HostOp& op);
  bool timed_out(const std::string& timer);
  // The engine has done with the call: what there is to change of its row.
  std::optional<store::ApprovalEdit> settled(std::string_view call_id);

 private:
  enum class Phase : uint8_t {
    kUnseen,    // its timer runs
    kShown,     // others may decide
    kSettling,  // the host's answer, or the end of its time, is on its way to the disk
    kAnswered,  // that counts
    kDecided,   // what another process decided counts
  };
  struct Waiting {
    std::shared_ptr<const store::ApprovalRow> row;
    Phase phase = Phase::kUnseen;
    net::TimerId timer = 0;
    int attempt = 0;                     // how often the row was competed for
    std::vector<agent::InputBody> held;  // answers that wait for what counts, in their order
  };

  Waiting* find(std::string_view call_id);
  Waiting* find_id(const SharedString& id);
  void show(const SharedString& id);
  void watch(const SharedString& id);
  void settle(Waiting& waiting);
  void settling_ended(const SharedString& id, int attempt, const Status& status);
  void decided(const SharedString& id, const store::ApprovalDecision& decision);
  Status authorize(const store::ApprovalRow& row, const store::ApprovalDecision& decision) const;
  void feed_all(std::vector<agent::InputBody>&& inputs);
  void append(store::ApprovalEdit&& edit, store::Done done = nullptr);
  template <class Work>
  void post(Work&& work);

  const Place place_;
  const Feed feed_;
  const Refused refused_;
  const net::Owner owner_;
  std::vector<Waiting> calls_;
};

// Whether `principal` may decide of a call of that tool, in a run of `requester`: "approve:TOOL" on the
// session, and "approval:self" beside for one's own run. PERMISSION_DENIED "access_denied".
Status may_approve(const AccessControl* access, std::string_view principal, std::string_view requester,
                   std::string_view tool, std::string_view session_id);

}  // namespace tau::runtime
