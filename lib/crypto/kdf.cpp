#include "crypto/kdf.h"

#include <sodium.h>

#include <algorithm>
#include <cstring>

#include "crypto/sodium_init.h"

namespace tau::crypto {
namespace {

const unsigned char* as_bytes(std::string_view text) {
  return reinterpret_cast<const unsigned char*>(text.data());
}

// An HMAC over pieces whose state, which is as good as the key, is wiped.
class Hmac {
 public:
  explicit Hmac(std::string_view key) {
    init_sodium();
    crypto_auth_hmacsha256_init(&state_, as_bytes(key), key.size());
  }
  ~Hmac() { sodium_memzero(&state_, sizeof state_); }
  Hmac(const Hmac&) = delete;
  Hmac& operator=(const Hmac&) = delete;
  Hmac& add(std::string_view piece) {
    crypto_auth_hmacsha256_update(&state_, as_bytes(piece), piece.size());
    return *this;
  }
  void finish(Digest& out) { crypto_auth_hmacsha256_final(&state_, out.data()); }

 private:
  crypto_auth_hmacsha256_state state_;
};

std::string_view text_of(const Digest& digest) {
  return {reinterpret_cast<const char*>(digest.data()), digest.size()};
}

}  // namespace

Digest sha256(std::string_view data) {
  init_sodium();
  Digest out;
  crypto_hash_sha256(out.data(), as_bytes(data), data.size());
  return out;
}

Digest hmac_sha256(const Secret& key, std::string_view message) {
  Digest out;
  key.reveal([&](std::string_view bytes) { Hmac(bytes).add(message).finish(out); });
  return out;
}

StatusOr<Secret> hkdf_sha256(const Secret& key, std::string_view salt, std::string_view info, size_t size) {
  constexpr size_t kMost = 255 * sizeof(Digest);
  if (size == 0 || size > kMost)
    return invalid_argument("invalid_length", format("HKDF gives 1 to {} bytes, not {}", kMost, size));
  // Section 2.2: no salt is a salt of zeros, which HMAC's padding makes of an empty one.
  Digest prk, block;
  key.reveal([&](std::string_view bytes) { Hmac(salt).add(bytes).finish(prk); });
  Secret out = Secret::generate(size, [&](std::span<char> to) {
    std::string_view previous;
    for (size_t at = 0; at < to.size(); at += sizeof(Digest)) {
      const char counter = static_cast<char>(at / sizeof(Digest) + 1);
      Hmac(text_of(prk)).add(previous).add(info).add({&counter, 1}).finish(block);
      previous = text_of(block);
      std::memcpy(to.data() + at, block.data(), std::min(sizeof(Digest), to.size() - at));
    }
  });
  secure_wipe(prk.data(), prk.size());
  secure_wipe(block.data(), block.size());
  return out;
}

StatusOr<Secret> argon2id(const Secret& passphrase, std::string_view salt, PasswordCost cost, size_t size) {
  if (salt.size() != kPasswordSaltBytes || size < 16)
    return invalid_argument("invalid_length", "Argon2id takes a salt of 16 bytes and gives at least 16");
  if (cost.memory_kib < kLeastPasswordCost.memory_kib || cost.memory_kib > kMostPasswordCost.memory_kib ||
      cost.passes < kLeastPasswordCost.passes || cost.passes > kMostPasswordCost.passes)
    return invalid_argument(
        "invalid_cost",
        format("Argon2id with {} KiB and {} passes is outside of what is accepted: {} to {} KiB, {} to {} "
               "passes",
               cost.memory_kib, cost.passes, kLeastPasswordCost.memory_kib, kMostPasswordCost.memory_kib,
               kLeastPasswordCost.passes, kMostPasswordCost.passes));
  init_sodium();
  int rc = -1;
  Secret out = Secret::generate(size, [&](std::span<char> to) {
    passphrase.reveal([&](std::string_view text) {
      rc = crypto_pwhash(reinterpret_cast<unsigned char*>(to.data()), to.size(), text.data(), text.size(),
                         as_bytes(salt), cost.passes, size_t{cost.memory_kib} * 1024,
                         crypto_pwhash_ALG_ARGON2ID13);
    });
  });
  if (rc != 0)
    return resource_exhausted("out_of_memory", format("Argon2id needs {} KiB of memory", cost.memory_kib));
  return out;
}

}  // namespace tau::crypto
