// Requests about calls that wait for an approval, in whichever process of the home they do.
#include <algorithm>
#include <chrono>
#include <thread>

#include "runtime/access.h"
#include "runtime/core.h"
#include "runtime/host_document.h"
#include "runtime/requests.h"
#include "runtime/waiting_calls.h"
#include "safety/safety.h"

namespace tau::runtime {
namespace {

using observe::Kind;
using observe::Record;
using observe::Text;
using store::ApprovalRow;
using store::ApprovalState;

constexpr size_t kMaxNoteBytes = 4'096;
constexpr int64_t kMaxWaitMs = 60'000;
constexpr auto kLookAgain = std::chrono::milliseconds(25);

std::string_view verdict_of(const ApprovalRow& row) { return row.decision.allow ? "approved" : "denied"; }

std::string_view state_of(const ApprovalRow& row, int64_t now_ms) {
  switch (row.state) {
    case ApprovalState::kWaiting:
      if (!row.alive) return "stale";
      return row.expires_ms != 0 && row.expires_ms <= now_ms ? "expired" : "waiting";
    case ApprovalState::kDecided: return row.alive ? verdict_of(row) : "stale";
    case ApprovalState::kApplied: return verdict_of(row);
    case ApprovalState::kWithdrawn: break;
  }
  return "withdrawn";
}

// What was cut, or is no JSON any more, is told as text.
void write_arguments(json::Writer& w, const ApprovalRow& row) {
  if (row.arguments.empty()) return;
  const bool whole = static_cast<int64_t>(row.arguments.size()) == row.argument_bytes;
  if (whole && json::parse(row.arguments).ok()) {
    w.field_raw("arguments", row.arguments);
  } else {
    w.field("arguments_head", repair_utf8(row.arguments));
  }
}

void write_row(json::Writer& w, const ApprovalRow& row, int64_t now_ms) {
  w.begin_object().field("id", row.id).field("state", state_of(row, now_ms));
  w.field("applied", row.state == ApprovalState::kApplied);
  w.field("session", row.session_id).field("run", row.run_id).field("call_id", repair_utf8(row.call_id));
  w.field("tool", repair_utf8(row.tool))
      .field("effect", row.effect)
      .field("not_sandboxed", row.not_sandboxed);
  w.field("reason", row.reason).field("reason_text", safety::reason_text(row.reason));
  if (!row.scope.empty()) w.field("scope", repair_utf8(row.scope));
  w.field("argument_bytes", row.argument_bytes);
  write_arguments(w, row);
  w.field("binding", row.binding).field("policy_epoch", row.policy_epoch);
  w.field("requester", row.principal).field("integrity", row.integrity).field("readers", row.readers);
  w.field("created_ms", row.created_ms).field("expires_ms", row.expires_ms);
  if (row.decision.time_ms != 0) {
    w.field("decider", repair_utf8(row.decision.decider)).field("note", repair_utf8(row.decision.note));
    w.field("decided_ms", row.decision.time_ms);
  }
  w.end_object();
}

struct Decide {
  std::string id;
  store::ApprovalDecision decision;
  int64_t wait_ms = 0;
};

// Somebody else than the runtime's principal decides only by the leave of the policy.
StatusOr<SharedString> decider_of(Core& core, const json::Value& request) {
  const std::string& own = core.config().access().principal;
  if (!request.contains("principal")) return SharedString(own);
  const std::string_view named = request["principal"].as_string();
  TAU_RETURN_IF_ERROR(check_type(is_valid_id(named), "request", "principal", "an id"));
  if (named != own)
    TAU_RETURN_IF_ERROR(core.authorize({}, "principal:act_as", "principal/" + std::string(named)));
  return SharedString(named);
}

StatusOr<Decide> parse_decide(Core& core, const json::Value& request) {
  TAU_RETURN_IF_ERROR(only_keys(request, "request", {"op", "id", "allow", "note", "principal", "wait_ms"}));
  Decide out;
  TAU_ASSIGN_OR_RETURN(out.id, need_string(request, "request", "id"));
  TAU_RETURN_IF_ERROR(check_type(request["allow"].is_bool(), "request", "allow", "true or false"));
  const json::Value& note = request["note"];
  const bool noted = note.is_null() || (note.is_string() && note.as_string().size() <= kMaxNoteBytes);
  TAU_RETURN_IF_ERROR(check_type(noted, "request", "note", "a string of at most 4096 bytes"));
  TAU_ASSIGN_OR_RETURN(out.wait_ms, read_count(request, "request", "wait_ms"));
  TAU_RETURN_IF_ERROR(check_type(out.wait_ms <= kMaxWaitMs, "request", "wait_ms", "0 to 60000"));
  out.decision.allow = request["allow"].as_bool();
  out.decision.note = note.as_string();
  out.decision.time_ms = system_clock().wall_ms();
  TAU_ASSIGN_OR_RETURN(out.decision.decider, decider_of(core, request));
  return out;
}

// Who decided what, or was not let.
void record(Core& core, const ApprovalRow& row, const Decide& asked, const Status& status) {
  Audit* const audit = core.audit();
  if (audit == nullptr) return;
  const std::string_view reason = asked.decision.allow ? "approved" : "approval_denied";
  (void)audit->append(Record(Kind::kApprovalAnswered)
                          .set(Text::kPrincipal, asked.decision.decider)
                          .set(Text::kSession, row.session_id)
                          .set(Text::kRun, row.run_id)
                          .set(Text::kCall, row.call_id)
                          .set(Text::kTool, row.tool)
                          .set(Text::kAction, "decide")
                          .set(Text::kTarget, row.id)
                          .set(Text::kDecision, asked.decision.allow ? "allow" : "deny")
                          .set(Text::kOutcome, status.ok() ? "ok" : "error")
                          .set(Text::kReason, status.ok() ? reason : status.reason()));
}

// What became of a decision: the process that waits takes it up, refuses it, or is overtaken by its own end.
StatusOr<std::string> outcome_of(Core& core, const Decide& asked) {
  const int64_t end_ns = system_clock().monotonic_ns() + asked.wait_ms * kNanosPerMilli;
  StatusOr<ApprovalRow> row = core.store().load_approval(asked.id);
  while (row.ok() && row->alive && row->state == ApprovalState::kDecided &&
         system_clock().monotonic_ns() < end_ns) {
    std::this_thread::sleep_for(kLookAgain);
    row = core.store().load_approval(asked.id);
  }
  const bool gone = !row.ok() && row.status().code() == Code::kNotFound;  // with its session
  if (!row.ok() && !gone) return std::move(row).status();
  if (!gone && row->state == ApprovalState::kWaiting)
    return permission_denied("approval_refused", format("the process that waits does not let \"{}\" decide",
                                                        repair_utf8(asked.decision.decider)));
  const bool withdrawn = gone || row->state == ApprovalState::kWithdrawn;
  std::string out;
  json::Writer w(out);
  w.begin_object().field("id", asked.id);
  w.field("state", withdrawn ? "withdrawn" : asked.decision.allow ? "approved" : "denied");
  w.field("applied", !withdrawn && row->state == ApprovalState::kApplied).end_object();
  return out;
}

}  // namespace

StatusOr<std::string> list_approvals(Core& core, const json::Value& request) {
  TAU_RETURN_IF_ERROR(only_keys(request, "request", {"op", "all"}));
  TAU_ASSIGN_OR_RETURN(const bool all, read_flag(request, "request", "all", false));
  TAU_ASSIGN_OR_RETURN(const auto rows, core.store().list_approvals(all));
  const int64_t now_ms = system_clock().wall_ms();
  std::string out;
  json::Writer w(out);
  w.begin_object().key("approvals").begin_array();
  for (const ApprovalRow& row : rows)
    if (core.authorize({}, "approval:list", session_resource(row.session_id)).ok()) write_row(w, row, now_ms);
  w.end_array().end_object();
  return out;
}

StatusOr<std::string> show_approval(Core& core, const json::Value& request) {
  TAU_RETURN_IF_ERROR(only_keys(request, "request", {"op", "id"}));
  TAU_ASSIGN_OR_RETURN(const std::string id, need_string(request, "request", "id"));
  TAU_ASSIGN_OR_RETURN(const ApprovalRow row, core.store().load_approval(id));
  TAU_RETURN_IF_ERROR(core.authorize({}, "approval:list", session_resource(row.session_id)));
  std::string out;
  json::Writer w(out);
  write_row(w, row, system_clock().wall_ms());
  return out;
}

StatusOr<std::string> decide_approval(Core& core, const json::Value& request) {
  TAU_ASSIGN_OR_RETURN(const Decide asked, parse_decide(core, request));
  TAU_ASSIGN_OR_RETURN(const ApprovalRow row, core.store().load_approval(asked.id));
  Status status =
      may_approve(core.access().get(), asked.decision.decider, row.principal, row.tool, row.session_id);
  if (status.ok()) status = core.store().decide_approval(asked.id, asked.decision);
  record(core, row, asked, status);
  TAU_RETURN_IF_ERROR(status);
  return outcome_of(core, asked);
}

}  // namespace tau::runtime
