// RSA signatures with SHA-256 (RFC 8017, PKCS #1 v1.5; "RS256" of RFC 7518), by the system's libcrypto: the
// library has no RSA of its own. Decision 0020.
#pragma once

#include <string>
#include <string_view>

#include "base/base.h"

namespace tau::crypto {

inline constexpr int kMinRsaBits = 2048;
inline constexpr int kMaxRsaBits = 8192;

// `pem`: a private key in PKCS #8 or PKCS #1, without a passphrase. UNIMPLEMENTED "rsa_unavailable" where
// there is no libcrypto.so.3; INVALID_ARGUMENT "invalid_rsa_key" for text that is no such key and for a key
// of another kind or size. Any thread.
StatusOr<std::string> rsa_sign_sha256(const Secret& pem, std::string_view message);

}  // namespace tau::crypto
