// How the commands of the vault open it: from the options, else from the configuration, else by a passphrase.
#pragma once

#include <optional>

#include "client.h"
#include "handles.h"
#include "options.h"
#include "secret_input.h"

namespace cli {

using VaultPtr = std::unique_ptr<tau_vault, Release<tau_vault_unref>>;
using SecretPtr = std::unique_ptr<tau_secret, Release<tau_secret_free>>;

// One way in, with what it points to.
class Key {
 public:
  // The first of the options that is set; nothing when none is. A passphrase that is made is asked for twice.
  static Result<std::optional<Key>> of(const KeyOptions& options, bool is_new);
  static Key named(tau_vault_key_kind kind, std::string name);
  static Result<Key> ask(bool is_new);

  void set_label(std::string label) { label_ = std::move(label); }
  tau_vault_key_kind kind() const { return kind_; }
  const std::string& name() const { return name_; }
  // Makes the file or the entry when there is none.
  void make_if_absent();
  bool makes() const { return make_; }
  // Lives as long as this.
  tau_vault_key c() const;

 private:
  tau_vault_key_kind kind_ = TAU_VAULT_KEY_PASSPHRASE;
  std::string name_;
  std::string label_;
  std::optional<SecretText> secret_;
  bool make_ = false;
};

// Where the vault is and which ways into it the configuration knows.
struct VaultPlace {
  std::string path;
  std::string anchor;  // empty: beside it
  std::vector<std::pair<tau_vault_key_kind, std::string>> keys;
};
Result<VaultPlace> find_vault(const Options& options);

struct OpenVault {
  VaultPtr vault;
  Key key;  // that opened it
  VaultPlace place;
};
Result<OpenVault> open_vault(const Options& options, bool read_only = false);

// Calls of the library that only succeed or fail.
template <typename Function, typename... Arguments>
std::optional<Failure> failure_of(Function function, Arguments... arguments) {
  tau_error* error = nullptr;
  const tau_status status = function(arguments..., &error);
  if (status == TAU_OK) return std::nullopt;
  return library_failure(status, error);
}

Result<VaultPtr> call_open(const VaultPlace& place, const Key& key, tau_vault_flags flags);

}  // namespace cli
