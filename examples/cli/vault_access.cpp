#include "vault_access.h"

#include <unistd.h>

#include <filesystem>

#include "terminal.h"

namespace cli {
namespace {

std::string absolute(const std::string& path) {
  std::error_code error;
  const auto whole = std::filesystem::absolute(path, error);
  return error ? path : whole.lexically_normal().string();
}

constexpr std::string_view kPassphrase = "Passphrase of the vault";

Result<std::optional<Key>> with_secret(Result<Key> key) {
  if (!key.ok()) return key.failure();
  return std::optional<Key>(*std::move(key));
}

}  // namespace

Key Key::named(tau_vault_key_kind kind, std::string name) {
  Key key;
  key.kind_ = kind;
  key.name_ = std::move(name);
  return key;
}

Result<Key> Key::ask(bool is_new) {
  auto secret = is_new ? prompt_new_secret("New passphrase, at least 12 bytes") : prompt_secret(kPassphrase);
  if (!secret.ok()) return secret.failure();
  Key key;
  key.secret_.emplace(*std::move(secret));
  return key;
}

Result<std::optional<Key>> Key::of(const KeyOptions& options, bool is_new) {
  if (!options.file.empty()) return std::optional(named(TAU_VAULT_KEY_FILE, absolute(options.file)));
  if (!options.variable.empty()) return std::optional(named(TAU_VAULT_KEY_ENVIRONMENT, options.variable));
  if (!options.keyring.empty()) return std::optional(named(TAU_VAULT_KEY_KEYRING, options.keyring));
  if (options.passphrase) return with_secret(ask(is_new));
  if (options.passphrase_file.empty() && options.passphrase_fd < 0) return std::optional<Key>();
  auto secret =
      options.passphrase_fd < 0
          ? read_secret_file(options.passphrase_file)
          : read_secret(options.passphrase_fd, "descriptor " + std::to_string(options.passphrase_fd));
  if (!secret.ok()) return secret.failure();
  Key key;
  key.secret_.emplace(*std::move(secret));
  return std::optional(std::move(key));
}

void Key::make_if_absent() {
  // Who has the entry of the keyring is known to the library alone: it says so.
  make_ = kind_ == TAU_VAULT_KEY_FILE && access(name_.c_str(), F_OK) != 0;
}

tau_vault_key Key::c() const {
  tau_vault_key key = TAU_VAULT_KEY_INIT;
  key.kind = kind_;
  key.name = to_tau(name_);
  key.label = to_tau(label_);
  key.flags = make_ ? TAU_VAULT_KEY_MAKE : 0;
  if (secret_) {
    key.secret = secret_->data();
    key.secret_len = secret_->size();
  }
  return key;
}

Result<VaultPlace> find_vault(const Options& options) {
  const auto about = Client::about(options);
  if (!about.ok()) return about.failure();
  const Json& values = (*about)["config"]["values"];
  const auto value = [&](std::string_view key) { return values[key]["value"].as_string(); };
  VaultPlace place;
  place.path = !options.vault.empty() ? absolute(options.vault) : value("vault.path");
  if (place.path.empty()) {
    const std::string& home = (*about)["home"].as_string();
    if (home.empty())
      return input_failure("no_home", "there is no home directory", "give --home DIR, or --vault FILE");
    place.path = home + "/vault";
  }
  place.anchor = value("vault.anchor");
  for (const auto& [key, kind] : {std::pair{"vault.key_file", TAU_VAULT_KEY_FILE},
                                  std::pair{"vault.key_env", TAU_VAULT_KEY_ENVIRONMENT},
                                  std::pair{"vault.keyring", TAU_VAULT_KEY_KEYRING}})
    if (std::string name = value(key); !name.empty()) place.keys.emplace_back(kind, std::move(name));
  return place;
}

Result<VaultPtr> call_open(const VaultPlace& place, const Key& key, tau_vault_flags flags) {
  tau_vault_options options = TAU_VAULT_OPTIONS_INIT;
  options.flags = flags | TAU_VAULT_USE_ENVIRONMENT;
  options.path = to_tau(place.path);
  options.anchor = to_tau(place.anchor);
  const tau_vault_key c = key.c();
  tau_vault* vault = nullptr;
  tau_error* error = nullptr;
  const tau_status status = tau_vault_open(&options, &c, &vault, &error);
  if (status != TAU_OK) return library_failure(status, error);
  return VaultPtr(vault);
}

Result<OpenVault> open_vault(const Options& options, bool read_only) {
  auto place = find_vault(options);
  if (!place.ok()) return place.failure();
  const tau_vault_flags flags = read_only ? TAU_VAULT_READ_ONLY : 0;
  auto given = Key::of(options.key, /*is_new=*/false);
  if (!given.ok()) return given.failure();
  if (!*given && (*place).keys.empty()) {
    if (access((*place).path.c_str(), F_OK) != 0)
      return input_failure("file_not_found", "there is no vault " + (*place).path,
                           "tau vault init makes one");
    auto asked = Key::ask(/*is_new=*/false);
    if (!asked.ok()) {
      Failure failure = asked.failure();
      if (failure.reason == "no_terminal")
        failure.hint =
            "say how the vault opens: --key-file FILE, --passphrase-file FILE, or vault.key_file in tau.toml";
      return failure;
    }
    *given = *std::move(asked);
  }
  if (*given) {
    auto vault = call_open(*place, **given, flags);
    if (!vault.ok()) return vault.failure();
    return OpenVault{*std::move(vault), **std::move(given), *std::move(place)};
  }
  std::optional<Failure> first;
  for (const auto& [kind, name] : (*place).keys) {
    Key key = Key::named(kind, name);
    auto vault = call_open(*place, key, flags);
    if (vault.ok()) return OpenVault{*std::move(vault), std::move(key), *std::move(place)};
    if (!first) first = vault.failure();
  }
  return *first;
}

}  // namespace cli
