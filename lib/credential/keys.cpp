#include "credential/keys.h"

namespace tau::credential {
namespace {

// What a key is for stands first in everything that is derived with it.
constexpr std::string_view kSlotPurpose = "tau vault 1 slot";
constexpr std::string_view kDataKeyPurpose = "tau vault 1 data key";
constexpr std::string_view kRecordPurpose = "tau vault 1 record";
constexpr std::string_view kHeaderPurpose = "tau vault 1 header";

// The key of one box and its commitment: ChaCha20-Poly1305 alone lets one ciphertext open under two keys.
struct BoxKeys {
  Secret key;
  Secret commitment;
};

BoxKeys derive(const Secret& under, const Sealed& box, std::string_view purpose, std::string_view head) {
  const std::string info = std::string(purpose) + '\0' + std::string(head);
  const Secret both = *crypto::hkdf_sha256(under, box.salt, info, kKeyBytes + kCommitmentBytes);
  return both.reveal([](std::string_view bytes) {
    return BoxKeys{Secret(bytes.substr(0, kKeyBytes)), Secret(bytes.substr(kKeyBytes))};
  });
}

// The key serves this box alone, so the nonce may be constant.
std::string_view nonce() {
  static constexpr char kZeros[crypto::kAeadNonceBytes] = {};
  return {kZeros, sizeof kZeros};
}

Status seal(Sealed& box, const Secret& under, std::string_view purpose, std::string_view head,
            const Secret& plaintext) {
  const BoxKeys keys = derive(under, box, purpose, head);
  keys.commitment.reveal([&](std::string_view bytes) { box.commitment = bytes; });
  TAU_ASSIGN_OR_RETURN(box.ciphertext, crypto::chacha20_poly1305_seal(keys.key, nonce(), head, plaintext));
  return ok_status();
}

// UNAUTHENTICATED "wrong_key" by the commitment; DATA_LOSS "not_authentic" by the tag.
StatusOr<Secret> open(const Sealed& box, const Secret& under, std::string_view purpose,
                      std::string_view head) {
  const BoxKeys keys = derive(under, box, purpose, head);
  const bool is_key = keys.commitment.reveal(
      [&](std::string_view bytes) { return constant_time_equal(bytes, box.commitment); });
  if (!is_key) return Status(Code::kUnauthenticated, "wrong_key", "this key does not open the vault");
  return crypto::chacha20_poly1305_open(keys.key, nonce(), head, box.ciphertext);
}

// The associated data of a box: the store, then everything that is told of the box.
std::string bound(std::string_view store_id, std::string_view head) {
  return std::string(store_id) + std::string(head);
}

std::string key_head(const DataKey& key) { return format("{:08x}", key.id) + key.key.salt; }

StatusOr<Secret> slot_key(const Slot& slot, const Unlock& unlock) {
  if (slot.kind != SlotKind::kPassphrase) return unlock.material.clone();
  return crypto::argon2id(unlock.material,
                          std::string_view(slot.root.salt).substr(0, crypto::kPasswordSaltBytes), slot.cost,
                          kKeyBytes);
}

}  // namespace

std::string random_bytes(Random& random, size_t size) {
  std::string out(size, '\0');
  random.fill(std::as_writable_bytes(std::span<char>(out)));
  return out;
}

Secret random_key(Random& random) {
  return Secret::generate(kKeyBytes, [&](std::span<char> to) { random.fill(std::as_writable_bytes(to)); });
}

Status seal_slot(Slot& slot, std::string_view store_id, const Unlock& unlock, const Secret& root,
                 Random& random) {
  slot.root.salt = random_bytes(random, kSaltBytes);
  TAU_ASSIGN_OR_RETURN(const Secret under, slot_key(slot, unlock));
  return seal(slot.root, under, kSlotPurpose, bound(store_id, slot_head(slot)), root);
}

StatusOr<Secret> open_slot(const Slot& slot, std::string_view store_id, const Unlock& unlock) {
  TAU_ASSIGN_OR_RETURN(const Secret under, slot_key(slot, unlock));
  auto root = open(slot.root, under, kSlotPurpose, bound(store_id, slot_head(slot)));
  if (!root.ok() && root.status().reason() == "not_authentic")
    return data_loss("vault_damaged", format("the key slot \"{}\" is damaged", slot.label));
  return root;
}

Status seal_data_key(DataKey& key, std::string_view store_id, const Secret& root, const Secret& data,
                     Random& random) {
  key.key.salt = random_bytes(random, kSaltBytes);
  return seal(key.key, root, kDataKeyPurpose, bound(store_id, key_head(key)), data);
}

StatusOr<Secret> open_data_key(const DataKey& key, std::string_view store_id, const Secret& root) {
  auto data = open(key.key, root, kDataKeyPurpose, bound(store_id, key_head(key)));
  if (data.ok()) return data;
  if (data.status().reason() == "wrong_key")
    return failed_precondition("master_rotated",
                               "the vault's root key is another one by now; open the vault again");
  return data_loss("vault_damaged", format("the data key {} is damaged", key.id));
}

Status seal_record(Record& record, std::string_view store_id, const Secret& data, const Secret& value,
                   Random& random) {
  record.secret.salt = random_bytes(random, kSaltBytes);
  return seal(record.secret, data, kRecordPurpose, bound(store_id, record_head(record)), value);
}

StatusOr<Secret> open_record(const Record& record, std::string_view store_id, const Secret& data) {
  auto value = open(record.secret, data, kRecordPurpose, bound(store_id, record_head(record)));
  if (value.ok()) return value;
  return data_loss("record_damaged", format("the record of {} is damaged", to_reference(record.name)));
}

crypto::Digest header_mac(std::string_view signed_part, std::string_view store_id, const Secret& root) {
  const Secret key = *crypto::hkdf_sha256(root, store_id, kHeaderPurpose, kKeyBytes);
  return crypto::hmac_sha256(key, signed_part);
}

}  // namespace tau::credential
