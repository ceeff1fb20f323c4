// Rotation of the root key and of the data key, under readers.
//
// The data key: one write adds the new key and makes it the current one; then every write seals a batch of
// records anew; the last one drops the old key. Each of these files is whole, so a rotation may stop after
// any write, for ever: both keys are in the header until the end.
#include <algorithm>
#include <memory>

#include "credential/vault_state.h"

namespace tau::credential {
namespace {

// Reads every record of the bytes about to be written, or just written, with the keys they hold.
Status verify_records(const VaultState& state) {
  for (const auto& stored : state.records)
    if (stored->record) TAU_RETURN_IF_ERROR(state.open(*stored->record).status());
  return ok_status();
}

// That every one of these opens the file as it will be, and that everything in it reads.
Status verify_image(std::string bytes, std::span<const Unlock> unlocks) {
  const VaultFile file{std::move(bytes), {}};
  for (const Unlock& unlock : unlocks) {
    TAU_ASSIGN_OR_RETURN(DecodedHeader decoded, decode_header(file.bytes));
    TAU_ASSIGN_OR_RETURN(Secret root, unlock_header(decoded.header, unlock));
    TAU_ASSIGN_OR_RETURN(const VaultState state, decode_vault(file, std::move(decoded), std::move(root)));
    TAU_RETURN_IF_ERROR(verify_records(state));
  }
  return ok_status();
}

Status begin_rotation(VaultEdit& edit) {
  VaultState& state = edit.state();
  if (state.header.keys.size() > 1) return ok_status();  // one that was interrupted
  DataKey key{.id = state.header.current_key + 1, .key = {}};
  Secret data = random_key(edit.random());
  TAU_RETURN_IF_ERROR(seal_data_key(key, state.header.store_id, *state.root, data, edit.random()));
  state.keys[key.id] = std::make_shared<const Secret>(std::move(data));
  state.header.current_key = key.id;
  state.header.keys.push_back(std::move(key));
  return ok_status();
}

// Seals up to `batch` records anew. How many are left that have an older key.
StatusOr<size_t> reseal(VaultEdit& edit, size_t batch) {
  std::vector<Record> old;
  for (const auto& stored : edit.state().records)
    if (stored->record && stored->record->key_id != edit.state().header.current_key)
      old.push_back(*stored->record);
  const size_t now = std::min(std::max<size_t>(batch, 1), old.size());
  for (size_t i = 0; i < now; ++i) {
    TAU_ASSIGN_OR_RETURN(const Secret value, edit.state().open(old[i]));
    const SecretName name = old[i].name;
    const uint32_t version = old[i].version;
    TAU_RETURN_IF_ERROR(edit.store(std::move(old[i]), value));
    TAU_ASSIGN_OR_RETURN(const Secret again, edit.state().open(*edit.state().find(name, version)));
    if (!again.equals(value))
      return internal_error("rotation_failed", "a record did not read as it was written");
  }
  return old.size() - now;
}

Status refuse_damaged(const VaultState& state) {
  const bool whole = std::all_of(state.records.begin(), state.records.end(),
                                 [](const auto& stored) { return stored->record.has_value(); });
  if (whole) return ok_status();
  return failed_precondition(
      "vault_has_damaged_records",
      "damaged records cannot be given a new key; restore them from a backup, or drop them");
}

}  // namespace

Status Vault::rotate_master(std::span<const Unlock> unlocks, crypto::PasswordCost cost) {
  if (unlocks.empty())
    return invalid_argument("last_slot", "a vault without a key slot could never be opened");
  return edit([&](VaultEdit& edit) -> Status {
    VaultState& state = edit.state();
    state.root = std::make_shared<const Secret>(random_key(edit.random()));
    for (DataKey& key : state.header.keys)
      TAU_RETURN_IF_ERROR(
          seal_data_key(key, state.header.store_id, *state.root, *state.keys.at(key.id), edit.random()));
    state.header.slots.clear();
    for (const Unlock& unlock : unlocks) TAU_RETURN_IF_ERROR(edit.add_slot(unlock, cost));
    return verify_image(edit.encode(), unlocks);
  });
}

Status Vault::reseal_batch(size_t batch, bool& finished) {
  return edit([&](VaultEdit& edit) -> Status {
    TAU_RETURN_IF_ERROR(refuse_damaged(edit.state()));
    TAU_RETURN_IF_ERROR(begin_rotation(edit));
    TAU_ASSIGN_OR_RETURN(const size_t left, reseal(edit, batch));
    finished = left == 0;
    return ok_status();
  });
}

Status Vault::retire_old_keys() {
  return edit([&](VaultEdit& edit) -> Status {
    VaultState& state = edit.state();
    // From the disk, not from memory: what is verified is what will be left.
    TAU_ASSIGN_OR_RETURN(const VaultFile file, read_vault_file(options_.path));
    TAU_ASSIGN_OR_RETURN(DecodedHeader decoded, decode_header(file.bytes));
    TAU_ASSIGN_OR_RETURN(VaultState written, decode_vault(file, std::move(decoded), state.root->clone()));
    TAU_RETURN_IF_ERROR(refuse_damaged(written));
    std::erase_if(written.keys, [&](const auto& key) { return key.first != state.header.current_key; });
    TAU_RETURN_IF_ERROR(verify_records(written));
    std::erase_if(state.header.keys, [&](const DataKey& key) { return key.id != state.header.current_key; });
    std::erase_if(state.keys, [&](const auto& key) { return key.first != state.header.current_key; });
    return ok_status();
  });
}

Status Vault::rotate_data_key(size_t batch) {
  for (bool finished = false; !finished;) TAU_RETURN_IF_ERROR(reseal_batch(batch, finished));
  return retire_old_keys();
}

}  // namespace tau::credential
