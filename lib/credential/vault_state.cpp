#include "credential/vault_state.h"

#include <sys/stat.h>

#include <algorithm>
#include <cerrno>
#include <tuple>

namespace tau::credential {
namespace {

using RecordPointer = std::shared_ptr<const StoredRecord>;

auto key_of(const StoredRecord& stored) { return std::tie(stored.record->name, stored.record->version); }

bool precedes(const RecordPointer& a, const RecordPointer& b) {
  if (!a->record || !b->record) return a->record.has_value() && !b->record;
  return key_of(*a) < key_of(*b);
}

// The first record that is not before (name, version).
auto lower_bound(const std::vector<RecordPointer>& records, const SecretName& name, uint32_t version) {
  return std::partition_point(records.begin(), records.end(), [&](const RecordPointer& stored) {
    return stored->record && key_of(*stored) < std::tie(name, version);
  });
}

bool is_of(const RecordPointer& stored, const SecretName& name) {
  return stored->record && stored->record->name == name;
}

RecordPointer make_stored(std::string bytes, const TableEntry& expected) {
  auto stored = std::make_shared<StoredRecord>();
  auto record = decode_record(bytes);
  if (record.ok()) stored->claimed_name = to_reference(record->name);
  if (record.ok() && bytes.size() == expected.size && crypto::blake2b(bytes) == expected.digest)
    stored->record = *std::move(record);
  stored->bytes = std::move(bytes);
  stored->expected = expected;
  return stored;
}

}  // namespace

const Record* VaultState::find(const SecretName& name, uint32_t version) const {
  for (auto at = lower_bound(records, name, version); at != records.end() && is_of(*at, name); ++at) {
    const Record& record = *(*at)->record;
    if (version != 0) return record.version == version ? &record : nullptr;
    if (record.state != RecordState::kPrevious) return &record;
  }
  return nullptr;
}

StatusOr<Secret> VaultState::open(const Record& record) const {
  const auto key = keys.find(record.key_id);
  if (key == keys.end())
    return data_loss("record_damaged",
                     format("the record of {} names no data key of the vault", to_reference(record.name)));
  return open_record(record, header.store_id, *key->second);
}

StatusOr<FileIdentity> identify_vault_file(const std::string& path) {
  TAU_ASSIGN_OR_RETURN(os::Fd fd, os::open_private_file(path, os::OpenMode::kRead));
  struct stat st;
  if (::fstat(fd.get(), &st) != 0) return errno_status(errno, format("cannot stat \"{}\"", path));
  return FileIdentity{.held = std::make_shared<const os::Fd>(std::move(fd)),
                      .device = st.st_dev,
                      .inode = st.st_ino,
                      .changed_ns = int64_t{st.st_ctim.tv_sec} * 1'000'000'000 + st.st_ctim.tv_nsec,
                      .size = static_cast<uint64_t>(st.st_size)};
}

StatusOr<VaultFile> read_vault_file(const std::string& path) {
  VaultFile file;
  TAU_ASSIGN_OR_RETURN(file.identity, identify_vault_file(path));
  // By the descriptor: the name may mean another file by now.
  TAU_ASSIGN_OR_RETURN(file.bytes,
                       os::read_file(format("/proc/self/fd/{}", file.identity.held->get()), kMaxFileBytes));
  return file;
}

StatusOr<VaultState> decode_vault(const VaultFile& file, DecodedHeader decoded, Secret root) {
  VaultState state;
  state.header = std::move(decoded.header);
  for (const DataKey& key : state.header.keys) {
    TAU_ASSIGN_OR_RETURN(Secret data, open_data_key(key, state.header.store_id, root));
    state.keys[key.id] = std::make_shared<const Secret>(std::move(data));
  }
  const crypto::Digest mac = header_mac(decoded.signed_part, state.header.store_id, root);
  if (!constant_time_equal({reinterpret_cast<const char*>(mac.data()), mac.size()}, decoded.mac) ||
      !state.keys.contains(state.header.current_key))
    return data_loss("vault_damaged", "the vault's header is not the one that was written");
  std::string_view rest = std::string_view(file.bytes).substr(decoded.size);
  for (const TableEntry& entry : state.header.table) {
    state.records.push_back(make_stored(std::string(rest.substr(0, entry.size)), entry));
    rest.remove_prefix(std::min<size_t>(entry.size, rest.size()));
  }
  if (!rest.empty()) return data_loss("vault_damaged", "the vault's file has bytes behind its last record");
  std::stable_sort(state.records.begin(), state.records.end(), precedes);
  state.header.table.clear();
  state.root = std::make_shared<const Secret>(std::move(root));
  state.file = file.identity;
  return state;
}

StatusOr<Secret> unlock_header(const Header& header, const Unlock& unlock) {
  Status failure(Code::kUnauthenticated, "wrong_key",
                 format("the vault has no slot of kind {}{}{}", slot_kind_name(unlock.kind),
                        unlock.label.empty() ? "" : " with the label ", unlock.label));
  for (const Slot& slot : header.slots) {
    if (slot.kind != unlock.kind || (!unlock.label.empty() && unlock.label != slot.label)) continue;
    auto root = open_slot(slot, header.store_id, unlock);
    if (root.ok()) return root;
    failure = std::move(root).status();
  }
  return failure;
}

VaultEdit::VaultEdit(const VaultState& base, const VaultOptions& options) : options_(options), state_(base) {
  ++state_.header.epoch;
}

Status VaultEdit::store(Record record, const Secret& value) {
  record.key_id = state_.header.current_key;
  record.epoch = state_.header.epoch;
  TAU_RETURN_IF_ERROR(seal_record(record, state_.header.store_id, current_key(), value, random()));
  auto stored = std::make_shared<StoredRecord>();
  stored->bytes = encode_record(record);
  stored->expected = {static_cast<uint32_t>(stored->bytes.size()), crypto::blake2b(stored->bytes)};
  stored->claimed_name = to_reference(record.name);
  const auto at = state_.records.begin() +
                  (lower_bound(state_.records, record.name, record.version) - state_.records.cbegin());
  const bool replaces =
      at != state_.records.end() && is_of(*at, record.name) && (*at)->record->version == record.version;
  stored->record = std::move(record);
  if (replaces) {
    *at = std::move(stored);
  } else {
    state_.records.insert(at, std::move(stored));
  }
  return ok_status();
}

void VaultEdit::erase(const SecretName& name) {
  auto& records = state_.records;
  const auto first = lower_bound(records, name, 0);
  records.erase(
      first, std::find_if_not(first, records.cend(), [&](const RecordPointer& r) { return is_of(r, name); }));
}

Status VaultEdit::add_slot(const Unlock& unlock, crypto::PasswordCost cost) {
  auto& slots = state_.header.slots;
  if (slots.size() >= kMaxSlots)
    return resource_exhausted("too_many_slots", format("a vault has at most {} key slots", kMaxSlots));
  const std::string label = unlock.label.empty() ? std::string(slot_kind_name(unlock.kind)) : unlock.label;
  if (label.size() > kMaxNameBytes)
    return invalid_argument("invalid_label",
                            format("the label of a key slot has at most {} bytes", kMaxNameBytes));
  for (const Slot& slot : slots)
    if (slot.label == label)
      return Status(Code::kAlreadyExists, "slot_exists", format("the vault has a key slot \"{}\"", label));
  Slot slot;
  slot.kind = unlock.kind;
  slot.label = label;
  if (slot.kind == SlotKind::kPassphrase) {
    slot.cost = cost;
    if (cost == crypto::PasswordCost{}) { TAU_ASSIGN_OR_RETURN(slot.cost, calibrate_password_cost()); }
  } else if (unlock.material.size() != kKeyBytes) {
    return invalid_argument("invalid_key", format("a key has {} bytes", kKeyBytes));
  }
  TAU_RETURN_IF_ERROR(seal_slot(slot, state_.header.store_id, unlock, *state_.root, random()));
  slots.push_back(std::move(slot));
  return ok_status();
}

std::string VaultEdit::encode() const {
  Header header = state_.header;
  size_t size = 0;
  for (const auto& stored : state_.records) {
    // What is damaged stays so: its digest is kept, and its size is what is left of it.
    header.table.push_back({static_cast<uint32_t>(stored->bytes.size()), stored->expected.digest});
    size += stored->bytes.size();
  }
  std::string signed_part = encode_signed_part(header);
  const crypto::Digest mac = header_mac(signed_part, header.store_id, *state_.root);
  std::string file = finish_header(std::move(signed_part), mac);
  file.reserve(file.size() + size);
  for (const auto& stored : state_.records) file += stored->bytes;
  return file;
}

}  // namespace tau::credential
