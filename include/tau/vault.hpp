// The vault: secrets in one encrypted file, each bound to the origin that may see it.
#ifndef TAU_VAULT_HPP
#define TAU_VAULT_HPP

#include <tau/vault.h>

#include <functional>
#include <tau/error.hpp>

namespace tau {
inline namespace v0 {

// Bytes that must not leak; wiped at the end. There is no way to print or compare them but through reveal().
// Thread: any.
class Secret : public detail::Handle<tau_secret, tau_secret_free> {
 public:
  using Handle::Handle;

  // The bytes, for as long as the secret lives: a temporary gives none. Copy them nowhere where they stay.
  std::string_view reveal() const& noexcept {
    return {static_cast<const char*>(tau_secret_data(c())), tau_secret_len(c())};
  }
  std::string_view reveal() const&& = delete;

  size_t size() const noexcept { return tau_secret_len(c()); }
};

// One way into a vault. Its views are those that it was made of: it lives no longer than they do.
class VaultKey {
 public:
  // At least 12 bytes; opening takes about 300 ms of a processor.
  static VaultKey passphrase(std::string_view words) noexcept {
    VaultKey key(TAU_VAULT_KEY_PASSPHRASE);
    key.set_secret(words);
    return key;
  }
  // A private file of 64 hexadecimal digits.
  static VaultKey file(std::string_view path) noexcept { return named(TAU_VAULT_KEY_FILE, path); }
  // A variable of 64 hexadecimal digits; needs VaultOptions::use_environment.
  static VaultKey environment(std::string_view variable) noexcept {
    return named(TAU_VAULT_KEY_ENVIRONMENT, variable);
  }
  // An entry of the kernel's user keyring, which lasts until a restart.
  static VaultKey keyring(std::string_view entry) noexcept { return named(TAU_VAULT_KEY_KEYRING, entry); }
  // 32 bytes of the host's.
  static VaultKey bytes(std::string_view key_bytes) noexcept {
    VaultKey key(TAU_VAULT_KEY_CALLBACK);
    key.set_secret(key_bytes);
    return key;
  }
  // A function of the host that writes 32 bytes, during the call that takes the key. It must not throw; zeros
  // that it leaves mean that there is no key.
  static VaultKey callback(const std::function<void(void* key, size_t len)>& supply) noexcept {
    VaultKey key(TAU_VAULT_KEY_CALLBACK);
    key.c_.supply = [](void* userdata, void* to, size_t len) {
      (*static_cast<const std::function<void(void*, size_t)>*>(userdata))(to, len);
    };
    key.c_.userdata = const_cast<std::function<void(void*, size_t)>*>(&supply);
    return key;
  }

  // The name of the key in the vault, to remove it by; without it the name of its kind.
  VaultKey& label(std::string_view text) noexcept {
    c_.label = detail::str(text);
    return *this;
  }
  // Makes the file or the entry, which must not exist, with a random key.
  VaultKey& make() noexcept {
    c_.flags |= TAU_VAULT_KEY_MAKE;
    return *this;
  }

  const tau_vault_key* c() const noexcept { return &c_; }

 private:
  friend class Vault;
  explicit VaultKey(tau_vault_key_kind kind) noexcept {
    tau_vault_key_init(&c_, sizeof c_);
    c_.kind = kind;
  }
  static VaultKey named(tau_vault_key_kind kind, std::string_view name) noexcept {
    VaultKey key(kind);
    key.c_.name = detail::str(name);
    return key;
  }
  void set_secret(std::string_view data) noexcept {
    c_.secret = data.data();
    c_.secret_len = data.size();
  }

  tau_vault_key c_;
};

struct VaultOptions {
  std::string path = {};         // of the file
  bool create = false;           // make it; it must not exist
  bool use_environment = false;  // a key may come from the environment
  bool read_only = false;        // nothing is written: every change fails
  std::string anchor = {};       // file that remembers how far the vault has come; empty: "<path>.epochs"
  uint64_t least_epoch = 0;      // an earlier epoch is refused as an older copy
};

// A vault, open. Names are "provider/openai", "provider/openai#field" or a reference "secret://…". Every change
// is durable when it returns. tau/vault.h lists the failures.
// Thread: any; waits for the disk and for writers of other processes.
class Vault : public detail::Handle<tau_vault, tau_vault_unref> {
 public:
  using Handle::Handle;

  // Opens a vault, or makes one (tau_vault_open).
  // Errors: kUnauthenticated "wrong_key"; kNotFound; kDataLoss "vault_damaged", "vault_rolled_back"; kAlreadyExists
  // "vault_exists"; kInvalidArgument "weak_passphrase", "invalid_key".
  static Result<Vault> open(const VaultOptions& options, const VaultKey& key) {
    tau_vault_options o;
    tau_vault_options_init(&o, sizeof o);
    o.flags = detail::flag(options.create, TAU_VAULT_CREATE) |
              detail::flag(options.use_environment, TAU_VAULT_USE_ENVIRONMENT) |
              detail::flag(options.read_only, TAU_VAULT_READ_ONLY);
    o.path = detail::str(options.path);
    if (!options.anchor.empty()) o.anchor = detail::str(options.anchor);
    o.least_epoch = options.least_epoch;
    return detail::make<Vault>(tau_vault_open, static_cast<const tau_vault_options*>(&o), key.c());
  }

  // Another owner of the same vault.
  Vault share() const noexcept { return Vault(tau_vault_ref(c())); }

  // Stores a secret, in the place of all versions of an old one (tau_vault_put). origin: "https://host", empty
  // for local use; expires_ms: since 1970, 0 for never.
  Result<void> put(std::string_view name, std::string_view value, std::string_view origin,
                   int64_t expires_ms = 0) const {
    return detail::done(tau_vault_put, c(), detail::str(name), data(value), value.size(), detail::str(origin),
                        expires_ms);
  }

  // Gives a secret out for its origin (tau_vault_get). version: 0 for the current one.
  // Errors: kNotFound "secret_not_found"; kPermissionDenied "secret_origin_mismatch"; kFailedPrecondition
  // "secret_revoked", "secret_expired"; kDataLoss "record_damaged".
  Result<Secret> get(std::string_view name, std::string_view origin, uint32_t version = 0) const {
    return detail::make<Secret>(tau_vault_get, c(), detail::str(name), detail::str(origin), version);
  }

  // Gives a secret a new version; the one before stays readable by its number for grace_ms
  // (tau_vault_rotate_secret).
  Result<void> rotate_secret(std::string_view name, std::string_view value, int64_t grace_ms = 0,
                             int64_t expires_ms = 0) const {
    return detail::done(tau_vault_rotate_secret, c(), detail::str(name), data(value), value.size(), grace_ms,
                        expires_ms);
  }

  // Erases every version; the name stays (tau_vault_revoke).
  Result<void> revoke(std::string_view name) const {
    return detail::done(tau_vault_revoke, c(), detail::str(name));
  }

  // Erases a secret and its name (tau_vault_remove).
  Result<void> remove(std::string_view name) const {
    return detail::done(tau_vault_remove, c(), detail::str(name));
  }

  // Until when the current version may be used; 0: for ever (tau_vault_set_expiry).
  Result<void> set_expiry(std::string_view name, int64_t expires_ms) const {
    return detail::done(tau_vault_set_expiry, c(), detail::str(name), expires_ms);
  }

  // What is in the vault, as JSON without any value (tau_vault_describe).
  Result<Text> describe() const { return detail::text_of(tau_vault_describe, c()); }

  // Erases the records that are damaged (tau_vault_drop_damaged).
  Result<void> drop_damaged() const { return detail::done(tau_vault_drop_damaged, c()); }

  // Adds a way in (tau_vault_add_key).
  Result<void> add_key(const VaultKey& key) const { return detail::done(tau_vault_add_key, c(), key.c()); }

  // Removes a way in by its label (tau_vault_remove_key).
  Result<void> remove_key(std::string_view label) const {
    return detail::done(tau_vault_remove_key, c(), detail::str(label));
  }

  // A new master key that `key` alone opens, and a new key of the secrets (tau_vault_rotate_keys).
  Result<void> rotate_keys(const VaultKey& key) const {
    return detail::done(tau_vault_rotate_keys, c(), key.c());
  }
  // A new key of the secrets alone.
  Result<void> rotate_keys() const {
    return detail::done(tau_vault_rotate_keys, c(), VaultKey(TAU_VAULT_KEY_NONE).c());
  }

  // Takes over a credential file of Tau, as a JSON report (tau_vault_import). origins: JSON, id to URL.
  Result<Text> import_file(std::string_view path, std::string_view passphrase = {},
                           std::string_view origins = {}) const {
    return detail::text_of(tau_vault_import, c(), detail::str(path), data(passphrase), passphrase.size(),
                           detail::str(origins));
  }

 private:
  static const void* data(std::string_view bytes) noexcept { return bytes.data(); }
};

}  // namespace v0
}  // namespace tau

#endif
