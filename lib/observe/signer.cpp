#include "observe/signer.h"

#include <algorithm>
#include <utility>

#include "crypto/crypto.h"

namespace tau::observe {
namespace {

constexpr size_t kLeastKeyBytes = 16;
constexpr size_t kKeyIdDigits = 16;

std::string mac(const Secret& key, std::string_view bytes) {
  const crypto::Digest digest = crypto::hmac_sha256(key, bytes);
  return {reinterpret_cast<const char*>(digest.data()), digest.size()};
}

Status unknown_key(std::string_view algorithm, std::string_view key_id) {
  return Status(Code::kUnauthenticated, "unknown_key",
                format("the head is signed with the key \"{}\" ({})", key_id, algorithm));
}

Status bad_signature() {
  return Status(Code::kUnauthenticated, "bad_signature", "the signature of the head is wrong");
}

StatusOr<crypto::PublicKey> parse_public_key(std::string_view digits) {
  const auto bytes = crypto::from_hex(digits);
  crypto::PublicKey key;
  if (bytes.ok() && bytes->size() == key.size() && crypto::hex(*bytes) == digits) {
    std::copy(bytes->begin(), bytes->end(), key.begin());
    if (crypto::is_ed25519_key(key)) return key;
  }
  return invalid_argument("invalid_key", "a public key of Ed25519 has 64 lower-case hexadecimal digits");
}

std::string id_of(const Secret& key) {
  return crypto::hex(mac(key, "tau-audit-key-id")).substr(0, kKeyIdDigits);
}

}  // namespace

Status KeyRing::check(std::string_view algorithm, std::string_view key_id, std::string_view bytes,
                      std::string_view signature) const {
  Status worst = Status(Code::kUnauthenticated, "unknown_key", "no key is given to check the head with");
  for (const HeadKeys* keys : keys_) {
    Status status = keys->check(algorithm, key_id, bytes, signature);
    if (status.ok()) return status;
    if (worst.reason() != "bad_signature") worst = std::move(status);
  }
  return worst;
}

StatusOr<HmacKey> HmacKey::make(Secret key) {
  if (key.size() < kLeastKeyBytes)
    return invalid_argument("invalid_key",
                            format("a key of the audit log has at least {} bytes", kLeastKeyBytes));
  return HmacKey(std::move(key));
}

HmacKey::HmacKey(Secret key) : key_(std::move(key)), key_id_(id_of(key_)) {}

StatusOr<std::string> HmacKey::sign(std::string_view bytes) {
  // In a forked child the memory of secrets reads as zeros.
  if (id_of(key_) != key_id_)
    return failed_precondition("key_gone", "a forked process does not have the key of the audit log");
  return mac(key_, bytes);
}

Status HmacKey::check(std::string_view algorithm_name, std::string_view id, std::string_view bytes,
                      std::string_view signature) const {
  if (algorithm_name != algorithm() || id != key_id_) return unknown_key(algorithm_name, id);
  return constant_time_equal(mac(key_, bytes), signature) ? ok_status() : bad_signature();
}

StatusOr<Ed25519Key> Ed25519Key::make(Secret seed) {
  TAU_ASSIGN_OR_RETURN(const crypto::PublicKey key, crypto::ed25519_public_key(seed));
  std::string id = crypto::hex(std::string_view(reinterpret_cast<const char*>(key.data()), key.size()));
  return Ed25519Key(std::move(seed), std::move(id));
}

StatusOr<std::string> Ed25519Key::sign(std::string_view bytes) {
  TAU_ASSIGN_OR_RETURN(const crypto::Signature made, crypto::ed25519_sign(seed_, bytes));
  return std::string(made.begin(), made.end());
}

StatusOr<Ed25519Keys> Ed25519Keys::make(Options options) {
  for (const std::string& key : options.public_keys) TAU_RETURN_IF_ERROR(parse_public_key(key).status());
  return Ed25519Keys(std::move(options));
}

Status Ed25519Keys::check(std::string_view algorithm, std::string_view key_id, std::string_view bytes,
                          std::string_view signature) const {
  if (options_.unsigned_too && algorithm == "none") return ok_status();
  const bool known =
      options_.any || std::ranges::find(options_.public_keys, key_id) != options_.public_keys.end();
  const auto key = parse_public_key(key_id);
  if (algorithm != Ed25519Key::kAlgorithm || !known || !key.ok()) return unknown_key(algorithm, key_id);
  return crypto::ed25519_verify(*key, bytes, signature) ? ok_status() : bad_signature();
}

}  // namespace tau::observe
