// The public face of crypto: the few primitives that libtau uses, whatever library provides them.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "base/base.h"
#include "crypto/aead.h"       // IWYU pragma: export
#include "crypto/kdf.h"        // IWYU pragma: export
#include "crypto/rsa.h"        // IWYU pragma: export
#include "crypto/signature.h"  // IWYU pragma: export

namespace tau::crypto {

// BLAKE2b with a 256-bit output (RFC 7693).
Digest blake2b(std::string_view data);

// BLAKE2b over several pieces; reusable after finish().
class Blake2b {
 public:
  Blake2b();
  void update(std::string_view data);
  Digest finish();

 private:
  alignas(64) unsigned char state_[384];
};

// A 64-bit checksum (XXH3): finds accidents, not attacks. The same on every machine. The checksum of one
// piece as the seed of the next covers both and where one ends.
uint64_t checksum64(std::string_view data, uint64_t seed = 0);

// A keyed 64-bit hash (SipHash-2-4): without the key nobody can tell which text a value stands for, nor make
// two texts share one.
using HashKey = std::array<uint8_t, 16>;
uint64_t keyed_hash64(std::string_view data, const HashKey& key);

// The CRC-32 of zlib, PNG and Ethernet (polynomial 0xedb88320).
// With the checksum of what came before as the seed it covers both.
uint32_t crc32(std::string_view data, uint32_t seed = 0);

std::string hex(const Digest& digest);
std::string hex(std::string_view bytes);
StatusOr<std::string> from_hex(std::string_view text);

// Standard base 64 with padding (RFC 4648 section 4).
std::string base64_encode(std::string_view bytes);
StatusOr<std::string> base64_decode(std::string_view text);  // INVALID_ARGUMENT "invalid_base64"

// The alphabet for URLs, without padding (RFC 4648 section 5, RFC 7515 section 2). One text for each value:
// unused bits must be zero.
std::string base64url_encode(std::string_view bytes);
StatusOr<std::string> base64url_decode(std::string_view text);  // INVALID_ARGUMENT "invalid_base64"

// Base 58 with the alphabet of Bitcoin, without a checksum (draft-msporny-base58). Its cost is quadratic:
// decoding takes at most kMaxBase58Chars. INVALID_ARGUMENT "invalid_base58".
inline constexpr size_t kMaxBase58Chars = 512;
std::string base58_encode(std::string_view bytes);
StatusOr<std::string> base58_decode(std::string_view text);

}  // namespace tau::crypto
