// An identity that acts: a key and the DID it speaks for, and the statements it signs. Requests and answers
// are JSON; docs/identity.md has their members.
#pragma once

#include <sys/types.h>
#include <unistd.h>

#include <cstdint>
#include <string>
#include <string_view>

#include "access/document.h"
#include "access/key.h"
#include "access/roots.h"
#include "json/json.h"

namespace tau::access {

enum class StatementKind : uint8_t { kProof, kEnvelope, kCard, kRoots };

// Immutable: any thread, if Random is.
class Identity {
 public:
  // `seed`: 32 bytes. `did`: empty for the did:key of the key; else a did:web, with "#" and the name of the
  // key in its document where that is not the multikey. INVALID_ARGUMENT "invalid_length", "invalid_did",
  // "invalid_did_web", "wrong_did" for the did:key of another key; UNIMPLEMENTED for another method.
  static StatusOr<Identity> make(Secret seed, std::string_view did);

  const std::string& did() const { return did_; }
  const std::string& key_id() const { return key_id_; }
  StatusOr<Secret> seed() const;  // FAILED_PRECONDITION "forked"
  // {"did","key_id","multikey","document"}, and of a did:web "url": where the document has to stand.
  std::string describe() const;

  // The statement as text. FAILED_PRECONDITION "forked". A request that lacks something or has an unknown
  // member is INVALID_ARGUMENT "invalid_request"; else as prove(), seal_envelope(), sign_card() and
  // sign_trust_roots().
  StatusOr<std::string> sign(StatementKind kind, std::string_view request, Random& random,
                             int64_t now_ms) const;

 private:
  Identity(SigningKey key, std::string did, std::string key_id)
      : process_(getpid()), key_(std::move(key)), did_(std::move(did)), key_id_(std::move(key_id)) {}
  Status check() const;
  StatusOr<std::string> sign_proof(const json::Value& request) const;
  StatusOr<std::string> seal(const json::Value& request, Random& random, int64_t now_ms) const;
  StatusOr<std::string> sign_agent_card(const json::Value& request, int64_t now_ms) const;

  pid_t process_;  // a forked child has no key
  SigningKey key_;
  std::string did_, key_id_;
};

// What a DID says of itself: {"did","document","keys":[{"id","multikey","relationships"}]}, of a did:web with
// its "url". `document`: of a did:web, as it stands there; FAILED_PRECONDITION "no_document" without one,
// with
// {"url"} as details. Else as resolve_did() and parse_did_document().
StatusOr<std::string> describe_did(std::string_view did, std::string_view document,
                                   const WebOptions& web = {});

// Resolves did:key by itself and others from {"did:web:…": document}; FAILED_PRECONDITION "no_document".
// `documents` outlives the function.
Resolve resolve_from(const json::Value& documents);

// The list of roots that follows `before`, or, when that is null, the first one, which is known by its digest
// in hexadecimal digits: UNAUTHENTICATED "unknown_roots". Else as TrustRoots::open() and rotate().
StatusOr<TrustRoots> accept_roots(std::string_view list, const TrustRoots* before, std::string_view digest,
                                  int64_t now_ms);

// Judges a statement that holds whenever it is seen: cards and trust roots. What a request may have:
// docs/identity.md. FAILED_PRECONDITION "needs_memory" for proofs and envelopes, which are accepted once.
StatusOr<std::string> verify_statement(StatementKind kind, std::string_view text, std::string_view request,
                                       int64_t now_ms);

}  // namespace tau::access
