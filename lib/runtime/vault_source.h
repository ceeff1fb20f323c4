// Where "secret://" references of a configuration are looked up.
#pragma once

#include <memory>
#include <mutex>
#include <string>
#include <string_view>

#include "runtime/config.h"
#include "runtime/vault.h"

namespace tau::runtime {

// The host's vault, or the one that the configuration names. Any thread.
class VaultSource final {
 public:
  // `given` may be null.
  explicit VaultSource(std::shared_ptr<Vault> given) : vault_(std::move(given)) {}

  // What to open when the host gave none; before the first get().
  void configure(VaultConfig config, bool use_environment, bool read_only);

  // FAILED_PRECONDITION "no_vault_key" when nothing says how to open it; else as Vault::open and Vault::get,
  // with the reference in the message.
  StatusOr<Secret> get(const std::string& reference, std::string_view origin);

  // The vault, opened when it is not yet. Failures as of get().
  StatusOr<std::shared_ptr<Vault>> opened() { return vault(); }

  // The secret, for local use; made of `bytes` random ones when the vault has none of that name.
  StatusOr<Secret> get_or_make(const std::string& reference, size_t bytes);

  // Opens the vault if anything says how, so that its secrets are known before any is used. NOT_FOUND when
  // there is no file.
  Status open_if_configured();

  // Calls the sink for each secret of the vault: now if it is open, when it is opened, and after each change
  // that is seen. Once, before runs begin; an empty sink ends it.
  void watch(SecretSink sink);
  // The same for changes that are made through the vault's handle. Nobody calls the function that was given
  // before when this returns.
  void watch_changes(VaultChanges changes);

 private:
  StatusOr<std::shared_ptr<Vault>> vault();
  StatusOr<std::shared_ptr<Vault>> open() const;

  VaultConfig config_;
  bool use_environment_ = false;
  bool read_only_ = false;
  std::mutex mutex_;  // of what follows
  std::shared_ptr<Vault> vault_;
  std::shared_ptr<const SecretSink> sink_;
  std::shared_ptr<const VaultChanges> changes_;
};

}  // namespace tau::runtime
