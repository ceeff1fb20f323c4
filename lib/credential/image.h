// The vault file as bytes: what docs/vault.md specifies, without any key. Pure functions.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/base.h"
#include "credential/name.h"
#include "crypto/crypto.h"

namespace tau::credential {

inline constexpr size_t kStoreIdBytes = 16;
inline constexpr size_t kSaltBytes = 32;
inline constexpr size_t kCommitmentBytes = 32;
inline constexpr size_t kKeyBytes = 32;
inline constexpr size_t kMaxSlots = 16;
inline constexpr size_t kMaxDataKeys = 8;
inline constexpr size_t kMaxRecords = 1u << 20;
inline constexpr size_t kMaxSecretBytes = 64u << 10;
inline constexpr size_t kMaxOriginBytes = 300;
inline constexpr uint64_t kMaxFileBytes = 256u << 20;

// Something encrypted under a key that is derived for it alone.
struct Sealed {
  std::string salt;        // kSaltBytes, random
  std::string commitment;  // kCommitmentBytes: which key opens it
  std::string ciphertext;  // the plaintext's size and a tag
};

enum class SlotKind : uint8_t {
  kPassphrase = 1,
  kKeyFile = 2,
  kEnvironment = 3,
  kKeyring = 4,
  kCallback = 5,
};
std::string_view slot_kind_name(SlotKind kind);

// One way to the root key.
struct Slot {
  SlotKind kind = SlotKind::kPassphrase;
  std::string label;
  crypto::PasswordCost cost;  // zeros but for a passphrase
  Sealed root;
};

// A key of records, under the root key.
struct DataKey {
  uint32_t id = 0;
  Sealed key;
};

enum class RecordState : uint8_t {
  kCurrent = 0,
  kPrevious = 1,  // a newer version exists; readable by its number until it expires
  kRevoked = 2,   // holds an empty secret
};

struct Record {
  RecordState state = RecordState::kCurrent;
  uint32_t key_id = 0;
  uint32_t version = 1;
  uint64_t epoch = 0;      // of the write that sealed it
  int64_t created_ms = 0;  // of this version
  int64_t expires_ms = 0;  // 0: never
  SecretName name;
  std::string origin;  // scheme://host:port that may see it; empty: none, it is for local use
  Sealed secret;
};

// Where a record lies and what it must be; part of what the header's MAC covers.
struct TableEntry {
  uint32_t size = 0;
  crypto::Digest digest = {};  // BLAKE2b of the record's bytes
};

struct Header {
  std::string store_id;
  uint64_t epoch = 0;
  uint32_t current_key = 0;
  std::vector<Slot> slots;
  std::vector<DataKey> keys;
  std::vector<TableEntry> table;
};

// A header as read: `signed_part` is what `mac` must be the MAC of.
struct DecodedHeader {
  Header header;
  std::string signed_part;
  std::string mac;
  size_t size = 0;  // where the records begin
};

// What the MAC is computed over.
std::string encode_signed_part(const Header& header);
// The header as it stands in the file: with the MAC and a checksum, which tells damage from a wrong key.
std::string finish_header(std::string signed_part, const crypto::Digest& mac);

// INVALID_ARGUMENT "not_a_vault"; UNIMPLEMENTED "vault_format" for one of a later version; DATA_LOSS
// "vault_damaged".
StatusOr<DecodedHeader> decode_header(std::string_view file);

// Associated data: everything about the box but what is computed from it.
std::string slot_head(const Slot& slot);
std::string record_head(const Record& record);
std::string encode_record(const Record& record);
// DATA_LOSS "record_damaged".
StatusOr<Record> decode_record(std::string_view bytes);

}  // namespace tau::credential
