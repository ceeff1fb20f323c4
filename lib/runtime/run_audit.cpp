#include "runtime/run_audit.h"

#include <algorithm>
#include <mutex>
#include <optional>
#include <utility>

namespace tau::runtime {
namespace {

using observe::Hash;
using observe::Kind;
using observe::Number;
using observe::Record;
using observe::Text;

// A shorter text can be found by trying: no digest of it is written.
constexpr size_t kLeastHashedBytes = 64;

void set_hash(Record& record, Hash field, std::string_view text) {
  if (text.size() >= kLeastHashedBytes) record.set(field, crypto::blake2b(text));
}

void set_labels(Record& record, const Labels& labels) {
  record.set(Text::kIntegrity, labels.integrity());
  if (!labels.readable_by_all()) record.set(Text::kReaders, labels.readers());
}

bool throttles(std::string_view reason) { return reason == "rate_limited" || reason == "overloaded"; }

std::string_view outcome_of(Code code, std::string_view reason) {
  if (code == Code::kOk) return "ok";
  if (code == Code::kCancelled || reason == "cancelled") return "cancelled";
  return throttles(reason) ? "throttled" : "error";
}

}  // namespace

void note_model_request(Audit& audit, const ModelRequestRecord& request) noexcept {
  const size_t slash = request.model.find('/');
  const bool split = slash != std::string_view::npos;
  const Status& status = request.status;
  Record made(Kind::kModelFinished);
  made.set(Text::kPrincipal, request.principal)
      .set(Text::kProvider, split ? request.model.substr(0, slash) : std::string_view())
      .set(Text::kModel, split ? request.model.substr(slash + 1) : request.model)
      .set(Text::kOutcome, outcome_of(status.code(), status.reason()))
      .set(Text::kReason, status.reason())
      .set(Number::kDurationMs, (system_clock().monotonic_ns() - request.began_ns) / kNanosPerMilli)
      .set(Number::kInputTokens, request.input_tokens)
      .set(Number::kOutputTokens, request.output_tokens)
      .set(Number::kCostUsdMicros, request.cost_usd_micros);
  if (request.requests != 1) made.set(Number::kCount_, request.requests);
  if (status.retry_after_ms() > 0) made.set(Number::kRetryAfterMs, status.retry_after_ms());
  audit.note(made);
}

// Told on the thread that writes, asked on the loop.
class RunAudit::Receipt {
 public:
  void settle(const Status& status) {
    Admission later;
    {
      const std::lock_guard lock(mutex_);
      status_ = status;
      later = std::exchange(later_, nullptr);
    }
    if (later) later(status);
  }
  // The outcome, if it is known; else `later` will hear of it.
  std::optional<Status> ask(Admission& later) {
    const std::lock_guard lock(mutex_);
    if (!status_) later_ = std::move(later);
    return status_;
  }

