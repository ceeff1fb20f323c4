#include "access/authority.h"

#include <unistd.h>

#include <utility>

#include "access/card.h"
#include "access/identity.h"
#include "access/request.h"

namespace tau::access {
namespace {

constexpr size_t kReplayCapacity = 16384;
constexpr size_t kMaxStateBytes = size_t{32} << 20;
constexpr int64_t kSkewMs = 60'000;
constexpr std::string_view kDamaged = "access_state_damaged";

Status damaged(std::string_view why) { return data_loss(kDamaged, why); }

json::Value object(std::initializer_list<std::pair<const char*, json::Value>> members) {
  json::Value out = json::Value::object();
  for (const auto& [key, value] : members) out.set(key, value);
  return out;
}

}  // namespace

std::string to_json(const Decision& decision) {
  json::Value out =
      object({{"allowed", decision.allowed}, {"reason", decision.reason}, {"explain", explain(decision)}});
  if (!decision.role.empty())
    out.set("role", decision.role)
        .set("action", decision.action)
        .set("resource", decision.resource)
        .set("principal", decision.principal);
  return json::write(out);
}

Authority::Authority(Policy policy, Options options, Clock& clock, Random& random)
    : policy_(std::move(policy)),
      options_(std::move(options)),
      clock_(clock),
      random_(random),
      process_(getpid()),
      replay_(kReplayCapacity) {}

StatusOr<std::shared_ptr<Authority>> Authority::create(Options options, Clock& clock, Random& random) {
  Policy policy;
  if (!options.policy.empty()) { TAU_ASSIGN_OR_RETURN(policy, Policy::parse(options.policy)); }
  std::shared_ptr<Authority> out(new Authority(std::move(policy), std::move(options), clock, random));
  if (!out->options_.audience.empty()) {
    TAU_ASSIGN_OR_RETURN(out->proofs_, ProofVerifier::create({.audience = out->options_.audience}, &random));
  }
  TAU_ASSIGN_OR_RETURN(out->desk_, PairingDesk::create({}, &random));
  TAU_ASSIGN_OR_RETURN(out->approvals_, ApprovalQueue::create({}, &random));
  TAU_RETURN_IF_ERROR(out->open_state());
  return out;
}

Status Authority::open_state() {
  // Without what was accepted before, all that may have been is refused.
  if (options_.state.empty()) {
    replay_.refuse_issued_before(clock_.wall_ms() + kSkewMs + 1);
    return ok_status();
  }
  auto lock = os::FileLock::acquire(options_.state + ".lock", 0);
  if (!lock.ok())
    return lock.status().reason() == "file_locked"
               ? unavailable("state_busy", format("{} is in use by another authority", options_.state))
               : std::move(lock).status();
  lock_.emplace(*std::move(lock));
  if (!os::path_exists(options_.state)) {
    replay_.refuse_issued_before(clock_.wall_ms() + kSkewMs + 1);
    return keep();
  }
  TAU_ASSIGN_OR_RETURN(const Secret text, os::read_secret_file(options_.state, kMaxStateBytes));
  return text.reveal([&](std::string_view bytes) { return load(bytes); });
}

Status Authority::load(std::string_view text) {
  const auto value = json::parse(text);
  if (!value.ok()) return damaged(value.status().message());
  Fields fields(*value, "the state", kDamaged);
  fields.integer("schema_version", 1, 1);
  const std::string replay = fields.bytes("replay", 1, kMaxStateBytes);
  const json::Value& allowlist = fields.object("allowlist");
  const json::Value roots = fields.has("roots") ? fields.object("roots") : json::Value();
  const json::Value& approvals = fields.object("approvals");
  if (const Status read = fields.finish({"allowlist", "approvals", "replay", "roots", "schema_version"});
      !read.ok())
    return damaged(read.message());
  TAU_RETURN_IF_ERROR(replay_.restore(replay));
  TAU_RETURN_IF_ERROR(approvals_->restore(json::write(approvals)));
  auto entries = Allowlist::parse(json::write(allowlist));
  if (!entries.ok()) return damaged(entries.status().message());
  allowlist_ = *std::move(entries);
  if (roots.is_null()) return ok_status();
  auto list = TrustRoots::open(json::write(roots), 0);
  if (!list.ok()) return damaged(list.status().message());
  roots_ = std::make_shared<const TrustRoots>(*std::move(list));
  return ok_status();
}

std::string Authority::save() const {
  json::Value out = object({{"schema_version", 1},
                            {"replay", crypto::base64url_encode(replay_.serialize())},
                            {"allowlist", *json::parse(allowlist_.to_json())},
                            {"approvals", *json::parse(approvals_->serialize())}});
  if (roots_ != nullptr) out.set("roots", *json::parse(roots_->text()));
  return json::write(out);
}

Status Authority::keep() const {
  return options_.state.empty() ? ok_status() : os::write_private_file(options_.state, save());
}

StatusOr<std::string> Authority::check(std::string_view principal, std::string_view action,
                                       std::string_view resource) const {
  const Decision decision = policy_.check(principal, action, resource);
  std::string answer = to_json(decision);
  if (decision.allowed) return answer;
  return Status(ErrorInfo{.code = Code::kPermissionDenied,
                          .reason = "access_denied",
                          .message = explain(decision),
                          .details_json = std::move(answer)});
}

// Nobody is on the list, or off it, who is not in the file.
template <class Edit>
Status Authority::change_allowlist(Edit&& edit) {
  const std::lock_guard lock(mutex_);
  Allowlist before = allowlist_;
  Status status = edit(allowlist_);
  if (status.ok()) status = keep();
  if (!status.ok()) allowlist_ = std::move(before);
  return status;
}

StatusOr<std::string> Authority::perform(std::string_view text) {
  if (getpid() != process_)
    return failed_precondition("forked", "this authority belongs to the parent process; open one after fork");
  TAU_ASSIGN_OR_RETURN(const json::Value op, parse_request(text));
  const std::string_view name = op["op"].as_string();
  if (name == "challenge") return challenge(op);
  if (name == "verify") return verify(op);
  if (name == "roots") return set_roots(op);
  if (name == "pair") return pair(op);
  if (name == "redeem") return redeem(op);
  if (name == "allow") return set_entry(op, true);
  if (name == "remove") return set_entry(op, false);
  if (name == "admit") return admit(op);
  if (name == "ask") return ask(op);
  if (name == "decide") return decide(op);
  if (name == "use") return use(op);
  if (name == "approvals") return list_approvals(op);
  return invalid_argument(
      "invalid_request",
      "the request has no \"op\" of challenge, verify, roots, pair, redeem, allow, remove, "
      "admit, ask, decide, use, approvals");
}

StatusOr<std::string> Authority::challenge(const json::Value& op) {
  Request fields(op);
  const std::string purpose = fields.text("purpose", kMaxNameBytes);
  const int64_t now = fields.time_or("now_ms", clock_.wall_ms());
  TAU_RETURN_IF_ERROR(fields.finish({"now_ms", "op", "purpose"}));
  if (proofs_ == nullptr) return failed_precondition("no_audience", "who asks has no name: set an audience");
  TAU_ASSIGN_OR_RETURN(const Challenge made, proofs_->challenge(purpose, now));
  return to_json(made);
}

StatusOr<std::string> Authority::verify(const json::Value& op) {
  const std::string_view kind = op["kind"].as_string();
  if (kind == "proof") return verify_proof(op);
  if (kind == "envelope") return verify_envelope(op);
  if (kind != "card")
    return invalid_argument("invalid_request", "the request has no \"kind\" of proof, envelope, card");
  Request fields(op);
  const std::string card = fields.document("card");
  TAU_RETURN_IF_ERROR(fields.finish({"card", "did", "documents", "kind", "now_ms", "op"}));
  json::Value rest = json::Value::object();
  for (const char* key : {"did", "documents", "now_ms"})
    if (op.contains(key)) rest.set(key, op[key]);
  return verify_statement(StatementKind::kCard, card, json::write(rest), clock_.wall_ms());
}

// Its challenge is known to this authority alone, which is why it needs no place in the file.
StatusOr<std::string> Authority::verify_proof(const json::Value& op) {
  Request fields(op);
  const std::string proof = fields.text("proof", kMaxRequestDocumentBytes);
  const std::string purpose = fields.text("purpose", kMaxNameBytes);
  const std::string did = fields.text_or("did", {}, kMaxDidBytes);
  const json::Value& documents = fields.object_or_none("documents");
  const int64_t now = fields.time_or("now_ms", clock_.wall_ms());
  TAU_RETURN_IF_ERROR(fields.finish({"did", "documents", "kind", "now_ms", "op", "proof", "purpose"}));
  if (proofs_ == nullptr) return failed_precondition("no_audience", "who asks has no name: set an audience");
  TAU_ASSIGN_OR_RETURN(const Proof found, proofs_->verify(proof, purpose, did, resolve_from(documents), now));
  return json::write(object({{"did", found.did}, {"key_id", found.key_id}}));
}

StatusOr<std::string> Authority::verify_envelope(const json::Value& op) {
  Request fields(op);
  const std::string text = fields.document("envelope");
  const json::Value& documents = fields.object_or_none("documents");
  const int64_t now = fields.time_or("now_ms", clock_.wall_ms());
  fields.require(op["payload"].is_string(), "has no \"payload\" that is a string");
  TAU_RETURN_IF_ERROR(fields.finish({"documents", "envelope", "kind", "now_ms", "op", "payload"}));
  if (options_.audience.empty())
    return failed_precondition("no_audience", "envelopes are for somebody: set an audience");
  const std::lock_guard lock(mutex_);
  const KeyLookup of_dids = keys_of_dids(resolve_from(documents));
  const KeyLookup lookup = [&](const std::string& issuer, const std::string& key_id,
                               int64_t at_ms) -> StatusOr<PublicKey> {
    if (issuer.starts_with("did:")) return of_dids(issuer, key_id, at_ms);
    if (roots_ == nullptr) return refuse("untrusted_key", "there are no trust roots that know the issuer");
    return roots_->key_for(issuer, key_id, at_ms);
  };
  TAU_ASSIGN_OR_RETURN(
      const Envelope found,
      open_envelope(text, op["payload"].as_string(), {.audience = options_.audience, .skew_ms = kSkewMs},
                    lookup, replay_, now));
  TAU_RETURN_IF_ERROR(keep());
  return json::write(object({{"expires_ms", found.expires_ms},
                             {"id", found.id},
                             {"issued_ms", found.issued_ms},
                             {"issuer", found.issuer},
                             {"key_id", found.key_id}}));
}

StatusOr<std::string> Authority::set_roots(const json::Value& op) {
  Request fields(op);
  const std::string list = fields.document("list");
  const std::string digest = fields.text_or("digest", {}, 2 * sizeof(crypto::Digest));
  const int64_t now = fields.time_or("now_ms", clock_.wall_ms());
  TAU_RETURN_IF_ERROR(fields.finish({"digest", "list", "now_ms", "op"}));
  const std::lock_guard lock(mutex_);
  TAU_ASSIGN_OR_RETURN(TrustRoots next, accept_roots(list, roots_.get(), digest, now));
  auto before = std::exchange(roots_, std::make_shared<const TrustRoots>(std::move(next)));
  if (const Status kept = keep(); !kept.ok()) {
    roots_ = std::move(before);
    return kept;
  }
  return json::write(object({{"digest", crypto::hex(roots_->digest())},
                             {"expires_ms", roots_->expires_ms()},
                             {"version", roots_->version()}}));
}

StatusOr<std::string> Authority::pair(const json::Value& op) {
  Request fields(op);
  const std::string channel = fields.text("channel", Allowlist::kMaxNameBytes);
  const std::string actor = fields.text("actor", Allowlist::kMaxNameBytes);
  const int64_t now = fields.time_or("now_ms", clock_.wall_ms());
  TAU_RETURN_IF_ERROR(fields.finish({"actor", "channel", "now_ms", "op"}));
  TAU_ASSIGN_OR_RETURN(const std::string code, desk_->issue(channel, actor, now));
  return json::write(object({{"code", code}}));
}

StatusOr<std::string> Authority::redeem(const json::Value& op) {
  Request fields(op);
  const std::string channel = fields.text("channel", Allowlist::kMaxNameBytes);
  const std::string actor = fields.text("actor", Allowlist::kMaxNameBytes);
  const std::string code = fields.text("code", 64);
  const int64_t until = fields.time_or("until_ms", 0);
  const int64_t now = fields.time_or("now_ms", clock_.wall_ms());
  TAU_RETURN_IF_ERROR(fields.finish({"actor", "channel", "code", "now_ms", "op", "until_ms"}));
  if (until != 0 && until <= now)
    return invalid_argument("invalid_expiry", "an entry ends in the future, or not at all (0)");
  TAU_RETURN_IF_ERROR(desk_->redeem(channel, actor, code, now));
  TAU_RETURN_IF_ERROR(
      change_allowlist([&](Allowlist& list) { return list.add(channel, actor, until, now); }));
  return json::write(object({{"allowed", true}}));
}

StatusOr<std::string> Authority::set_entry(const json::Value& op, bool add) {
  Request fields(op);
  const std::string channel = fields.text("channel", Allowlist::kMaxNameBytes);
  const std::string actor = fields.text("actor", Allowlist::kMaxNameBytes);
  const int64_t until = add ? fields.time_or("until_ms", 0) : 0;
  const int64_t now = fields.time_or("now_ms", clock_.wall_ms());
  TAU_RETURN_IF_ERROR(add ? fields.finish({"actor", "channel", "now_ms", "op", "until_ms"})
                          : fields.finish({"actor", "channel", "now_ms", "op"}));
  if (add) {
    TAU_RETURN_IF_ERROR(
        change_allowlist([&](Allowlist& list) { return list.add(channel, actor, until, now); }));
    return json::write(object({{"allowed", true}}));
  }
  bool was_there = desk_->cancel(channel, actor);
  TAU_RETURN_IF_ERROR(change_allowlist([&](Allowlist& list) {
    was_there = list.remove(channel, actor) || was_there;
    return ok_status();
  }));
  return json::write(object({{"removed", was_there}}));
}

StatusOr<std::string> Authority::admit(const json::Value& op) {
  Request fields(op);
  Caller caller;
  caller.channel = fields.text("channel", Allowlist::kMaxNameBytes);
  caller.actor = fields.text("actor", Allowlist::kMaxNameBytes);
  caller.proven_did = fields.text_or("proven_did", {}, kMaxDidBytes);
  const int64_t now = fields.time_or("now_ms", clock_.wall_ms());
  TAU_RETURN_IF_ERROR(fields.finish({"actor", "channel", "now_ms", "op", "proven_did"}));
  const std::lock_guard lock(mutex_);
  const Admission found = allowlist_.check(caller, now);
  return json::write(object({{"allowed", found.allowed}, {"reason", found.reason}}));
}

}  // namespace tau::access
