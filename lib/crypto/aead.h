// Authenticated encryption with associated data.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

#include "base/base.h"

namespace tau::crypto {

inline constexpr size_t kAeadKeyBytes = 32;
inline constexpr size_t kAeadNonceBytes = 12;
inline constexpr size_t kAeadTagBytes = 16;

// ChaCha20-Poly1305 (RFC 8439): ciphertext, then the tag. A nonce serves a key once. INVALID_ARGUMENT
// "invalid_length" for a key or nonce of another size.
StatusOr<std::string> chacha20_poly1305_seal(const Secret& key, std::string_view nonce, std::string_view aad,
                                             const Secret& plaintext);
// DATA_LOSS "not_authentic" when anything is not what was sealed.
StatusOr<Secret> chacha20_poly1305_open(const Secret& key, std::string_view nonce, std::string_view aad,
                                        std::string_view sealed);

// AES-GCM (NIST SP 800-38D) with a key of 16, 24 or 32 bytes, any nonce but an empty one, and a tag of 16
// bytes. Only to read what others wrote: nothing is sealed with it. Slow, the same on every processor, and no
// memory access depends on the key. docs/decisions/0013-one-crypto-library.md
StatusOr<Secret> aes_gcm_open(const Secret& key, std::string_view nonce, std::string_view aad,
                              std::string_view sealed);

}  // namespace tau::crypto
