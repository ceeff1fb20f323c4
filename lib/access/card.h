// Agent cards (A2A protocol 1.0, section 8.4): any JSON object, signed by keys of DIDs.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "access/document.h"
#include "access/proof.h"
#include "json/json.h"

namespace tau::access {

inline constexpr size_t kMaxCardBytes = 256 * 1024;
inline constexpr size_t kMaxCardSignatures = 8;

struct CardSignature {
  std::string did;
  std::string key_id;
  int64_t issued_s = 0;
  int64_t expires_s = 0;
};

// The card with one signature more in "signatures": a detached JWS over the canonical form (RFC 8785) of all
// other members; the protected header has "kid", "iat" and "exp". INVALID_ARGUMENT "invalid_card" when the
// card is not an object with a "name", has numbers that not every implementation reads alike, or is full;
// "invalid_validity" unless it expires after it is issued.
StatusOr<json::Value> sign_card(json::Value card, const SigningKey& key, const KeyName& name,
                                int64_t issued_s, int64_t expires_s);

// The first signature that holds: of the DID `did`, or of any when that is empty, with a key that the DID's
// document has for assertions. INVALID_ARGUMENT "invalid_card", "invalid_jws" or "unsupported_algorithm";
// UNAUTHENTICATED "card_unsigned", "wrong_did", "card_not_yet_valid", "card_expired", "unknown_key",
// "unsupported_key_type" or "invalid_signature"; what `resolve` says. Of several failures the last.
StatusOr<CardSignature> verify_card(std::string_view text, std::string_view did, const Resolve& resolve,
                                    int64_t now_ms);

}  // namespace tau::access
