// The ops of an authority on approvals: what people have to say yes to, once, kept over a restart.
#include "access/authority.h"
#include "access/request.h"

namespace tau::access {
namespace {

constexpr size_t kMaxContentBytes = size_t{1} << 20;

// What is asked about, which whoever uses the yes has to name again.
struct Subject {
  explicit Subject(Request& fields)
      : action(fields.text("action", kMaxRequestBytes)),
        target(fields.text("target", kMaxRequestBytes)),
        content(fields.text_or("content", {}, kMaxContentBytes)),
        labels(fields.text_or("labels", {}, kMaxRequestBytes)),
        policy(fields.text_or("policy", {}, kMaxRequestBytes)) {}
  crypto::Digest digest() const { return digest_of({action, target, content, labels, policy}); }
  const std::string action, target, content, labels, policy;
};

json::Value to_value(const Approval& approval) {
  json::Value out = json::Value::object();
  out.set("id", approval.id).set("state", state_name(approval.state)).set("summary", approval.summary);
  out.set("requester", approval.requester).set("approver", approval.approver).set("note", approval.note);
  out.set("created_ms", approval.created_ms).set("expires_ms", approval.expires_ms);
  return out;
}

std::string answer(std::string_view id, std::string_view state) {
  json::Value out = json::Value::object();
  out.set("id", id).set("state", state);
  return json::write(out);
}

}  // namespace

// What is not in the file was not decided. A yes that was spent stays spent.
template <class Edit>
Status Authority::change_approvals(Edit&& edit) {
  const std::lock_guard lock(mutex_);
  const std::string before = approvals_->serialize();
  TAU_RETURN_IF_ERROR(edit());
  Status kept = keep();
  if (!kept.ok()) (void)approvals_->restore(before);
  return kept;
}

StatusOr<std::string> Authority::ask(const json::Value& op) {
  Request fields(op);
  const Subject subject(fields);
  const std::string summary = fields.text("summary", ApprovalQueue::kMaxSummaryBytes);
  const std::string requester = fields.text("requester", ApprovalQueue::kMaxNameBytes);
  const int64_t now = fields.time_or("now_ms", clock_.wall_ms());
  TAU_RETURN_IF_ERROR(fields.finish(
      {"action", "content", "labels", "now_ms", "op", "policy", "requester", "summary", "target"}));
  std::string id;
  TAU_RETURN_IF_ERROR(change_approvals([&]() -> Status {
    TAU_ASSIGN_OR_RETURN(id, approvals_->submit(summary, subject.digest(), requester, now));
    return ok_status();
  }));
  return answer(id, "pending");
}

StatusOr<std::string> Authority::decide(const json::Value& op) {
  Request fields(op);
  const std::string id = fields.text("id", ApprovalQueue::kMaxNameBytes);
  const std::string approver = fields.text("approver", ApprovalQueue::kMaxNameBytes);
  const std::string note = fields.text_or("note", {}, ApprovalQueue::kMaxSummaryBytes);
  const int64_t now = fields.time_or("now_ms", clock_.wall_ms());
  fields.require(op["allow"].is_bool(), "has no \"allow\" that is true or false");
  TAU_RETURN_IF_ERROR(fields.finish({"allow", "approver", "id", "note", "now_ms", "op"}));
  const bool allow = op["allow"].as_bool();
  TAU_RETURN_IF_ERROR(change_approvals([&] { return approvals_->decide(id, allow, approver, note, now); }));
  return answer(id, allow ? "approved" : "rejected");
}

StatusOr<std::string> Authority::use(const json::Value& op) {
  Request fields(op);
  const Subject subject(fields);
  const std::string id = fields.text("id", ApprovalQueue::kMaxNameBytes);
  const int64_t now = fields.time_or("now_ms", clock_.wall_ms());
  TAU_RETURN_IF_ERROR(
      fields.finish({"action", "content", "id", "labels", "now_ms", "op", "policy", "target"}));
  const std::lock_guard lock(mutex_);
  TAU_RETURN_IF_ERROR(approvals_->use(id, subject.digest(), now));
  TAU_RETURN_IF_ERROR(keep());
  return answer(id, "used");
}

StatusOr<std::string> Authority::list_approvals(const json::Value& op) {
  Request fields(op);
  const int64_t now = fields.time_or("now_ms", clock_.wall_ms());
  TAU_RETURN_IF_ERROR(fields.finish({"now_ms", "op"}));
  json::Value list = json::Value::array();
  for (const Approval& approval : approvals_->list(now)) list.push_back(to_value(approval));
  json::Value out = json::Value::object();
  out.set("approvals", std::move(list));
  return json::write(out);
}

}  // namespace tau::access
