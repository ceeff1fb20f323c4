// Keys that sign, and their public halves as text (multibase over multicodec, "z6Mk…").
#pragma once

#include <string>
#include <string_view>

#include "base/base.h"
#include "crypto/crypto.h"

namespace tau::access {

using crypto::PublicKey;

template <class Bytes>
std::string_view bytes_of(const Bytes& array) {
  return {reinterpret_cast<const char*>(array.data()), array.size()};
}

// What is written for a key: 'z', then base 58 of the codec and the key. The codec is a varint.
enum class KeyType : uint8_t {
  kEd25519,  // 0xed
  kX25519,   // 0xec
  kOther     // a key that the registry of multicodec knows, and libtau does not use
};

struct Multikey {
  KeyType type = KeyType::kOther;
  PublicKey key = {};  // zeros for kOther
};

std::string encode_multikey(KeyType type, const PublicKey& key);  // kEd25519 or kX25519
// INVALID_ARGUMENT "invalid_multikey": not that form, another length than the type has, or an Ed25519 key
// that nobody can have made. Kinds of keys that libtau does not know at all are refused too.
StatusOr<Multikey> decode_multikey(std::string_view text);
// An Ed25519 key, or INVALID_ARGUMENT "invalid_multikey" or "unsupported_key_type".
StatusOr<PublicKey> decode_ed25519(std::string_view multikey);

// Fresh bytes that nobody knows. FAILED_PRECONDITION "no_random" without a source of randomness, or with one
// that gives one byte only: there is no default.
StatusOr<Secret> random_secret(Random* random, size_t size);

// An Ed25519 key pair. The private half stays in a Secret; it cannot be formatted. Immutable: any thread.
class SigningKey {
 public:
  static StatusOr<SigningKey> generate(Random* random);  // as random_secret()
  // INVALID_ARGUMENT "invalid_length" unless the seed (RFC 8032: the private key) has 32 bytes.
  static StatusOr<SigningKey> from_seed(Secret seed);

  const PublicKey& public_key() const { return public_key_; }
  std::string multikey() const { return encode_multikey(KeyType::kEd25519, public_key_); }
  std::string did() const { return "did:key:" + multikey(); }
  // The name of this key in the DID document of did().
  std::string key_id() const { return did() + "#" + multikey(); }
  // The 64 bytes of the signature.
  std::string sign(std::string_view message) const;
  // For a vault to keep.
  Secret seed() const { return seed_.clone(); }

 private:
  SigningKey(Secret seed, const PublicKey& key) : seed_(std::move(seed)), public_key_(key) {}
  Secret seed_;
  PublicKey public_key_;
};

}  // namespace tau::access
