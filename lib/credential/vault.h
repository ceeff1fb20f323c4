// Vault: secrets in one file, each encrypted by itself, behind a key that several ways open.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/base.h"
#include "credential/anchor.h"
#include "credential/image.h"
#include "credential/name.h"
#include "credential/unlock.h"

namespace tau::credential {

struct VaultState;  // vault_state.h
class VaultEdit;

struct VaultOptions {
  std::string path;                   // its directory exists; "<path>.lock" stands beside it
  std::vector<EpochAnchor*> anchors;  // outlive the vault; each must have seen no later epoch
  Clock* clock = &system_clock();
  Random* random = &system_random();
  int64_t lock_patience_ms = 10'000;
};

struct NewSecret {
  SecretName name;
  Secret value;            // 1 to kMaxSecretBytes
  std::string origin;      // scheme://host:port, as net::Url::origin() has it; empty: for local use only
  int64_t expires_ms = 0;  // wall clock; 0: never
};

struct SecretInfo {
  SecretName name;
  std::string origin;
  RecordState state = RecordState::kCurrent;
  uint32_t version = 0;
  uint64_t epoch = 0;
  int64_t created_ms = 0;
  int64_t expires_ms = 0;
};

struct SlotInfo {
  SlotKind kind;
  std::string label;
  crypto::PasswordCost cost;
};

// A record that cannot be read. Its name is what the damaged bytes claim, if anything.
struct DamagedRecord {
  size_t position = 0;  // in the file
  std::string claimed_name;
};

// Reads work on a snapshot and wait for nobody. Writes of all processes take turns by a lock file; each
// replaces the whole file in one step and is durable when it returns OK. After a failure of a write the file
// holds what it held, or what was written. Any thread.
//
// Failures of writes besides those listed: UNAVAILABLE "file_locked"; FAILED_PRECONDITION "master_rotated";
// DATA_LOSS "vault_damaged", "vault_rolled_back"; those of files.
class Vault {
 public:
  // ALREADY_EXISTS "vault_exists". A passphrase costs `cost`.
  static StatusOr<std::unique_ptr<Vault>> create(VaultOptions options, const Unlock& unlock,
                                                 crypto::PasswordCost cost = {});
  // UNAUTHENTICATED "wrong_key" when no slot opens; DATA_LOSS "vault_damaged" when bytes are not what was
  // written; DATA_LOSS "vault_rolled_back" when an anchor has seen a later epoch; "not_a_vault",
  // "vault_format"; NOT_FOUND "file_not_found"; "file_not_private".
  static StatusOr<std::unique_ptr<Vault>> open(VaultOptions options, const Unlock& unlock);
  ~Vault();
  Vault(const Vault&) = delete;
  Vault& operator=(const Vault&) = delete;

  // The current version, for `origin`. NOT_FOUND "secret_not_found"; PERMISSION_DENIED
  // "secret_origin_mismatch"; FAILED_PRECONDITION "secret_revoked", "secret_expired"; DATA_LOSS
  // "record_damaged": also for a name that is not found while some record is damaged, as that may be the one.
  StatusOr<Secret> get(const SecretName& name, std::string_view origin) const;
  // One version: the current one, or the one before it while it lasts.
  StatusOr<Secret> get_version(const SecretName& name, uint32_t version, std::string_view origin) const;
  std::vector<SecretInfo> list() const;
  std::vector<SlotInfo> slots() const;
  std::vector<DamagedRecord> damaged() const;
  std::string store_id() const;
  uint64_t epoch() const;
  // Takes over what another process wrote; costs microseconds when nothing changed.
  Status refresh();
  // The same, but for waiting: while a thread of this process writes, what it publishes is the newest.
  Status try_refresh();
  // Calls use(reference, secret) for every version that can be read, expired ones too: for those who look for
  // secrets in text.
  void for_each_secret(
      const std::function<void(std::string_view reference, const Secret& secret)>& use) const;

  // Adds or replaces; all in one write. A replaced secret is gone.
  Status put(std::span<const NewSecret> secrets);
  // A new version with the same origin. The one before stays readable by its number for `grace_ms`.
  // NOT_FOUND "secret_not_found", FAILED_PRECONDITION "secret_revoked".
  Status rotate(const SecretName& name, const Secret& value, int64_t grace_ms, int64_t expires_ms = 0);
  // Erases every version; the name stays, so that users are told. Revoking twice is no error.
  Status revoke(const SecretName& name);
  Status set_expiry(const SecretName& name, int64_t expires_ms);
  // Forgets the name as well.
  Status remove(const SecretName& name);
  // Gives damaged records up. How many there were.
  StatusOr<size_t> drop_damaged();

  // ALREADY_EXISTS "slot_exists" for a label that is taken; RESOURCE_EXHAUSTED "too_many_slots".
  Status add_slot(const Unlock& unlock, crypto::PasswordCost cost = {});
  // The slot alone: who knows its secret and has an older copy of the file still has the root key; see
  // rotate_master. NOT_FOUND "slot_not_found", FAILED_PRECONDITION "last_slot".
  Status remove_slot(std::string_view label);
  // A new root key with these slots and no others; each is tried on the new file before that replaces the
  // old. Readers go on; other processes get "master_rotated" when they write or refresh, and open anew.
  Status rotate_master(std::span<const Unlock> unlocks, crypto::PasswordCost cost = {});
  // A new data key for every record, `batch` records a write; goes on where an interrupted one stopped. The
  // old key goes only after every record of the file as it is on disk was read with the new one.
  // FAILED_PRECONDITION "vault_has_damaged_records".
  Status rotate_data_key(size_t batch = 1000);
  // Whether a rotation of the data key was begun and not finished.
  bool is_rotating() const;

 private:
  explicit Vault(VaultOptions options);
  std::shared_ptr<const VaultState> snapshot() const;
  void publish(std::shared_ptr<const VaultState> state);
  StatusOr<std::shared_ptr<const VaultState>> reload(const VaultState& known) const;
  Status take_over();  // under writing_
  Status edit(UniqueFunction<Status(VaultEdit&)> change);
  StatusOr<uint64_t> last_seen(std::string_view store_id) const;
  Status check_epoch(const VaultState& state, uint64_t seen) const;
  Status advance_anchors(const VaultState& state) const;
  Status reseal_batch(size_t batch, bool& finished);
  Status retire_old_keys();

  const VaultOptions options_;
  std::mutex writing_;             // taken before the lock file and before publishing_
  mutable std::mutex publishing_;  // held to copy a pointer
  std::shared_ptr<const VaultState> state_;
};

}  // namespace tau::credential
