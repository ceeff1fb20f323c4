// What the host program, the model behind the network and chance do to a run.
#include "simulator/process.h"
#include "simulator/tools.h"

namespace tau::sim {

namespace {

std::string_view header(const net::HttpRequest& request, std::string_view name) {
  for (const auto& [key, value] : request.headers)
    if (key == name) return value;
  return {};
}

// One in how many moments brings trouble: phases that runs pass quickly get as much as the others.
int64_t patience(When when) {
  switch (when) {
    case When::kStopping: return 1;
    case When::kApproval: return 12;
    case When::kCommitting: return 60;
    case When::kTools: return 40;
    case When::kStreaming: return 150;
    default: return 150;
  }
}

}  // namespace

Script Process::answer(const net::HttpRequest& request) {
  view_.called_model(header(request, "x-request-id"), request.body);
  world_.trace("request", header(request, "x-request-id"));
  calling_ = true;
  return ScriptWriter(world_.rng, *world_.plan.dialect).write(invent_answer(), world_.plan.fault_percent);
}

wire::Response Process::invent_answer() {
  Rng& rng = world_.rng;
  wire::Response r;
  r.id = "r";
  r.model = "sim";
  r.message.role = wire::Role::kAssistant;
  r.usage.input = 3;
  r.usage.output = 2;
  r.usage.known = true;
  const bool last = world_.turns_left-- <= 0 || rng.chance(8);
  const int64_t calls = last ? 0 : 1 + rng.below(4);
  if (calls == 0 || rng.chance(80))
    r.message.parts.push_back(
        {.body = wire::Text{"r\xC3\xA9ponse " + std::to_string(world_.next_text++) + "."}, .extras = {}});
  static constexpr const char* kTools[] = {"pure", "read", "write", "serial", "again", "host", "unknown"};
  for (int64_t i = 0; i < calls; ++i) {
    wire::ToolCall call;
    call.name = kTools[rng.below(7)];
    call.id = rng.chance(5) ? "same" : "c" + std::to_string(world_.next_call++);
    call.arguments = rng.chance(5) ? "{\"a\":1,\"a\":2}" : "{}";
    r.message.parts.push_back({.body = std::move(call), .extras = {}});
  }
  r.finish = calls == 0 ? wire::FinishReason::kStop : wire::FinishReason::kToolCalls;
  return r;
}

// Faults like company: just before one acts, the host often does something, so that they race.
void Process::race(Fault fault) {
  if (racing_ || retired_ || driver_ == nullptr || driver_->ended() || phase() == When::kStopping) return;
  const bool late = fault == Fault::kLateBytes || fault == Fault::kToolAnswersLate;
  if (late && phase() == When::kStreaming) return;
  racing_ = true;
  const int64_t what = world_.rng.below(100);
  if (what < (view_.waiting_approvals().empty() ? 30 : 10))
    op(agent::HostOp::Kind::kMessage, true);
  else if (what < 52 && (late || view_.tools_run()))
    cancel();
  racing_ = false;
}

void Process::op(agent::HostOp::Kind kind, bool acknowledge) {
  hit(kind == agent::HostOp::Kind::kSteer ? Fault::kSteer : Fault::kMessage);
  agent::HostOp op;
  op.kind = kind;
  const std::string id = "op" + std::to_string(world_.next_op++);
  if (acknowledge) op.op_id = id;
  const std::string text = "said " + id + ".";
  op.message = wire::text_message(wire::Role::kUser, text, Labels::from(Source::kUser));
  world_.trace("host says", id);
  world_.ledger.said(id, text);
  driver_->submit(std::move(op));
}

void Process::answer_approval() {
  Rng& rng = world_.rng;
  agent::HostOp answer;
  answer.kind = agent::HostOp::Kind::kApproval;
  answer.call_id = *view_.waiting_approvals().begin();
  if (rng.chance(stopping_ ? 30 : 15)) {  // it stays silent for good
    hit(Fault::kApprovalUnanswered);
    silent_.insert(answer.call_id);
    return;
  }
  if (silent_.contains(answer.call_id)) return;
  answer.allow = rng.chance(stopping_ ? 30 : 70);
  if (!answer.allow) hit(Fault::kApprovalDenied);
  if (rng.chance(30)) answer.op_id = "op" + std::to_string(world_.next_op++);
  world_.trace(answer.allow ? "host approves" : "host denies", answer.call_id);
  world_.ledger.answered(answer.call_id, answer.allow);
  view_.approval_answered(answer.call_id);
  driver_->submit(std::move(answer));
}

void Process::answer_host_call() {
  const std::string id = *host_calls_.begin();
  host_calls_.erase(host_calls_.begin());
  tool::Result result;
  result.content = "from the host";
  std::string op_id;
  if (world_.rng.chance(50)) {
    op_id = "op" + std::to_string(world_.next_op++);
    world_.ledger.gave_result(op_id, id);
  }
  world_.trace("host gives the result of", id);
  driver_->tool_result(id, std::move(result), op_id);
}

void Process::stale_answer() {
  hit(Fault::kStaleAnswer);
  if (world_.rng.chance(50)) return driver_->tool_result("nobody", {}, "");
  agent::HostOp answer;
  answer.kind = agent::HostOp::Kind::kApproval;
  answer.call_id = "nobody";
  answer.allow = true;
  driver_->submit(std::move(answer));
}

void Process::cancel() {
  hit(Fault::kCancel);
  stopping_ = true;
  driver_->cancel({.code = Code::kCancelled, .reason = "cancelled", .message = "stop", .details_json = {}});
}

void Process::park() {
  if (parked_) return;
  hit(Fault::kSlowReader);
  const int64_t delay_ns = world_.rng.below(50 * kMs);
  view_.lag(delay_ns);
  parked_ = true;
  loop_.after(delay_ns, [this] {
    parked_ = false;
    if (driver_ != nullptr) driver_->unpark();
  });
}

// The next commit fails; often there is something to commit at once.
void Process::spoil_disk(DiskFault fault) {
  world_.disk_fault = fault;
  if (world_.rng.chance(60)) op(agent::HostOp::Kind::kMessage, false);
}

void Process::misbehave(int64_t what) {
  switch (what) {
    case 0: return cancel();
    case 1: return op(agent::HostOp::Kind::kSteer, world_.rng.chance(80));
    case 2: return op(agent::HostOp::Kind::kMessage, world_.rng.chance(80));
    case 3:
      hit(Fault::kClockJump);
      world_.clock.wall_offset_ms += (world_.rng.below(2) == 0 ? -1 : 1) * world_.rng.below(86'400'000);
      return;
    case 4: return park();
    case 5: return spoil_disk(DiskFault::kCommitFailure);
    case 6: return spoil_disk(DiskFault::kDiskFull);
    default: return stale_answer();
  }
}

void Process::act() {
  if (driver_ == nullptr || driver_->ended()) return;
  Rng& rng = world_.rng;
  if (!view_.waiting_approvals().empty() && rng.chance(stopping_ ? 50 : 12)) return answer_approval();
  if (!view_.waiting_approvals().empty() && view_.tools_run() && rng.chance(4)) return cancel();
  if (!host_calls_.empty() && rng.chance(40)) return answer_host_call();
  if (rng.below(patience(phase())) == 0) misbehave(rng.below(8));
}

}  // namespace tau::sim
