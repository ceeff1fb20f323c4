#include "runtime/vault_source.h"

namespace tau::runtime {
namespace {

using credential::SlotKind;

std::vector<VaultKey> ways_in(const VaultConfig& config) {
  std::vector<VaultKey> keys;
  const auto add = [&](SlotKind kind, const std::string& name) {
    if (name.empty()) return;
    VaultKey key;
    key.kind = kind;
    key.name = name;
    keys.push_back(std::move(key));
  };
  add(SlotKind::kKeyFile, config.key_file);
  add(SlotKind::kEnvironment, config.key_env);
  add(SlotKind::kKeyring, config.keyring);
  return keys;
}

}  // namespace

void VaultSource::configure(VaultConfig config, bool use_environment, bool read_only) {
  config_ = std::move(config);
  use_environment_ = use_environment;
  read_only_ = read_only;
}

StatusOr<std::shared_ptr<Vault>> VaultSource::open() const {
  const std::vector<VaultKey> keys = ways_in(config_);
  if (keys.empty() || config_.path.empty())
    return failed_precondition(
        "no_vault_key", config_.path.empty()
                            ? "there is no vault: set vault.path, or give the runtime one"
                            : "nothing says how to open the vault: set vault.key_file, vault.key_env or "
                              "vault.keyring, or give the runtime an open one");
  Status first = ok_status();
  for (const VaultKey& key : keys) {
    auto opened = Vault::open({.path = config_.path,
                               .anchor = config_.anchor,
                               .use_environment = use_environment_,
                               .read_only = read_only_},
                              key);
    if (opened.ok()) return opened;
    if (first.ok()) first = std::move(opened).status();
  }
  return first;
}

StatusOr<std::shared_ptr<Vault>> VaultSource::vault() {
  const std::lock_guard lock(mutex_);
  if (vault_ == nullptr) {
    TAU_ASSIGN_OR_RETURN(vault_, open());
    if (sink_ != nullptr) vault_->watch(sink_);
    if (changes_ != nullptr) vault_->watch_changes(changes_);
  }
  return vault_;
}

StatusOr<Secret> VaultSource::get(const std::string& reference, std::string_view origin) {
  auto open = vault();
  if (!open.ok()) return std::move(open).status().annotate(reference);
  return (*open)->get(reference, origin);
}

StatusOr<Secret> VaultSource::get_or_make(const std::string& reference, size_t bytes) {
  TAU_ASSIGN_OR_RETURN(const auto open, vault());
  auto found = open->get(reference, {});
  if (found.ok() || found.status().reason() != "secret_not_found") return found;
  Secret made =
      Secret::generate(bytes, [](std::span<char> to) { system_random().fill(std::as_writable_bytes(to)); });
  TAU_RETURN_IF_ERROR(open->put(reference, std::move(made), {}, 0));
  return open->get(reference, {});
}

Status VaultSource::open_if_configured() { return ways_in(config_).empty() ? ok_status() : vault().status(); }

void VaultSource::watch(SecretSink sink) {
  const std::lock_guard lock(mutex_);
  sink_ = sink ? std::make_shared<const SecretSink>(std::move(sink)) : nullptr;
  if (sink_ != nullptr && vault_ != nullptr) vault_->watch(sink_);
}

void VaultSource::watch_changes(VaultChanges changes) {
  const std::lock_guard lock(mutex_);
  if (changes_ != nullptr && vault_ != nullptr) vault_->unwatch_changes(changes_);
  changes_ = changes ? std::make_shared<const VaultChanges>(std::move(changes)) : nullptr;
  if (changes_ != nullptr && vault_ != nullptr) vault_->watch_changes(changes_);
}

}  // namespace tau::runtime
