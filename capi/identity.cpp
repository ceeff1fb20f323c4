#include "tau/identity.h"

#include "access/access.h"
#include "handles.h"

using namespace tau::capi;
using tau::Secret;
using tau::Status;
using tau::StatusOr;
using tau::access::Identity;
using tau::access::StatementKind;

struct tau_identity : Handle<Identity> {};

namespace {

StatusOr<StatementKind> statement(tau_statement_kind kind) {
  switch (kind) {
    case TAU_STATEMENT_PROOF: return StatementKind::kProof;
    case TAU_STATEMENT_ENVELOPE: return StatementKind::kEnvelope;
    case TAU_STATEMENT_CARD: return StatementKind::kCard;
    case TAU_STATEMENT_ROOTS: return StatementKind::kRoots;
    default: return Status(tau::Code::kUnimplemented, "unknown_kind", "unknown kind of statement");
  }
}

StatusOr<Secret> seed_of(const void* seed, size_t seed_len) {
  if (seed == nullptr && seed_len != 0)
    return tau::invalid_argument("null_argument", "seed has a length but no data");
  if (seed == nullptr)
    return tau::access::random_secret(&tau::system_random(), tau::crypto::kEd25519SeedBytes);
  return Secret({static_cast<const char*>(seed), seed_len});
}

}  // namespace

tau_status tau_identity_new(const void* seed, size_t seed_len, tau_str did, tau_identity** out,
                            tau_error** err) {
  if (out != nullptr) *out = nullptr;
  return guard(err, [&]() -> Status {
    if (out == nullptr) return null_argument("out");
    TAU_ASSIGN_OR_RETURN(const std::string_view name, text(did, "did"));
    TAU_ASSIGN_OR_RETURN(Secret key, seed_of(seed, seed_len));
    TAU_ASSIGN_OR_RETURN(Identity made, Identity::make(std::move(key), name));
    return hand_out(StatusOr(std::make_shared<Identity>(std::move(made))), out);
  });
}

tau_identity* tau_identity_ref(tau_identity* identity) { return ref(identity); }
void tau_identity_unref(tau_identity* identity) { unref(identity); }

tau_status tau_identity_describe(tau_identity* identity, tau_buf* out, tau_error** err) {
  return give_json(identity, "identity", out, err,
                   [&]() -> StatusOr<std::string> { return identity->object->describe(); });
}

tau_status tau_identity_seed(tau_identity* identity, tau_secret** out, tau_error** err) {
  if (out != nullptr) *out = nullptr;
  return guard(err, [&]() -> Status {
    if (identity == nullptr) return null_argument("identity");
    if (out == nullptr) return null_argument("out");
    TAU_ASSIGN_OR_RETURN(Secret seed, identity->object->seed());
    *out = new tau_secret{std::move(seed)};
    return tau::ok_status();
  });
}

tau_status tau_identity_sign(tau_identity* identity, tau_statement_kind kind, tau_str request, tau_buf* out,
                             tau_error** err) {
  return give_json(identity, "identity", out, err, [&]() -> StatusOr<std::string> {
    TAU_ASSIGN_OR_RETURN(const StatementKind what, statement(kind));
    TAU_ASSIGN_OR_RETURN(const std::string_view asked, text(request, "request"));
    return identity->object->sign(what, asked, tau::system_random(), tau::system_clock().wall_ms());
  });
}

tau_status tau_identity_verify(tau_statement_kind kind, tau_str given, tau_str request, tau_buf* out,
                               tau_error** err) {
  return give_text(out, err, [&]() -> StatusOr<std::string> {
    TAU_ASSIGN_OR_RETURN(const StatementKind what, statement(kind));
    TAU_ASSIGN_OR_RETURN(const std::string_view statement_text, text(given, "statement"));
    TAU_ASSIGN_OR_RETURN(const std::string_view wanted, text(request, "request"));
    return tau::access::verify_statement(what, statement_text, wanted, tau::system_clock().wall_ms());
  });
}

tau_status tau_did_resolve(tau_str did, tau_str document, tau_buf* out, tau_error** err) {
  return give_text(out, err, [&]() -> StatusOr<std::string> {
    TAU_ASSIGN_OR_RETURN(const std::string_view name, text(did, "did"));
    TAU_ASSIGN_OR_RETURN(const std::string_view given, text(document, "document"));
    return tau::access::describe_did(name, given);
  });
}
