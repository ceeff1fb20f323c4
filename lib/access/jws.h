// JSON Web Signatures (RFC 7515) with Ed25519 (RFC 8037), compact.
#pragma once

#include <string>
#include <string_view>

#include "access/key.h"
#include "json/json.h"

namespace tau::access {

inline constexpr size_t kMaxJwsBytes = 64 * 1024;

struct Jws {
  json::Value header;
  std::string payload;
  std::string signing_input;
  std::string signature;  // 64 bytes

  bool verified_by(const PublicKey& key) const {
    return crypto::ed25519_verify(key, signing_input, signature);
  }
};

// The header with "alg": "EdDSA", in canonical form.
std::string sign_jws(const SigningKey& key, const json::Value& header, std::string_view payload);

// INVALID_ARGUMENT "invalid_jws", or "unsupported_algorithm" when "alg" is neither "EdDSA" nor "Ed25519"
// (RFC 9864). A header with "crit" or "b64" is refused: no extension is understood. Keys and addresses in the
// header are never used. The signature is not checked.
StatusOr<Jws> parse_jws(std::string_view compact);

// Likewise from its parts in base64url, the payload as it is.
StatusOr<Jws> parse_jws_parts(std::string_view header, std::string payload, std::string_view signature);

}  // namespace tau::access
