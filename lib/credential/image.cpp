// Numbers are little-endian; every variable part has its length before it, so no two values share an
// encoding.
#include "credential/image.h"

#include <cstring>

namespace tau::credential {
namespace {

constexpr std::string_view kMagic = "TAUVAULT";
constexpr uint16_t kFormat = 1;
constexpr uint16_t kSuite = 1;  // Argon2id, HKDF-SHA-256, HMAC-SHA-256, ChaCha20-Poly1305, BLAKE2b-256
constexpr size_t kSizeAt = 12;  // of the header's own size
constexpr size_t kTrailerBytes = 2 * sizeof(crypto::Digest);

template <class T>
void put(std::string& out, T value) {
  for (size_t i = 0; i < sizeof(T); ++i)
    out += static_cast<char>(static_cast<uint8_t>(static_cast<uint64_t>(value) >> (8 * i)));
}

template <class Length>
void put_text(std::string& out, std::string_view text) {
  put(out, static_cast<Length>(text.size()));
  out += text;
}

void put_digest(std::string& out, const crypto::Digest& digest) {
  out.append(reinterpret_cast<const char*>(digest.data()), digest.size());
}

void put_sealed(std::string& out, const Sealed& sealed) {
  out += sealed.commitment;
  out += sealed.ciphertext;
}

// Reads from the front; after the first short read everything is empty and ok() is false.
class Cursor {
 public:
  explicit Cursor(std::string_view rest) : rest_(rest) {}
  bool ok() const { return ok_; }
  std::string_view rest() const { return rest_; }

  std::string_view take(size_t size) {
    if (size > rest_.size()) ok_ = false;
    const std::string_view taken = ok_ ? rest_.substr(0, size) : std::string_view();
    rest_ = ok_ ? rest_.substr(size) : std::string_view();
    return taken;
  }
  template <class T>
  T number() {
    uint64_t value = 0;
    const std::string_view bytes = take(sizeof(T));
    for (size_t i = 0; i < bytes.size(); ++i)
      value |= static_cast<uint64_t>(static_cast<uint8_t>(bytes[i])) << (8 * i);
    return static_cast<T>(value);
  }
  template <class Length>
  std::string text() {
    return std::string(take(number<Length>()));
  }
  void refuse_if(bool fault) { ok_ = ok_ && !fault; }

