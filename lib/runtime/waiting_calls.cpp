#include "runtime/waiting_calls.h"

#include <algorithm>
#include <new>
#include <utility>

#include "crypto/crypto.h"
#include "runtime/access.h"

namespace tau::runtime {
namespace {

using Kind = store::ApprovalEdit::Kind;

constexpr size_t kIdBytes = 10;

SharedString new_id(Random& random) {
  std::byte bytes[kIdBytes];
  random.fill(bytes);
  return SharedString::concat(
      {"apr_", crypto::hex(std::string_view(reinterpret_cast<const char*>(bytes), sizeof bytes))});
}

}  // namespace

Status may_approve(const AccessControl* access, std::string_view principal, std::string_view requester,
                   std::string_view tool, std::string_view session_id) {
  if (access == nullptr) return ok_status();
  const std::string resource = session_resource(session_id);
  TAU_RETURN_IF_ERROR(access->authorize(principal, "approve:" + std::string(tool), resource));
  return principal == requester ? access->authorize(principal, "approval:self", resource) : ok_status();
}

WaitingCalls::WaitingCalls(Place place, Feed feed, Refused refused)
    : place_(std::move(place)),
      feed_(std::move(feed)),
      refused_(std::move(refused)),
      owner_(net::OwnerScope::current()) {}

// A run that ends without a word of the engine leaves no row that seems to wait.
WaitingCalls::~WaitingCalls() {
  for (Waiting& waiting : calls_) {
    if (waiting.timer != 0) place_.loop.cancel_timer(waiting.timer);
    place_.store.unwatch_approval(waiting.row->id);
    if (waiting.phase == Phase::kUnseen || waiting.phase == Phase::kAnswered) continue;
    try {
      append({.kind = Kind::kWithdraw, .id = waiting.row->id});
    } catch (const std::bad_alloc&) {}  // it goes stale with this process
  }
}

void WaitingCalls::asked(store::ApprovalRow row) {
  row.id = new_id(place_.random);
  row.session_id = place_.session_id;
  row.run_id = place_.run_id;
  row.principal = place_.principal;
  row.lease_epoch = place_.lease_epoch;
  row.created_ms = place_.clock.wall_ms();
  row.expires_ms = place_.timeout_ms > 0 ? row.created_ms + place_.timeout_ms : 0;
  Waiting waiting{.row = std::make_shared<const store::ApprovalRow>(std::move(row))};
  const int64_t due = place_.loop.now_ns() + kShownAfterMs * kNanosPerMilli;
  waiting.timer = place_.loop.set_timer(due, [weak = weak_from_this(), id = waiting.row->id] {
    if (const auto self = weak.lock()) self->show(id);
  });
  calls_.push_back(std::move(waiting));
}

WaitingCalls::Waiting* WaitingCalls::find(std::string_view call_id) {
  const auto found =
      std::ranges::find_if(calls_, [&](const Waiting& w) { return w.row->call_id == call_id; });
  return found == calls_.end() ? nullptr : &*found;
}

WaitingCalls::Waiting* WaitingCalls::find_id(const SharedString& id) {
  const auto found = std::ranges::find_if(calls_, [&](const Waiting& w) { return w.row->id == id; });
  return found == calls_.end() ? nullptr : &*found;
}

void WaitingCalls::show(const SharedString& id) {
  Waiting* const waiting = find_id(id);
  if (waiting == nullptr) return;
  waiting->timer = 0;
  waiting->phase = Phase::kShown;
  watch(id);
  append({.kind = Kind::kAsk, .id = id, .row = waiting->row});
}

void WaitingCalls::watch(const SharedString& id) {
  place_.store.watch_approval(id, [weak = weak_from_this(), loop = &place_.loop, owner = owner_,
                                   id](const store::ApprovalDecision& decision) {
    try {
      loop->post([weak, id, decision] {
        if (const auto self = weak.lock()) self->decided(id, decision);
      });
    } catch (const std::bad_alloc&) { loop->out_of_memory(owner); }
  });
}

void WaitingCalls::append(store::ApprovalEdit&& edit, store::Done done) {
  store::Batch batch;
  batch.approvals.push_back(std::move(edit));
  place_.store.append(std::move(batch), std::move(done));
}

// What was shown when the host answered is not what waits now: for the engine to say.
bool WaitingCalls::answered(agent::HostOp& op) {
  Waiting* const waiting = find(op.call_id);
  if (waiting == nullptr || (!op.binding.empty() && op.binding != waiting->row->binding)) return false;
  if (waiting->phase == Phase::kUnseen) return false;
  waiting->held.emplace_back(std::move(op));
  if (waiting->phase == Phase::kShown) settle(*waiting);
  return true;
}

bool WaitingCalls::timed_out(const std::string& timer) {
  const auto call_id = std::string_view(timer).substr(agent::kApprovalTimer.size());
  Waiting* const waiting = find(call_id);
  if (waiting == nullptr) return false;
  if (waiting->phase == Phase::kUnseen) {  // it ends without one more word
    (void)settled(call_id);
    return false;
  }
  waiting->held.emplace_back(agent::Timer{timer});
  if (waiting->phase == Phase::kShown) settle(*waiting);
  return true;
}

// The first of what is held competes for the row.
void WaitingCalls::settle(Waiting& waiting) {
  const auto* const op = std::get_if<agent::HostOp>(&waiting.held.front());
  store::ApprovalEdit edit{.kind = op == nullptr ? Kind::kExpire : Kind::kAnswer, .id = waiting.row->id};
  edit.decision.time_ms = place_.clock.wall_ms();
  if (op != nullptr) {
    edit.decision.allow = op->allow;
    edit.decision.decider = place_.principal;
    edit.decision.note = op->reason;
  }
  waiting.phase = Phase::kSettling;
  ++waiting.attempt;
  append(std::move(edit), [weak = weak_from_this(), loop = &place_.loop, owner = owner_, id = waiting.row->id,
                           attempt = waiting.attempt](const Status& status, store::Lsn) {
    try {
      loop->post([weak, id, attempt, status] {
        if (const auto self = weak.lock()) self->settling_ended(id, attempt, status);
      });
    } catch (const std::bad_alloc&) { loop->out_of_memory(owner); }
  });
}

void WaitingCalls::settling_ended(const SharedString& id, int attempt, const Status& status) {
  const auto keep_alive = shared_from_this();
  Waiting* const waiting = find_id(id);
  if (waiting == nullptr || waiting->phase != Phase::kSettling || waiting->attempt != attempt) return;
  if (status.reason() == "approval_decided") {  // what was decided elsewhere is on its way here
    waiting->phase = Phase::kShown;
    return;
  }
  // A row that the disk does not take is answered by nobody else: a run that needs the disk ends of it.
  waiting->phase = Phase::kAnswered;
  std::vector<agent::InputBody> held = std::move(waiting->held);
  waiting->held.clear();
  const bool expires = std::holds_alternative<agent::Timer>(held.front());
  const std::string call_id = waiting->row->call_id;
  if (expires) (void)settled(call_id);
  feed_all(std::move(held));
}

void WaitingCalls::decided(const SharedString& id, const store::ApprovalDecision& decision) {
  const auto keep_alive = shared_from_this();
  Waiting* const waiting = find_id(id);
  if (waiting == nullptr || waiting->phase == Phase::kAnswered) return;
  if (const Status may = authorize(*waiting->row, decision); !may.ok()) {
    refused_(waiting->row->call_id, decision);
    watch(id);
    append({.kind = Kind::kReturn, .id = id});
    waiting->phase = Phase::kShown;
    if (!waiting->held.empty()) settle(*waiting);
    return;
  }
  waiting->phase = Phase::kDecided;
  agent::HostOp op;
  op.kind = agent::HostOp::Kind::kApproval;
  op.call_id = waiting->row->call_id;
  op.allow = decision.allow;
  op.reason = repair_utf8(decision.note);
  op.binding = waiting->row->binding;
  op.decider = decision.decider;
  std::vector<agent::InputBody> inputs;
  inputs.emplace_back(std::move(op));
  std::ranges::move(waiting->held, std::back_inserter(inputs));
  waiting->held.clear();
  feed_all(std::move(inputs));
}

// By the policy of this process, too: what another one holds its users to is not known here.
Status WaitingCalls::authorize(const store::ApprovalRow& row, const store::ApprovalDecision& decision) const {
  return may_approve(place_.access, decision.decider, row.principal, row.tool, row.session_id);
}

// The run may end of each, and this with it.
void WaitingCalls::feed_all(std::vector<agent::InputBody>&& inputs) {
  for (agent::InputBody& input : inputs) feed_(std::move(input));
}

std::optional<store::ApprovalEdit> WaitingCalls::settled(std::string_view call_id) {
  const auto found =
      std::ranges::find_if(calls_, [&](const Waiting& w) { return w.row->call_id == call_id; });
  if (found == calls_.end()) return std::nullopt;
  const Waiting waiting = std::move(*found);
  calls_.erase(found);
  if (waiting.timer != 0) place_.loop.cancel_timer(waiting.timer);
  place_.store.unwatch_approval(waiting.row->id);
  if (waiting.phase == Phase::kUnseen || waiting.phase == Phase::kAnswered) return std::nullopt;
  return store::ApprovalEdit{.kind = waiting.phase == Phase::kDecided ? Kind::kApply : Kind::kWithdraw,
                             .id = waiting.row->id};
}

}  // namespace tau::runtime
