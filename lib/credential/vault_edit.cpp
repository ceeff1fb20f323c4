// What single writes do to records and slots.
#include <algorithm>
#include <memory>

#include "credential/vault_state.h"

namespace tau::credential {
namespace {

Status check_new(const NewSecret& secret) {
  TAU_RETURN_IF_ERROR(check_name(secret.name));
  const std::string name = to_reference(secret.name);
  if (secret.value.empty() || secret.value.size() > kMaxSecretBytes)
    return invalid_argument("invalid_secret", format("{} has {} bytes; a secret has 1 to {}", name,
                                                     secret.value.size(), kMaxSecretBytes));
  const bool plain =
      std::all_of(secret.origin.begin(), secret.origin.end(), [](char c) { return c > ' ' && c <= '~'; });
  if (secret.origin.size() > kMaxOriginBytes || !plain ||
      (!secret.origin.empty() && secret.origin.find("://") == std::string::npos))
    return invalid_argument("invalid_origin",
                            format("the origin of {} must be like https://host:443, or empty", name));
  if (secret.expires_ms < 0)
    return invalid_argument("invalid_expiry", format("{} expires before 1970", name));
  return ok_status();
}

Status check_value(const SecretName& name, const Secret& value) {
  return check_new({.name = name, .value = value.clone(), .origin = {}, .expires_ms = 0});
}

// The newest record of a name, which must not be revoked.
StatusOr<const Record*> find_live(const VaultState& state, const SecretName& name) {
  const Record* const record = state.find(name, 0);
  if (record == nullptr)
    return not_found("secret_not_found", format("the vault has no {}", to_reference(name)));
  if (record->state == RecordState::kRevoked)
    return failed_precondition("secret_revoked", format("{} was revoked", to_reference(name)));
  return record;
}

Status put_one(VaultEdit& edit, const NewSecret& secret) {
  const Record* const known = edit.state().find(secret.name, 0);
  Record record;
  record.version = known == nullptr ? 1 : known->version + 1;
  record.name = secret.name;
  record.origin = secret.origin;
  record.created_ms = edit.now_ms();
  record.expires_ms = secret.expires_ms;
  edit.erase(secret.name);
  return edit.store(std::move(record), secret.value);
}

Status rotate_one(VaultEdit& edit, const SecretName& name, const Secret& value, int64_t grace_ms,
                  int64_t expires_ms) {
  TAU_ASSIGN_OR_RETURN(const Record* const live, find_live(edit.state(), name));
  Record previous = *live;
  TAU_ASSIGN_OR_RETURN(const Secret before, edit.state().open(previous));
  edit.erase(name);
  Record record = previous;
  record.version = previous.version + 1;
  record.created_ms = edit.now_ms();
  record.expires_ms = expires_ms;
  TAU_RETURN_IF_ERROR(edit.store(std::move(record), value));
  if (grace_ms <= 0) return ok_status();
  previous.state = RecordState::kPrevious;
  const int64_t ends_ms = edit.now_ms() + grace_ms;
  previous.expires_ms = previous.expires_ms == 0 ? ends_ms : std::min(previous.expires_ms, ends_ms);
  return edit.store(std::move(previous), before);
}

}  // namespace

Status Vault::put(std::span<const NewSecret> secrets) {
  for (const NewSecret& secret : secrets) TAU_RETURN_IF_ERROR(check_new(secret));
  return edit([&](VaultEdit& edit) {
    if (edit.state().records.size() + secrets.size() > kMaxRecords)
      return resource_exhausted("vault_full", format("a vault has at most {} records", kMaxRecords));
    for (const NewSecret& secret : secrets) TAU_RETURN_IF_ERROR(put_one(edit, secret));
    return ok_status();
  });
}

Status Vault::rotate(const SecretName& name, const Secret& value, int64_t grace_ms, int64_t expires_ms) {
  TAU_RETURN_IF_ERROR(check_value(name, value));
  return edit([&](VaultEdit& edit) { return rotate_one(edit, name, value, grace_ms, expires_ms); });
}

Status Vault::revoke(const SecretName& name) {
  return edit([&](VaultEdit& edit) -> Status {
    const Record* const known = edit.state().find(name, 0);
    if (known == nullptr)
      return not_found("secret_not_found", format("the vault has no {}", to_reference(name)));
    Record record = *known;
    record.state = RecordState::kRevoked;
    edit.erase(name);
    return edit.store(std::move(record));
  });
}

Status Vault::set_expiry(const SecretName& name, int64_t expires_ms) {
  if (expires_ms < 0) return invalid_argument("invalid_expiry", "the time of expiry is before 1970");
  return edit([&](VaultEdit& edit) -> Status {
    TAU_ASSIGN_OR_RETURN(const Record* const live, find_live(edit.state(), name));
    Record record = *live;
    TAU_ASSIGN_OR_RETURN(const Secret value, edit.state().open(record));
    record.expires_ms = expires_ms;
    return edit.store(std::move(record), value);
  });
}

Status Vault::remove(const SecretName& name) {
  return edit([&](VaultEdit& edit) -> Status {
    if (edit.state().find(name, 0) == nullptr)
      return not_found("secret_not_found", format("the vault has no {}", to_reference(name)));
    edit.erase(name);
    return ok_status();
  });
}

StatusOr<size_t> Vault::drop_damaged() {
  size_t dropped = 0;
  TAU_RETURN_IF_ERROR(edit([&](VaultEdit& edit) {
    dropped = std::erase_if(edit.state().records, [](const auto& stored) { return !stored->record; });
    return ok_status();
  }));
  return dropped;
}

Status Vault::add_slot(const Unlock& unlock, crypto::PasswordCost cost) {
  return edit([&](VaultEdit& edit) { return edit.add_slot(unlock, cost); });
}

Status Vault::remove_slot(std::string_view label) {
  return edit([&](VaultEdit& edit) -> Status {
    auto& slots = edit.state().header.slots;
    const auto found =
        std::find_if(slots.begin(), slots.end(), [&](const Slot& slot) { return slot.label == label; });
    if (found == slots.end())
      return not_found("slot_not_found", format("the vault has no key slot \"{}\"", label));
    if (slots.size() == 1)
      return failed_precondition("last_slot", format("\"{}\" is the only way into the vault", label));
    slots.erase(found);
    return ok_status();
  });
}

}  // namespace tau::credential
