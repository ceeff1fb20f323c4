// Opening, reading, and the one way that every write takes.
#include "credential/vault.h"

#include <algorithm>
#include <new>

#include "credential/vault_state.h"

namespace tau::credential {
namespace {

SecretInfo info_of(const Record& record) {
  return {.name = record.name,
          .origin = record.origin,
          .state = record.state,
          .version = record.version,
          .epoch = record.epoch,
          .created_ms = record.created_ms,
          .expires_ms = record.expires_ms};
}

Status check_readable(const Record& record, std::string_view origin, int64_t now_ms) {
  const std::string name = to_reference(record.name);
  if (record.state == RecordState::kRevoked)
    return failed_precondition("secret_revoked", format("{} was revoked", name));
  if (record.origin != origin) {
    const std::string_view bound = record.origin.empty() ? "no origin" : std::string_view(record.origin);
    const std::string_view asked = origin.empty() ? "local use" : origin;
    return permission_denied("secret_origin_mismatch",
                             format("{} is bound to {} and not given to {}", name, bound, asked));
  }
  if (record.expires_ms != 0 && record.expires_ms <= now_ms)
    return failed_precondition("secret_expired", format("{} has expired; rotate it", name));
  return ok_status();
}

// The first snapshot: the file opened by `unlock`.
StatusOr<VaultState> unlock_file(const VaultFile& file, const Unlock& unlock) {
  TAU_ASSIGN_OR_RETURN(DecodedHeader decoded, decode_header(file.bytes));
  TAU_ASSIGN_OR_RETURN(Secret root, unlock_header(decoded.header, unlock));
  auto state = decode_vault(file, std::move(decoded), std::move(root));
  // The slot has just given this root key, so that it does not fit means damage.
  if (!state.ok() && state.status().reason() == "master_rotated")
    return data_loss("vault_damaged", "a data key of the vault is damaged");
  return state;
}

}  // namespace

Vault::Vault(VaultOptions options) : options_(std::move(options)) {}

Vault::~Vault() = default;

std::shared_ptr<const VaultState> Vault::snapshot() const {
  const std::lock_guard lock(publishing_);
  return state_;
}

void Vault::publish(std::shared_ptr<const VaultState> state) {
  const std::lock_guard lock(publishing_);
  state_.swap(state);
}

StatusOr<std::unique_ptr<Vault>> Vault::create(VaultOptions options, const Unlock& unlock,
                                               crypto::PasswordCost cost) {
  std::unique_ptr<Vault> vault(new Vault(std::move(options)));
  const VaultOptions& o = vault->options_;
  VaultState empty;
  empty.header.store_id = random_bytes(*o.random, kStoreIdBytes);
  empty.root = std::make_shared<const Secret>(random_key(*o.random));
  DataKey key{.id = 1, .key = {}};
  empty.keys[key.id] = std::make_shared<const Secret>(random_key(*o.random));
  TAU_RETURN_IF_ERROR(seal_data_key(key, empty.header.store_id, *empty.root, *empty.keys[key.id], *o.random));
  empty.header.keys.push_back(std::move(key));
  empty.header.current_key = 1;
  VaultEdit edit(empty, o);
  TAU_RETURN_IF_ERROR(edit.add_slot(unlock, cost));
  TAU_ASSIGN_OR_RETURN(const os::FileLock lock, os::FileLock::acquire(o.path + ".lock", o.lock_patience_ms));
  if (os::path_exists(o.path))
    return Status(Code::kAlreadyExists, "vault_exists", format("\"{}\" exists", o.path));
  TAU_RETURN_IF_ERROR(os::write_private_file(o.path, edit.encode()));
  TAU_ASSIGN_OR_RETURN(edit.state().file, identify_vault_file(o.path));
  vault->publish(std::make_shared<const VaultState>(std::move(edit.state())));
  TAU_RETURN_IF_ERROR(vault->advance_anchors(*vault->snapshot()));
  return vault;
}

StatusOr<std::unique_ptr<Vault>> Vault::open(VaultOptions options, const Unlock& unlock) {
  std::unique_ptr<Vault> vault(new Vault(std::move(options)));
  TAU_ASSIGN_OR_RETURN(VaultFile file, read_vault_file(vault->options_.path));
  TAU_ASSIGN_OR_RETURN(const DecodedHeader first, decode_header(file.bytes));
  TAU_ASSIGN_OR_RETURN(const uint64_t seen, vault->last_seen(first.header.store_id));
  // Who writes replaces the file first and tells the anchors then: a file that is read now is as late as they
  // say.
  if (seen > first.header.epoch) { TAU_ASSIGN_OR_RETURN(file, read_vault_file(vault->options_.path)); }
  TAU_ASSIGN_OR_RETURN(VaultState state, unlock_file(file, unlock));
  if (state.header.store_id != first.header.store_id)
    return failed_precondition("another_vault", format("\"{}\" became another vault", vault->options_.path));
  TAU_RETURN_IF_ERROR(vault->check_epoch(state, seen));
  TAU_RETURN_IF_ERROR(vault->advance_anchors(state));
  vault->publish(std::make_shared<const VaultState>(std::move(state)));
  return vault;
}

// To be asked before the file is read that is compared with it.
StatusOr<uint64_t> Vault::last_seen(std::string_view store_id) const {
  uint64_t latest = 0;
  for (EpochAnchor* const anchor : options_.anchors) {
    TAU_ASSIGN_OR_RETURN(const uint64_t seen, anchor->last_seen(store_id));
    latest = std::max(latest, seen);
  }
  return latest;
}

Status Vault::check_epoch(const VaultState& state, uint64_t seen) const {
  if (seen <= state.header.epoch) return ok_status();
  return data_loss("vault_rolled_back",
                   format("the vault \"{}\" is at epoch {}, and was at {} before: it is an older copy",
                          options_.path, state.header.epoch, seen));
}

Status Vault::advance_anchors(const VaultState& state) const {
  for (EpochAnchor* const anchor : options_.anchors) {
    const Status status = anchor->advance(state.header.store_id, state.header.epoch);
    if (!status.ok()) return status.annotate("the vault is written, but not its epoch");
  }
  return ok_status();
}

StatusOr<Secret> Vault::get(const SecretName& name, std::string_view origin) const {
  return get_version(name, 0, origin);
}

StatusOr<Secret> Vault::get_version(const SecretName& name, uint32_t version, std::string_view origin) const {
  const auto state = snapshot();
  const Record* const record = state->find(name, version);
  if (record == nullptr) {
    const std::string reference = to_reference(name);
    // A damaged record may claim any name, so while there is one nobody knows that a name is absent.
    if (!state->records.empty() && !state->records.back()->record)
      return data_loss(
          "record_damaged",
          format("{} cannot be read: the vault has damaged records, and this may be one", reference));
    return not_found("secret_not_found", format("the vault has no {}", reference));
  }
  TAU_RETURN_IF_ERROR(check_readable(*record, origin, options_.clock->wall_ms()));
  return state->open(*record);
}

std::vector<SecretInfo> Vault::list() const {
  const auto state = snapshot();
  std::vector<SecretInfo> out;
  for (const auto& stored : state->records)
    if (stored->record) out.push_back(info_of(*stored->record));
  return out;
}

std::vector<SlotInfo> Vault::slots() const {
  const auto state = snapshot();
  std::vector<SlotInfo> out;
  for (const Slot& slot : state->header.slots) out.push_back({slot.kind, slot.label, slot.cost});
  return out;
}

std::vector<DamagedRecord> Vault::damaged() const {
  const auto state = snapshot();
  std::vector<DamagedRecord> out;
  for (size_t i = 0; i < state->records.size(); ++i)
    if (!state->records[i]->record) out.push_back({i, state->records[i]->claimed_name});
  return out;
}

std::string Vault::store_id() const { return snapshot()->header.store_id; }
uint64_t Vault::epoch() const { return snapshot()->header.epoch; }
bool Vault::is_rotating() const { return snapshot()->header.keys.size() > 1; }

// The file as it is now, by the root key that is known; null when it is the one that is known.
StatusOr<std::shared_ptr<const VaultState>> Vault::reload(const VaultState& known) const {
  TAU_ASSIGN_OR_RETURN(const FileIdentity now, identify_vault_file(options_.path));
  if (now.is_same(known.file)) return std::shared_ptr<const VaultState>();
  TAU_ASSIGN_OR_RETURN(const uint64_t seen, last_seen(known.header.store_id));
  TAU_ASSIGN_OR_RETURN(const VaultFile file, read_vault_file(options_.path));
  TAU_ASSIGN_OR_RETURN(DecodedHeader decoded, decode_header(file.bytes));
  if (decoded.header.store_id != known.header.store_id)
    return failed_precondition("another_vault", format("\"{}\" is another vault by now", options_.path));
  TAU_ASSIGN_OR_RETURN(VaultState state, decode_vault(file, std::move(decoded), known.root->clone()));
  if (state.header.epoch < known.header.epoch)
    return data_loss("vault_rolled_back", format("\"{}\" was replaced by an older copy", options_.path));
  TAU_RETURN_IF_ERROR(check_epoch(state, seen));
  return std::make_shared<const VaultState>(std::move(state));
}

Status Vault::refresh() {
  const std::lock_guard lock(writing_);
  return take_over();
}

Status Vault::try_refresh() {
  const std::unique_lock lock(writing_, std::try_to_lock);
  return lock.owns_lock() ? take_over() : ok_status();
}

void Vault::for_each_secret(
    const std::function<void(std::string_view reference, const Secret& secret)>& use) const {
  const auto state = snapshot();
  for (const auto& stored : state->records) {
    if (!stored->record || stored->record->state == RecordState::kRevoked) continue;
    const auto value = state->open(*stored->record);
    if (value.ok()) use(to_reference(stored->record->name), *value);
  }
}

Status Vault::take_over() {
  TAU_ASSIGN_OR_RETURN(auto newer, reload(*snapshot()));
  if (newer == nullptr) return ok_status();
  publish(newer);
  return advance_anchors(*newer);
}

Status Vault::edit(UniqueFunction<Status(VaultEdit&)> change) {
  const std::lock_guard writing(writing_);
  TAU_ASSIGN_OR_RETURN(const os::FileLock lock,
                       os::FileLock::acquire(options_.path + ".lock", options_.lock_patience_ms));
  auto base = snapshot();
  TAU_ASSIGN_OR_RETURN(auto newer, reload(*base));
  if (newer != nullptr) base = newer;
  // In a forked child the keys read as zeros: nothing may be sealed with those.
  for (const DataKey& key : base->header.keys)
    TAU_RETURN_IF_ERROR(open_data_key(key, base->header.store_id, *base->root).status());
  VaultEdit edit(*base, options_);
  TAU_RETURN_IF_ERROR(change(edit));
  const std::string bytes = edit.encode();
  if (bytes.size() > kMaxFileBytes)
    return resource_exhausted("vault_full", format("a vault has at most {} bytes", kMaxFileBytes));
  const auto next = std::make_shared<VaultState>(std::move(edit.state()));
  next->file = {};
  TAU_RETURN_IF_ERROR(os::write_private_file(options_.path, bytes));
  // Known from here on, whatever fails: without its root key a new master would be another process's. A state
  // whose file is not identified is read again.
  Status identified = ok_status();
  try {
    auto identity = identify_vault_file(options_.path);
    identified = identity.status();
    if (identity.ok()) next->file = *std::move(identity);
  } catch (const std::bad_alloc&) { identified = Status::out_of_memory(); }
  publish(next);
  TAU_RETURN_IF_ERROR(identified);
  return advance_anchors(*next);
}

}  // namespace tau::credential
