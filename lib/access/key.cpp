#include "access/key.h"

#include <algorithm>
#include <array>
#include <utility>

namespace tau::access {
namespace {

struct Codec {
  std::string_view prefix;  // the varint
  KeyType type;
  size_t least_bytes, most_bytes;  // of the key
};

// https://github.com/multiformats/multicodec, table.csv, tag "key".
constexpr std::array<Codec, 9> kCodecs = {{
    {"\xed\x01", KeyType::kEd25519, 32, 32},
    {"\xec\x01", KeyType::kX25519, 32, 32},
    {"\xe7\x01", KeyType::kOther, 33, 33},    // secp256k1
    {"\xeb\x01", KeyType::kOther, 96, 96},    // BLS12-381 G2
    {"\xea\x01", KeyType::kOther, 48, 48},    // BLS12-381 G1
    {"\x80\x24", KeyType::kOther, 33, 33},    // P-256
    {"\x81\x24", KeyType::kOther, 49, 49},    // P-384
    {"\x82\x24", KeyType::kOther, 67, 67},    // P-521
    {"\x85\x24", KeyType::kOther, 140, 320},  // RSA
}};

Status invalid(std::string_view complaint) {
  return invalid_argument("invalid_multikey", format("the key {}", complaint));
}

}  // namespace

std::string encode_multikey(KeyType type, const PublicKey& key) {
  std::string bytes(kCodecs[type == KeyType::kX25519 ? 1 : 0].prefix);
  bytes.append(bytes_of(key));
  return "z" + crypto::base58_encode(bytes);
}

StatusOr<Multikey> decode_multikey(std::string_view text) {
  if (!text.starts_with('z')) return invalid("is not in base 58 (multibase \"z\")");
  auto decoded = crypto::base58_decode(text.substr(1));
  if (!decoded.ok()) return invalid(decoded.status().message());
  const std::string_view bytes = *decoded;
  const auto codec = std::find_if(kCodecs.begin(), kCodecs.end(),
                                  [&](const Codec& known) { return bytes.starts_with(known.prefix); });
  if (codec == kCodecs.end()) return invalid("is of no kind that is known (multicodec)");
  const std::string_view raw = bytes.substr(codec->prefix.size());
  if (raw.size() < codec->least_bytes || raw.size() > codec->most_bytes)
    return invalid(format("has {} bytes, which is not the length of its kind", raw.size()));
  Multikey out{codec->type, {}};
  if (codec->type == KeyType::kOther) return out;
  std::copy(raw.begin(), raw.end(), out.key.begin());
  if (out.type == KeyType::kEd25519 && !crypto::is_ed25519_key(out.key))
    return invalid("is no point that Ed25519 makes");
  return out;
}

StatusOr<PublicKey> decode_ed25519(std::string_view multikey) {
  TAU_ASSIGN_OR_RETURN(const Multikey decoded, decode_multikey(multikey));
  if (decoded.type == KeyType::kEd25519) return decoded.key;
  return invalid_argument("unsupported_key_type", "expected an Ed25519 key (\"z6Mk…\")");
}

StatusOr<Secret> random_secret(Random* random, size_t size) {
  bool is_random = false;
  Secret out = Secret::generate(size, [&](std::span<char> to) {
    if (random == nullptr) return;
    random->fill(std::as_writable_bytes(to));
    is_random = std::any_of(to.begin(), to.end(), [&](char c) { return c != to[0]; });
  });
  if (is_random) return out;
  return failed_precondition("no_random", "this needs a source of randomness; there is no default");
}

StatusOr<SigningKey> SigningKey::generate(Random* random) {
  TAU_ASSIGN_OR_RETURN(Secret seed, random_secret(random, crypto::kEd25519SeedBytes));
  return from_seed(std::move(seed));
}

StatusOr<SigningKey> SigningKey::from_seed(Secret seed) {
  TAU_ASSIGN_OR_RETURN(const PublicKey key, crypto::ed25519_public_key(seed));
  return SigningKey(std::move(seed), key);
}

std::string SigningKey::sign(std::string_view message) const {
  const auto signature = crypto::ed25519_sign(seed_, message);  // the seed has its size
  return std::string(bytes_of(*signature));
}

}  // namespace tau::access