 private:
  std::mutex mutex_;
  std::optional<Status> status_;
  Admission later_;
};

Record RunAudit::record(Kind kind) const {
  return Record(kind)
      .set(Text::kPrincipal, whose_.principal)
      .set(Text::kSession, whose_.session)
      .set(Text::kRun, whose_.run);
}

int64_t RunAudit::since_ms(int64_t began_ns) const {
  return (clock_.monotonic_ns() - began_ns) / kNanosPerMilli;
}

void RunAudit::started(std::string_view action) noexcept {
  began_ns_ = clock_.monotonic_ns();
  audit_.note(record(Kind::kRunStarted)
                  .set(Text::kAction, action)
                  .set(Text::kModel, whose_.model)
                  .set(Number::kPolicyEpoch, whose_.policy_epoch));
}

void RunAudit::ended(Code code, std::string_view reason) noexcept {
  audit_.note(record(Kind::kRunEnded)
                  .set(Text::kOutcome, outcome_of(code, reason))
                  .set(Text::kReason, reason)
                  .set(Number::kDurationMs, since_ms(began_ns_))
                  .set(Number::kInputTokens, input_tokens_)
                  .set(Number::kOutputTokens, output_tokens_)
                  .set(Number::kCostUsdMicros, cost_usd_micros_));
}

Record RunAudit::model_record(const provider::Route& route, const wire::Usage& usage,
                              int64_t cost_usd_micros) {
  input_tokens_ += usage.input;
  output_tokens_ += usage.output;
  cost_usd_micros_ += cost_usd_micros;
  Record made = record(Kind::kModelFinished)
                    .set(Text::kProvider, route.provider)
                    .set(Text::kModel, route.model)
                    .set(Number::kDurationMs, since_ms(model_began_ns_))
                    .set(Number::kInputTokens, usage.input)
                    .set(Number::kOutputTokens, usage.output)
                    .set(Number::kCostUsdMicros, cost_usd_micros);
  model_began_ns_ = clock_.monotonic_ns();
  return made;
}

void RunAudit::model_done(const provider::Route& route, const wire::Usage& usage, int64_t cost_usd_micros,
                          std::string_view call_id) noexcept {
  audit_.note(
      model_record(route, usage, cost_usd_micros).set(Text::kOutcome, "ok").set(Text::kCall, call_id));
}

void RunAudit::model_failed(const provider::Route& route, const Status& why, const wire::Usage& usage,
                            int64_t cost_usd_micros, std::string_view call_id) noexcept {
  Record made = model_record(route, usage, cost_usd_micros).set(Text::kCall, call_id);
  if (why.retry_after_ms() > 0) made.set(Number::kRetryAfterMs, why.retry_after_ms());
  audit_.note(
      made.set(Text::kOutcome, outcome_of(why.code(), why.reason())).set(Text::kReason, why.reason()));
}

void RunAudit::approval_asked(std::string_view call_id, std::string_view tool,
                              std::string_view reason) noexcept {
  audit_.note(record(Kind::kApprovalAsked)
                  .set(Text::kCall, call_id)
                  .set(Text::kTool, tool)
                  .set(Text::kReason, reason)
                  .set(Number::kPolicyEpoch, whose_.policy_epoch));
}

void RunAudit::approval_answered(std::string_view call_id, bool allow, std::string_view reason,
                                 std::string_view refused, std::string_view decider) noexcept {
  audit_.note(record(Kind::kApprovalAnswered)
                  .set(Text::kPrincipal, decider.empty() ? std::string_view(whose_.principal) : decider)
                  .set(Text::kCall, call_id)
                  .set(Text::kDecision, allow ? "allow" : "deny")
                  .set(Text::kOutcome, refused.empty() ? "ok" : "error")
                  .set(Text::kReason, refused.empty() ? reason : refused));
}

RunAudit::OpenCall& RunAudit::open_call(const std::string& id) {
  const auto found = std::ranges::find(calls_, id, &OpenCall::id);
  return found != calls_.end() ? *found : calls_.emplace_back(OpenCall{.id = id});
}

void RunAudit::refused(const tool::Call& call, std::string_view reason) noexcept {
  audit_.note(record(Kind::kToolDecided)
                  .set(Text::kCall, call.id)
                  .set(Text::kTool, call.name)
                  .set(Text::kDecision, tool::decision_name(tool::Decision::kDeny))
                  .set(Text::kReason, reason));
}

void RunAudit::on_decision(const tool::Facts& facts, const tool::Verdict& verdict) {
  const tool::Call& call = facts.call;
  Record made = record(Kind::kToolDecided)
                    .set(Text::kCall, call.id)
                    .set(Text::kTool, call.name)
                    .set(Text::kAction, tool::effect_name(facts.manifest.effect))
                    .set(Text::kDecision, tool::decision_name(verdict.decision))
                    .set(Text::kReason, verdict.reason)
                    .set(Number::kArgumentBytes, static_cast<int64_t>(call.raw_arguments.size()));
  if (verdict.policy_epoch != 0) made.set(Number::kPolicyEpoch, verdict.policy_epoch);
  set_hash(made, Hash::kArguments, call.raw_arguments);
  set_labels(made, call.labels);
  const bool needed = audit_.required() && facts.manifest.effect != tool::Effect::kPure &&
                      verdict.decision != tool::Decision::kDeny;
  if (!needed) return audit_.note(made);
  const auto receipt = std::make_shared<Receipt>();
  open_call(call.id).receipt = receipt;
  const Status queued = audit_.note(made, [receipt](const Status& written) { receipt->settle(written); });
  if (!queued.ok()) receipt->settle(queued);
  if (verdict.decision == tool::Decision::kAllow) audit_.hurry();  // while the store commits what was decided
}

bool RunAudit::admit(const tool::Call& call, const tool::Manifest& manifest, Admission later) {
  OpenCall& open = open_call(call.id);
  open.began_ns = clock_.monotonic_ns();
  if (!audit_.required() || manifest.effect == tool::Effect::kPure) return true;
  if (open.receipt == nullptr) {
    later(failed_precondition("audit_unavailable", "nothing was recorded of this call"));
    return false;
  }
  const auto receipt = open.receipt;
  const std::optional<Status> known = receipt->ask(later);
  if (!known) {
    audit_.hurry();
    return false;
  }
  if (known->ok()) return true;
  later(*known);
  return false;
}

// Its place is what the command asked for: a text of others, like every target.
void RunAudit::on_connection(const tool::Call& call, Connection moment, const net::ProxyRecord& connection) {
  OpenCall& open = open_call(call.id);
  if (open.network == nullptr) open.network = std::make_unique<NetworkAudit>();
  if (moment == Connection::kEnded) return open.network->count(connection);
  const std::string target = connection_target(connection);
  if (!open.network->tell(connection, target)) return;
  const bool refused = connection.decision == net::ProxyRecord::Decision::kRefused;
  const bool made = connection.verdict == "ok";
  audit_.note(
      record(Kind::kNetworkDecided)
          .set(Text::kCall, call.id)
          .set(Text::kTool, call.name)
          .set(Text::kTarget, target)
          .set(Text::kDecision, tool::decision_name(refused ? tool::Decision::kDeny : tool::Decision::kAllow))
          .set(Text::kOutcome, made ? "ok" : "error")
          .set(Text::kReason, made ? std::string_view() : std::string_view(connection.verdict)));
}

void RunAudit::on_result(const tool::Call& call, const tool::Result& result) {
  Record made = record(Kind::kToolFinished)
                    .set(Text::kCall, call.id)
                    .set(Text::kTool, call.name)
                    .set(Text::kOutcome, result.is_error ? outcome_of(Code::kUnknown, result.reason) : "ok")
                    .set(Text::kReason, result.reason)
                    .set(Number::kResultBytes, static_cast<int64_t>(result.content.size()));
  const auto open = std::ranges::find(calls_, call.id, &OpenCall::id);
  if (open != calls_.end() && open->began_ns != 0) made.set(Number::kDurationMs, since_ms(open->began_ns));
  set_hash(made, Hash::kResult, result.content);
  set_labels(made, result.labels);
  if (open != calls_.end() && open->network != nullptr)
    open->network->sum_up(record(Kind::kNetworkEnded).set(Text::kCall, call.id).set(Text::kTool, call.name),
                          [this](const Record& sum) { audit_.note(sum); });
  audit_.note(made);
  if (open != calls_.end()) calls_.erase(open);
}

}  // namespace tau::runtime
