#include "access/approvals.h"

#include <algorithm>
#include <array>
#include <utility>

#include "access/binding.h"
#include "access/fields.h"
#include "access/key.h"

namespace tau::access {
namespace {

constexpr std::array<std::string_view, 5> kStates = {"pending", "approved", "rejected", "expired", "used"};
constexpr size_t kIdBytes = 10;
constexpr size_t kMaxIdBytes = 64;

bool is_name(std::string_view text, size_t most) {
  return !text.empty() && text.size() <= most && is_valid_utf8(text);
}

Status invalid(std::string_view complaint) { return invalid_argument("invalid_approval", complaint); }

Status unknown(std::string_view id) {
  return not_found("approval_unknown", format("there is no approval {}", id));
}

bool is_over(const Approval& approval) {
  return approval.state != ApprovalState::kPending && approval.state != ApprovalState::kApproved;
}

json::Value to_value(const Approval& approval) {
  json::Value out = json::Value::object();
  out.set("approver", approval.approver);
  out.set("created_ms", approval.created_ms);
  out.set("decided_ms", approval.decided_ms);
  out.set("expires_ms", approval.expires_ms);
  out.set("id", approval.id);
  out.set("note", approval.note);
  out.set("requester", approval.requester);
  out.set("state", state_name(approval.state));
  out.set("subject", crypto::base64url_encode(bytes_of(approval.subject)));
  out.set("summary", approval.summary);
  return out;
}

std::string text_or_none(Fields& fields, const json::Value& value, std::string_view key, size_t most) {
  const json::Value& text = value[key];
  fields.require(text.is_string() && text.as_string().size() <= most,
                 format("has no \"{}\" that is a string of at most {} bytes", key, most));
  return std::string(text.as_string());
}

StatusOr<Approval> read(const json::Value& value) {
  Fields fields(value, "an approval", "approvals_damaged");
  Approval out;
  out.id = fields.text("id", kMaxIdBytes);
  out.summary = fields.text("summary", ApprovalQueue::kMaxSummaryBytes);
  out.requester = fields.text("requester", ApprovalQueue::kMaxNameBytes);
  out.approver = text_or_none(fields, value, "approver", ApprovalQueue::kMaxNameBytes);
  out.note = text_or_none(fields, value, "note", ApprovalQueue::kMaxSummaryBytes);
  out.created_ms = fields.time("created_ms");
  out.decided_ms = fields.time("decided_ms");
  out.expires_ms = fields.time("expires_ms");
  const std::string subject = fields.bytes("subject", sizeof out.subject, sizeof out.subject);
  const auto state = std::find(kStates.begin(), kStates.end(), fields.text("state", 16));
  fields.require(state != kStates.end(), "has no \"state\" that is one");
  TAU_RETURN_IF_ERROR(fields.finish({"approver", "created_ms", "decided_ms", "expires_ms", "id", "note",
                                     "requester", "state", "subject", "summary"}));
  std::copy(subject.begin(), subject.end(), out.subject.begin());
  out.state = static_cast<ApprovalState>(state - kStates.begin());
  return out;
}

}  // namespace

crypto::Digest digest_of(const ApprovalSubject& subject) {
  return digest_of("tau approval 1",
                   {subject.action, subject.target, subject.content, subject.labels, subject.policy});
}

std::string_view state_name(ApprovalState state) { return kStates[static_cast<size_t>(state)]; }

StatusOr<std::unique_ptr<ApprovalQueue>> ApprovalQueue::create(Options options, Random* random) {
  if (options.request_ms < 1 || options.grant_ms < 1 || options.capacity < 1 ||
      options.capacity > kMaxCapacity)
    return invalid_argument(
        "invalid_options",
        format("requests and grants last for a time, and 1 to {} of them fit", kMaxCapacity));
  if (random == nullptr) return failed_precondition("no_random", "approvals need a source of randomness");
  return std::unique_ptr<ApprovalQueue>(new ApprovalQueue(options, *random));
}

void ApprovalQueue::expire(int64_t now_ms) {
  for (auto& [id, entry] : entries_)
    if (!is_over(entry.approval) && entry.approval.expires_ms <= now_ms)
      entry.approval.state = ApprovalState::kExpired;
}

bool ApprovalQueue::make_room() {
  if (entries_.size() < options_.capacity) return true;
  auto oldest = entries_.end();
  for (auto entry = entries_.begin(); entry != entries_.end(); ++entry)
    if (is_over(entry->second.approval) &&
        (oldest == entries_.end() || entry->second.number < oldest->second.number))
      oldest = entry;
  if (oldest == entries_.end()) return false;
  entries_.erase(oldest);
  return true;
}

StatusOr<std::string> ApprovalQueue::submit(std::string_view summary, const crypto::Digest& subject,
                                            std::string_view requester, int64_t now_ms) {
  if (!is_name(summary, kMaxSummaryBytes) || !is_name(requester, kMaxNameBytes))
    return invalid(format("a request has a summary of 1 to {} bytes and a requester of 1 to {}",
                          kMaxSummaryBytes, kMaxNameBytes));
  const std::lock_guard lock(mutex_);
  expire(now_ms);
  for (const auto& [id, entry] : entries_)
    if (entry.approval.state == ApprovalState::kPending && entry.approval.subject == subject &&
        entry.approval.requester == requester)
      return id;
  if (!make_room())
    return resource_exhausted("approval_queue_full", format("{} approvals wait already", options_.capacity));
  std::byte random[kIdBytes];
  random_.fill(random);
  Approval approval;
  approval.id = "apr_" + crypto::hex(bytes_of(std::span<const std::byte>(random)));
  approval.summary = summary;
  approval.requester = requester;
  approval.subject = subject;
  approval.created_ms = now_ms;
  approval.expires_ms = now_ms + options_.request_ms;
  const std::string id = approval.id;
  if (!entries_.emplace(id, Entry{std::move(approval), next_++}).second)
    return failed_precondition("no_random", "the source of randomness repeats itself");
  return id;
}

Status ApprovalQueue::decide(std::string_view id, bool approve, std::string_view approver,
                             std::string_view note, int64_t now_ms) {
  if (!is_name(approver, kMaxNameBytes) || (!note.empty() && !is_name(note, kMaxSummaryBytes)))
    return invalid(format("a decision has an approver of 1 to {} bytes and a note of at most {}",
                          kMaxNameBytes, kMaxSummaryBytes));
  const std::lock_guard lock(mutex_);
  expire(now_ms);
  const auto found = entries_.find(id);
  if (found == entries_.end()) return unknown(id);
  Approval& approval = found->second.approval;
  if (approval.state == ApprovalState::kExpired)
    return failed_precondition("approval_expired", format("{} has expired", id));
  if (approval.state != ApprovalState::kPending)
    return failed_precondition("approval_decided",
                               format("{} is {} already", id, state_name(approval.state)));
  if (approve && !options_.allow_self && approver == approval.requester)
    return permission_denied("self_approval", "who asks does not approve");
  approval.state = approve ? ApprovalState::kApproved : ApprovalState::kRejected;
  approval.approver = approver;
  approval.note = note;
  approval.decided_ms = now_ms;
  approval.expires_ms = now_ms + options_.grant_ms;
  return ok_status();
}

Status ApprovalQueue::use(std::string_view id, const crypto::Digest& subject, int64_t now_ms) {
  const std::lock_guard lock(mutex_);
  expire(now_ms);
  const auto found = entries_.find(id);
  if (found == entries_.end()) return unknown(id);
  Approval& approval = found->second.approval;
  if (approval.subject != subject)
    return permission_denied("approval_mismatch", format("{} is for something else", id));
  switch (approval.state) {
    case ApprovalState::kApproved: approval.state = ApprovalState::kUsed; return ok_status();
    case ApprovalState::kPending: return failed_precondition("approval_pending", format("{} waits", id));
    case ApprovalState::kRejected:
      return permission_denied("approval_rejected", format("{} was rejected", id));
    case ApprovalState::kExpired: return permission_denied("approval_expired", format("{} has expired", id));
    default: return permission_denied("approval_used", format("{} was used", id));
  }
}

StatusOr<Approval> ApprovalQueue::get(std::string_view id, int64_t now_ms) {
  const std::lock_guard lock(mutex_);
  expire(now_ms);
  const auto found = entries_.find(id);
  if (found == entries_.end()) return unknown(id);
  return found->second.approval;
}

std::vector<Approval> ApprovalQueue::list(int64_t now_ms) {
  const std::lock_guard lock(mutex_);
  expire(now_ms);
  std::vector<const Entry*> ordered;
  for (const auto& [id, entry] : entries_) ordered.push_back(&entry);
  std::sort(ordered.begin(), ordered.end(),
            [](const Entry* a, const Entry* b) { return a->number < b->number; });
  std::vector<Approval> out;
  for (const Entry* entry : ordered) out.push_back(entry->approval);
  return out;
}

std::string ApprovalQueue::serialize() const {
  const std::lock_guard lock(mutex_);
  std::vector<const Entry*> ordered;
  for (const auto& [id, entry] : entries_) ordered.push_back(&entry);
  std::sort(ordered.begin(), ordered.end(),
            [](const Entry* a, const Entry* b) { return a->number < b->number; });
  json::Value list = json::Value::array();
  for (const Entry* entry : ordered) list.push_back(to_value(entry->approval));
  json::Value out = json::Value::object();
  out.set("approvals", std::move(list));
  out.set("schema_version", 1);
  return json::canonical(out);
}

Status ApprovalQueue::restore(std::string_view state) {
  const auto damaged = [](const Status& why) { return data_loss("approvals_damaged", why.message()); };
  const auto value = json::parse(state);
  if (!value.ok()) return damaged(value.status());
  Fields fields(*value, "the list of approvals", "approvals_damaged");
  fields.integer("schema_version", 1, 1);
  const json::Value& list = fields.array("approvals", 0, options_.capacity);
  if (const Status read = fields.finish({"approvals", "schema_version"}); !read.ok()) return damaged(read);
  Entries entries;
  uint64_t number = 0;
  for (const json::Value& item : list.as_array()) {
    auto approval = read(item);
    if (!approval.ok()) return damaged(approval.status());
    const std::string id = approval->id;
    if (!entries.emplace(id, Entry{*std::move(approval), number++}).second)
      return damaged(invalid("an id is there twice"));
  }
  const std::lock_guard lock(mutex_);
  entries_ = std::move(entries);
  next_ = number;
  return ok_status();
}

}  // namespace tau::access
