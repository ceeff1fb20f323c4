// Hashes with keys, and keys from keys and from passphrases.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string_view>

#include "base/base.h"

namespace tau::crypto {

using Digest = std::array<uint8_t, 32>;

Digest sha256(std::string_view data);

// HMAC-SHA-256 (RFC 2104). Compare results with constant_time_equal.
Digest hmac_sha256(const Secret& key, std::string_view message);

// HKDF-SHA-256 (RFC 5869). INVALID_ARGUMENT "invalid_length" for more than 255 * 32 bytes, or none.
StatusOr<Secret> hkdf_sha256(const Secret& key, std::string_view salt, std::string_view info, size_t size);

// What Argon2id (RFC 9106, version 1.3, one lane) is to cost.
struct PasswordCost {
  uint32_t memory_kib = 0;
  uint32_t passes = 0;

  bool operator==(const PasswordCost&) const = default;
};

// What is accepted at all: below it a guess is too cheap, above it a file could stop the machine.
inline constexpr PasswordCost kLeastPasswordCost = {19 * 1024, 2};
inline constexpr PasswordCost kMostPasswordCost = {1024 * 1024, 64};
inline constexpr size_t kPasswordSaltBytes = 16;

// INVALID_ARGUMENT "invalid_cost" outside of those bounds, "invalid_length" for a salt of another size;
// RESOURCE_EXHAUSTED "out_of_memory" when the memory cannot be had.
StatusOr<Secret> argon2id(const Secret& passphrase, std::string_view salt, PasswordCost cost, size_t size);

}  // namespace tau::crypto
