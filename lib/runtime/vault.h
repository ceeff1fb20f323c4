// Vault: the handle on a vault that hosts hold. It stays usable while other processes rotate the master key.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <vector>

#include <sys/types.h>

#include "base/base.h"
#include "credential/credential.h"

namespace tau::runtime {

// One way into a vault, as a host or the configuration says it.
struct VaultKey {
  credential::SlotKind kind = credential::SlotKind::kPassphrase;
  std::string label;  // empty: any of the kind
  std::string name;   // of the file, the variable or the keyring's entry
  Secret secret;      // the passphrase, or the host's key
  bool make = false;  // the file or the entry, which must not exist
};

struct VaultOptions {
  std::string path;
  std::string anchor;        // empty: "<path>.epochs"
  uint64_t least_epoch = 0;  // what the host remembers
  bool create = false;       // with its directory
  bool use_environment = false;
  bool read_only = false;  // no file is written
};

// Takes every secret that a vault holds, for those who look for secrets in text.
using SecretSink = std::function<void(std::string_view reference, const Secret& secret)>;

// Told of each change that succeeded through a handle: "put" and what was put; never a value. Must not call
// the vault.
using VaultChanges = std::function<void(std::string_view action, std::string_view target)>;

// Names are "provider/openai#field" or references; origins are URLs. See tau/vault.h for the failures.
class Vault final {
 public:
  static StatusOr<std::shared_ptr<Vault>> open(VaultOptions options, const VaultKey& key);
  Vault(const Vault&) = delete;
  Vault& operator=(const Vault&) = delete;

  // FAILED_PRECONDITION "forked" in a child process.
  Status check() const;

  StatusOr<Secret> get(std::string_view name, std::string_view origin, uint32_t version = 0);
  Status put(std::string_view name, Secret value, std::string_view origin, int64_t expires_ms);
  // All in one write: after a crash none of them is there or all are. `told`: what watchers of changes hear
  // of; empty: nothing.
  Status put_all(std::vector<credential::NewSecret> secrets, std::string_view told);
  // The file.
  const std::string& path() const { return options_.path; }
  Status rotate_secret(std::string_view name, const Secret& value, int64_t grace_ms, int64_t expires_ms);
  Status revoke(std::string_view name);
  Status remove(std::string_view name);
  Status set_expiry(std::string_view name, int64_t expires_ms);
  StatusOr<std::string> describe();
  Status drop_damaged();
  Status add_key(const VaultKey& key);
  Status remove_key(std::string_view label);
  Status rotate_keys(const VaultKey* key);  // null: of the secrets alone
  StatusOr<std::string> import_file(std::string_view path, const Secret& passphrase,
                                    std::string_view origins_json);

  // Calls the sink for each secret, now and after every change that this handle sees, for as long as somebody
  // else holds the sink. On the thread that sees the change; the sink calls nothing of the vault.
  void watch(const std::shared_ptr<const SecretSink>& sink);
  // Likewise for changes, on the thread that makes them.
  void watch_changes(const std::shared_ptr<const VaultChanges>& changes);
  // Nobody calls it any more when this returns.
  void unwatch_changes(const std::shared_ptr<const VaultChanges>& changes);

 private:
  Vault(VaultOptions options, std::unique_ptr<credential::EpochAnchor> file,
        std::unique_ptr<credential::EpochAnchor> host);
  credential::VaultOptions file_options() const;
  StatusOr<credential::Unlock> unlock(const VaultKey& key) const;
  StatusOr<credential::Unlock> make_unlock(const VaultKey& key) const;
  void drop_unused(const VaultKey& key, const credential::Unlock& way) const;
  void take_up(const VaultKey& key, const credential::Unlock& way);
  Status may_write() const;
  // With what other processes wrote; opened again when they rotated its master.
  StatusOr<std::shared_ptr<credential::Vault>> current();
  StatusOr<std::shared_ptr<credential::Vault>> reopen(const std::shared_ptr<credential::Vault>& old);
  StatusOr<std::shared_ptr<credential::Vault>> writable();
  void remember(const VaultKey& key);
  void tell(const credential::Vault& vault);
  // Hands `done` on, after it was told to who watches.
  Status changed(Status done, std::string_view action, std::string_view target);

  const VaultOptions options_;
  const pid_t process_;
  const std::unique_ptr<credential::EpochAnchor> file_anchor_;
  const std::unique_ptr<credential::EpochAnchor> host_anchor_;

  std::mutex mutex_;  // of what follows; taken before telling_
  std::shared_ptr<credential::Vault> vault_;
  VaultKey way_in_;  // to open it again; a passphrase or a key of the host is not kept

  std::mutex telling_;  // of what follows
  uint64_t told_epoch_ = 0;
  std::vector<std::weak_ptr<const SecretSink>> sinks_;
  std::vector<std::weak_ptr<const VaultChanges>> changes_;
};

// The origin of a URL, for "https://api.openai.com/v1" "https://api.openai.com:443"; empty for an empty one.
// INVALID_ARGUMENT "invalid_origin".
StatusOr<std::string> origin_of_url(std::string_view url);

}  // namespace tau::runtime
