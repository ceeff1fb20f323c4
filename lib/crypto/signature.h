// Signatures: Ed25519 (RFC 8032), and the X25519 key that belongs to one of its keys.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string_view>

#include "base/base.h"

namespace tau::crypto {

inline constexpr size_t kEd25519SeedBytes = 32;
using PublicKey = std::array<uint8_t, 32>;
using Signature = std::array<uint8_t, 64>;

// The private key of RFC 8032 is the seed. INVALID_ARGUMENT "invalid_length" for one of another size.
StatusOr<PublicKey> ed25519_public_key(const Secret& seed);
StatusOr<Signature> ed25519_sign(const Secret& seed, std::string_view message);

// Strict: false for a signature of another size, an S that is not reduced, a key or an R of small order, a
// key that is not in its one encoding. What one verifies all do (no cofactor).
bool ed25519_verify(const PublicKey& key, std::string_view message, std::string_view signature);

// A point in its one encoding, on the curve, of the prime order: what RFC 8032 can have made.
bool is_ed25519_key(const PublicKey& key);

// The same point for key agreement (RFC 7748). INVALID_ARGUMENT "invalid_key" unless is_ed25519_key().
StatusOr<PublicKey> x25519_from_ed25519(const PublicKey& key);

}  // namespace tau::crypto
