// Identities: keys, the DIDs they speak for, and what they sign. Requests and answers are JSON (tau/identity.h).
#ifndef TAU_IDENTITY_HPP
#define TAU_IDENTITY_HPP

#include <tau/identity.h>

#include <tau/error.hpp>
#include <tau/vault.hpp>

namespace tau {
inline namespace v0 {

// What is signed.
enum class Statement : tau_statement_kind {
  kProof = TAU_STATEMENT_PROOF,
  kEnvelope = TAU_STATEMENT_ENVELOPE,
  kCard = TAU_STATEMENT_CARD,
  kRoots = TAU_STATEMENT_ROOTS,
};

// A key that signs. There is no way to print it: seed() gives a Secret.
// Thread: any.
class Identity : public detail::Handle<tau_identity, tau_identity_unref> {
 public:
  using Handle::Handle;

  // From a private key of 32 bytes; empty: a new one (tau_identity_new). did: a did:web; empty: the did:key.
  // Errors: kInvalidArgument "invalid_length", "invalid_did", "invalid_did_web", "wrong_did".
  static Result<Identity> make(std::string_view seed = {}, std::string_view did = {}) {
    const void* const data = seed.empty() ? nullptr : seed.data();
    return detail::make<Identity>(tau_identity_new, data, seed.size(), detail::str(did));
  }

  // Another owner of the same identity.
  Identity share() const noexcept { return Identity(tau_identity_ref(c())); }

  // Who it is, as JSON (tau_identity_describe).
  Result<Text> describe() const { return detail::text_of(tau_identity_describe, c()); }

  // The private key, for a vault to keep (tau_identity_seed).
  Result<Secret> seed() const { return detail::make<Secret>(tau_identity_seed, c()); }

  // Signs a statement (tau_identity_sign).
  // Errors: kInvalidArgument "invalid_request", "wrong_audience", "wrong_purpose".
  Result<Text> sign(Statement kind, std::string_view request) const {
    return detail::text_of(tau_identity_sign, c(), static_cast<tau_statement_kind>(kind), detail::str(request));
  }

};

// Judges a card or a list of roots (tau_identity_verify).
// Errors: kUnauthenticated with why; kFailedPrecondition "no_document", "needs_memory".
inline Result<Text> verify_statement(Statement kind, std::string_view statement, std::string_view request = {}) {
  return detail::text_of(tau_identity_verify, static_cast<tau_statement_kind>(kind), detail::str(statement),
                         detail::str(request));
}

// The keys that may speak for a DID (tau_did_resolve). document: of a did:web, as it stands at its address.
// Errors: kInvalidArgument "invalid_did"; kFailedPrecondition "no_document".
inline Result<Text> resolve_did(std::string_view did, std::string_view document = {}) {
  return detail::text_of(tau_did_resolve, detail::str(did), detail::str(document));
}

}  // namespace v0
}  // namespace tau

#endif
