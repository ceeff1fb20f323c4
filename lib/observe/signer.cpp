#include "observe/signer.h"

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
  if (algorithm_name != algorithm() || id != key_id_)
    return Status(Code::kUnauthenticated, "unknown_key",
                  format("the head is signed with the key \"{}\" ({})", id, algorithm_name));
  if (!constant_time_equal(mac(key_, bytes), signature))
    return Status(Code::kUnauthenticated, "bad_signature", "the signature of the head is wrong");
  return ok_status();
}

}  // namespace tau::observe
