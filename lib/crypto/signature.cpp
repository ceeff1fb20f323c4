#include "crypto/signature.h"

#include <sodium.h>

#include "crypto/sodium_init.h"

namespace tau::crypto {
namespace {

const unsigned char* as_bytes(std::string_view text) {
  return reinterpret_cast<const unsigned char*>(text.data());
}

Status check_seed(const Secret& seed) {
  if (seed.size() == kEd25519SeedBytes) return ok_status();
  return invalid_argument("invalid_length",
                          format("an Ed25519 seed has {} bytes, not {}", kEd25519SeedBytes, seed.size()));
}

// What libsodium calls the secret key: the seed, then the public key.
Secret expand(const Secret& seed, PublicKey& key) {
  init_sodium();
  return Secret::generate(crypto_sign_SECRETKEYBYTES, [&](std::span<char> to) {
    seed.reveal([&](std::string_view bytes) {
      crypto_sign_seed_keypair(key.data(), reinterpret_cast<unsigned char*>(to.data()), as_bytes(bytes));
    });
  });
}

}  // namespace

StatusOr<PublicKey> ed25519_public_key(const Secret& seed) {
  TAU_RETURN_IF_ERROR(check_seed(seed));
  PublicKey key;
  (void)expand(seed, key);
  return key;
}

StatusOr<Signature> ed25519_sign(const Secret& seed, std::string_view message) {
  TAU_RETURN_IF_ERROR(check_seed(seed));
  PublicKey key;
  const Secret expanded = expand(seed, key);
  Signature out;
  expanded.reveal([&](std::string_view bytes) {
    crypto_sign_detached(out.data(), nullptr, as_bytes(message), message.size(), as_bytes(bytes));
  });
  return out;
}

bool ed25519_verify(const PublicKey& key, std::string_view message, std::string_view signature) {
  if (signature.size() != sizeof(Signature)) return false;
  init_sodium();
  return crypto_sign_verify_detached(as_bytes(signature), as_bytes(message), message.size(), key.data()) == 0;
}

bool is_ed25519_key(const PublicKey& key) {
  init_sodium();
  return crypto_core_ed25519_is_valid_point(key.data()) == 1;
}

StatusOr<PublicKey> x25519_from_ed25519(const PublicKey& key) {
  PublicKey out;
  if (!is_ed25519_key(key) || crypto_sign_ed25519_pk_to_curve25519(out.data(), key.data()) != 0)
    return invalid_argument("invalid_key", "not an Ed25519 public key");
  return out;
}

}  // namespace tau::crypto