 private:
  std::string_view rest_;
  bool ok_ = true;
};

Slot take_slot(Cursor& in) {
  Slot slot;
  const auto kind = in.number<uint8_t>();
  in.refuse_if(kind < 1 || kind > 5);
  slot.kind = static_cast<SlotKind>(kind);
  slot.label = in.text<uint8_t>();
  slot.cost.memory_kib = in.number<uint32_t>();
  slot.cost.passes = in.number<uint32_t>();
  slot.root.salt = in.take(kSaltBytes);
  slot.root.commitment = in.take(kCommitmentBytes);
  slot.root.ciphertext = in.take(kKeyBytes + crypto::kAeadTagBytes);
  return slot;
}

DataKey take_key(Cursor& in) {
  DataKey key;
  key.id = in.number<uint32_t>();
  key.key.salt = in.take(kSaltBytes);
  key.key.commitment = in.take(kCommitmentBytes);
  key.key.ciphertext = in.take(kKeyBytes + crypto::kAeadTagBytes);
  return key;
}

std::string_view text_of(const crypto::Digest& digest) {
  return {reinterpret_cast<const char*>(digest.data()), digest.size()};
}

Status damaged(std::string_view what) { return data_loss("vault_damaged", what); }

Status take_header(Cursor& in, Header& header) {
  header.store_id = in.take(kStoreIdBytes);
  header.epoch = in.number<uint64_t>();
  header.current_key = in.number<uint32_t>();
  const auto slots = in.number<uint16_t>();
  const auto keys = in.number<uint16_t>();
  const auto records = in.number<uint32_t>();
  in.refuse_if(slots == 0 || slots > kMaxSlots || keys == 0 || keys > kMaxDataKeys || records > kMaxRecords);
  for (size_t i = 0; in.ok() && i < slots; ++i) header.slots.push_back(take_slot(in));
  for (size_t i = 0; in.ok() && i < keys; ++i) header.keys.push_back(take_key(in));
  for (size_t i = 0; in.ok() && i < records; ++i) {
    TableEntry entry;
    entry.size = in.number<uint32_t>();
    const std::string_view digest = in.take(sizeof(crypto::Digest));
    std::memcpy(entry.digest.data(), digest.data(), digest.size());
    header.table.push_back(entry);
  }
  if (!in.ok() || !in.rest().empty()) return damaged("the vault's header is not well formed");
  return ok_status();
}

}  // namespace

std::string_view slot_kind_name(SlotKind kind) {
  switch (kind) {
    case SlotKind::kPassphrase: return "passphrase";
    case SlotKind::kKeyFile: return "key_file";
    case SlotKind::kEnvironment: return "environment";
    case SlotKind::kKeyring: return "keyring";
    case SlotKind::kCallback: return "callback";
  }
  return "unknown";
}

std::string encode_signed_part(const Header& header) {
  std::string out(kMagic);
  put(out, kFormat);
  put(out, kSuite);
  put(out, uint32_t{0});  // the size, below
  out += header.store_id;
  put(out, header.epoch);
  put(out, header.current_key);
  put(out, static_cast<uint16_t>(header.slots.size()));
  put(out, static_cast<uint16_t>(header.keys.size()));
  put(out, static_cast<uint32_t>(header.table.size()));
  for (const Slot& slot : header.slots) {
    out += slot_head(slot);
    put_sealed(out, slot.root);
  }
  for (const DataKey& key : header.keys) {
    put(out, key.id);
    out += key.key.salt;
    put_sealed(out, key.key);
  }
  for (const TableEntry& entry : header.table) {
    put(out, entry.size);
    put_digest(out, entry.digest);
  }
  std::string size;
  put(size, static_cast<uint32_t>(out.size() + kTrailerBytes));
  return out.replace(kSizeAt, size.size(), size);
}

std::string finish_header(std::string signed_part, const crypto::Digest& mac) {
  put_digest(signed_part, mac);
  put_digest(signed_part, crypto::blake2b(signed_part));
  return signed_part;
}

StatusOr<DecodedHeader> decode_header(std::string_view file) {
  Cursor in(file);
  if (in.take(kMagic.size()) != kMagic)
    return invalid_argument("not_a_vault", "the file does not begin as a vault does");
  const auto version = in.number<uint16_t>();
  const auto suite = in.number<uint16_t>();
  const auto size = in.number<uint32_t>();
  if (!in.ok()) return damaged("the vault's file ends within its header");
  if (version != kFormat || suite != kSuite)
    return Status(Code::kUnimplemented, "vault_format",
                  format("the vault has format {} with suite {}; this library knows format {} with suite {}",
                         version, suite, kFormat, kSuite));
  if (size > file.size() || size < kSizeAt + sizeof size + kTrailerBytes)
    return damaged("the vault's file ends within its header");
  DecodedHeader out;
  out.size = size;
  const std::string_view covered = file.substr(0, size - sizeof(crypto::Digest));
  if (text_of(crypto::blake2b(covered)) != file.substr(covered.size(), sizeof(crypto::Digest)))
    return damaged("the vault's header does not match its checksum");
  out.signed_part = file.substr(0, size - kTrailerBytes);
  out.mac = file.substr(out.signed_part.size(), sizeof(crypto::Digest));
  Cursor body(std::string_view(out.signed_part).substr(kSizeAt + sizeof size));
  TAU_RETURN_IF_ERROR(take_header(body, out.header));
  return out;
}

std::string slot_head(const Slot& slot) {
  std::string out;
  put(out, static_cast<uint8_t>(slot.kind));
  put_text<uint8_t>(out, slot.label);
  put(out, slot.cost.memory_kib);
  put(out, slot.cost.passes);
  out += slot.root.salt;
  return out;
}

std::string record_head(const Record& record) {
  std::string out;
  put(out, static_cast<uint8_t>(record.state));
  put(out, record.key_id);
  put(out, record.version);
  put(out, record.epoch);
  put(out, record.created_ms);
  put(out, record.expires_ms);
  put_text<uint8_t>(out, record.name.id);
  put_text<uint8_t>(out, record.name.field);
  put_text<uint16_t>(out, record.origin);
  out += record.secret.salt;
  return out;
}

std::string encode_record(const Record& record) {
  std::string out = record_head(record);
  put_sealed(out, record.secret);
  return out;
}

StatusOr<Record> decode_record(std::string_view bytes) {
  Cursor in(bytes);
  Record record;
  const auto state = in.number<uint8_t>();
  in.refuse_if(state > 2);
  record.state = static_cast<RecordState>(state);
  record.key_id = in.number<uint32_t>();
  record.version = in.number<uint32_t>();
  record.epoch = in.number<uint64_t>();
  record.created_ms = in.number<int64_t>();
  record.expires_ms = in.number<int64_t>();
  record.name.id = in.text<uint8_t>();
  record.name.field = in.text<uint8_t>();
  record.origin = in.text<uint16_t>();
  record.secret.salt = in.take(kSaltBytes);
  record.secret.commitment = in.take(kCommitmentBytes);
  record.secret.ciphertext = in.rest();
  const size_t size = record.secret.ciphertext.size();
  in.refuse_if(size < crypto::kAeadTagBytes || size > kMaxSecretBytes + crypto::kAeadTagBytes);
  if (!in.ok() || !check_name(record.name).ok())
    return data_loss("record_damaged", "the record is not well formed");
  return record;
}

}  // namespace tau::credential
