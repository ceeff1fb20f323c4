// DID documents: read strictly, resolved, and asked for keys.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "access/did.h"
#include "access/key.h"
#include "json/json.h"

namespace tau::access {

inline constexpr size_t kMaxDocumentBytes = 64 * 1024;
inline constexpr size_t kMaxMethods = 64;

enum class Relationship : uint8_t {
  kAuthentication,
  kAssertionMethod,
  kKeyAgreement,
  kCapabilityInvocation,
  kCapabilityDelegation
};
inline constexpr size_t kRelationships = 5;

struct VerificationMethod {
  std::string id;  // "did:…#…"
  std::string type;
  std::string controller;
  KeyType key_type = KeyType::kOther;
  PublicKey key = {};  // zeros for kOther
};

struct DidDocument {
  std::string id;
  std::vector<VerificationMethod> methods;
  // By Relationship: indexes of `methods`.
  std::vector<size_t> relationships[kRelationships];

  // The Ed25519 key of that method, which the DID itself controls and that stands in that relationship.
  // UNAUTHENTICATED "unknown_key" or "unsupported_key_type".
  StatusOr<PublicKey> key_for(Relationship relationship, std::string_view key_id) const;
};

// INVALID_ARGUMENT "invalid_did_document" unless the document is that of `did`, names each method once, has
// well-formed keys of the types Multikey, Ed25519VerificationKey2020, X25519KeyAgreementKey2020, JsonWebKey
// and JsonWebKey2020, and refers to no method of its own that it lacks. Methods of other types, of other
// kinds of keys and of other DIDs are kept and never used. "private_key_published" when it has a private key.
StatusOr<DidDocument> parse_did_document(std::string_view text, std::string_view did);

// Gets what stands at an https address; supplied by who has a network. It follows no redirect to another
// origin and gives up after kMaxDocumentBytes.
using Fetch = std::function<StatusOr<std::string>(const std::string& url)>;

struct ResolveOptions {
  Fetch fetch;  // none: did:web cannot be resolved
  WebOptions web;
};

// did:key by itself, did:web with `fetch`. Besides the above: UNIMPLEMENTED for other methods,
// FAILED_PRECONDITION "no_fetch", and whatever fetch() says.
StatusOr<DidDocument> resolve_did(std::string_view did, const ResolveOptions& options);

// What verifiers ask for documents; resolve_did with some options, or a cache before it.
using Resolve = std::function<StatusOr<DidDocument>(const std::string& did)>;

// Resolves did:key and nothing else.
StatusOr<DidDocument> resolve_did_key(const std::string& did);

}  // namespace tau::access
