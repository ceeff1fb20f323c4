#include "tau/vault.h"

#include "handles.h"

using namespace tau::capi;
using tau::Secret;
using tau::Status;
using tau::StatusOr;
using tau::runtime::Vault;
using tau::runtime::VaultKey;
using tau::runtime::VaultOptions;

namespace {

constexpr size_t kKeyBytes = 32;

StatusOr<Secret> bytes(const void* data, size_t len, std::string_view name) {
  if (data == nullptr && len != 0) return null_argument(name);
  return Secret(std::string_view(static_cast<const char*>(data), len));
}

// What the callback leaves; nothing while it is all zeros.
StatusOr<Secret> supplied(const tau_vault_key& key) {
  Secret made = Secret::generate(kKeyBytes,
                                 [&](std::span<char> to) { key.supply(key.userdata, to.data(), to.size()); });
  const bool none = made.reveal(
      [](std::string_view view) { return view.find_first_not_of('\0') == std::string_view::npos; });
  if (none) return tau::unavailable("no_key_supplied", "key.supply gave no key");
  return made;
}

StatusOr<VaultKey> convert(const tau_vault_key* given, std::string_view name) {
  if (given == nullptr) return null_argument(name);
  tau_vault_key k = TAU_VAULT_KEY_INIT;
  TAU_RETURN_IF_ERROR(read_options(given, &k, name));
  if (k.kind < TAU_VAULT_KEY_PASSPHRASE || k.kind > TAU_VAULT_KEY_CALLBACK)
    return tau::invalid_argument("unknown_kind", tau::format("key.kind {} is none", k.kind));
  if ((k.flags & ~static_cast<tau_vault_key_flags>(TAU_VAULT_KEY_MAKE)) != 0 || k.reserved != 0)
    return Status(tau::Code::kUnimplemented, "unknown_flag", "unknown flag in key.flags");
  VaultKey key;
  key.kind = static_cast<tau::credential::SlotKind>(k.kind);
  key.make = (k.flags & TAU_VAULT_KEY_MAKE) != 0;
  TAU_ASSIGN_OR_RETURN(key.name, text(k.name, "key.name"));
  TAU_ASSIGN_OR_RETURN(key.label, text(k.label, "key.label"));
  const bool asks = k.kind == TAU_VAULT_KEY_CALLBACK && k.supply != nullptr && k.secret_len == 0;
  TAU_ASSIGN_OR_RETURN(key.secret, asks ? supplied(k) : bytes(k.secret, k.secret_len, "key.secret"));
  return key;
}

StatusOr<VaultOptions> convert(const tau_vault_options* given) {
  if (given == nullptr) return null_argument("options");
  tau_vault_options o = TAU_VAULT_OPTIONS_INIT;
  TAU_RETURN_IF_ERROR(read_options(given, &o, "options"));
  constexpr tau_vault_flags kKnown = TAU_VAULT_CREATE | TAU_VAULT_USE_ENVIRONMENT | TAU_VAULT_READ_ONLY;
  if ((o.flags & ~kKnown) != 0)
    return Status(tau::Code::kUnimplemented, "unknown_flag", "unknown flag in options.flags");
  VaultOptions options;
  TAU_ASSIGN_OR_RETURN(options.path, text(o.path, "options.path"));
  TAU_ASSIGN_OR_RETURN(options.anchor, text(o.anchor, "options.anchor"));
  options.least_epoch = o.least_epoch;
  options.create = (o.flags & TAU_VAULT_CREATE) != 0;
  options.use_environment = (o.flags & TAU_VAULT_USE_ENVIRONMENT) != 0;
  options.read_only = (o.flags & TAU_VAULT_READ_ONLY) != 0;
  return options;
}

// Calls make(vault, name) with the text of `name`.
template <class F>
tau_status on_secret(tau_vault* vault, tau_str name, tau_error** err, F&& make) noexcept {
  return guard(err, [&]() -> Status {
    if (vault == nullptr) return null_argument("vault");
    TAU_ASSIGN_OR_RETURN(const std::string_view view, text(name, "name"));
    return make(*vault->object, view);
  });
}

}  // namespace

void tau_vault_options_init(tau_vault_options* options, uint32_t struct_size) {
  const tau_vault_options defaults = TAU_VAULT_OPTIONS_INIT;
  init_options(options, struct_size, defaults);
}

void tau_vault_key_init(tau_vault_key* key, uint32_t struct_size) {
  const tau_vault_key defaults = TAU_VAULT_KEY_INIT;
  init_options(key, struct_size, defaults);
}

tau_status tau_vault_open(const tau_vault_options* options, const tau_vault_key* key, tau_vault** out,
                          tau_error** err) {
  if (out != nullptr) *out = nullptr;
  return guard(err, [&]() -> Status {
    if (out == nullptr) return null_argument("out");
    TAU_ASSIGN_OR_RETURN(VaultOptions converted, convert(options));
    TAU_ASSIGN_OR_RETURN(const VaultKey way, convert(key, "key"));
    return hand_out(Vault::open(std::move(converted), way), out);
  });
}

tau_vault* tau_vault_ref(tau_vault* vault) { return ref(vault); }
void tau_vault_unref(tau_vault* vault) { unref(vault); }

tau_status tau_vault_put(tau_vault* vault, tau_str name, const void* data, size_t data_len, tau_str origin,
                         int64_t expires_ms, tau_error** err) {
  return on_secret(vault, name, err, [&](Vault& object, std::string_view id) -> Status {
    TAU_ASSIGN_OR_RETURN(Secret value, bytes(data, data_len, "data"));
    TAU_ASSIGN_OR_RETURN(const std::string_view url, text(origin, "origin"));
    return object.put(id, std::move(value), url, expires_ms);
  });
}

tau_status tau_vault_get(tau_vault* vault, tau_str name, tau_str origin, uint32_t version, tau_secret** out,
                         tau_error** err) {
  if (out != nullptr) *out = nullptr;
  return on_secret(vault, name, err, [&](Vault& object, std::string_view id) -> Status {
    if (out == nullptr) return null_argument("out");
    TAU_ASSIGN_OR_RETURN(const std::string_view url, text(origin, "origin"));
    TAU_ASSIGN_OR_RETURN(Secret value, object.get(id, url, version));
    *out = new tau_secret{std::move(value)};
    return tau::ok_status();
  });
}

tau_status tau_vault_rotate_secret(tau_vault* vault, tau_str name, const void* data, size_t data_len,
                                   int64_t grace_ms, int64_t expires_ms, tau_error** err) {
  return on_secret(vault, name, err, [&](Vault& object, std::string_view id) -> Status {
    TAU_ASSIGN_OR_RETURN(const Secret value, bytes(data, data_len, "data"));
    return object.rotate_secret(id, value, grace_ms, expires_ms);
  });
}

tau_status tau_vault_revoke(tau_vault* vault, tau_str name, tau_error** err) {
  return on_secret(vault, name, err, [](Vault& object, std::string_view id) { return object.revoke(id); });
}

tau_status tau_vault_remove(tau_vault* vault, tau_str name, tau_error** err) {
  return on_secret(vault, name, err, [](Vault& object, std::string_view id) { return object.remove(id); });
}

tau_status tau_vault_set_expiry(tau_vault* vault, tau_str name, int64_t expires_ms, tau_error** err) {
  return on_secret(vault, name, err,
                   [&](Vault& object, std::string_view id) { return object.set_expiry(id, expires_ms); });
}

tau_status tau_vault_describe(tau_vault* vault, tau_buf* out, tau_error** err) {
  return give_json(vault, "vault", out, err, [&] { return vault->object->describe(); });
}

tau_status tau_vault_drop_damaged(tau_vault* vault, tau_error** err) {
  return guard(err, [&]() -> Status {
    if (vault == nullptr) return null_argument("vault");
    return vault->object->drop_damaged();
  });
}

tau_status tau_vault_add_key(tau_vault* vault, const tau_vault_key* key, tau_error** err) {
  return guard(err, [&]() -> Status {
    if (vault == nullptr) return null_argument("vault");
    TAU_ASSIGN_OR_RETURN(const VaultKey way, convert(key, "key"));
    return vault->object->add_key(way);
  });
}

tau_status tau_vault_remove_key(tau_vault* vault, tau_str label, tau_error** err) {
  return guard(err, [&]() -> Status {
    if (vault == nullptr) return null_argument("vault");
    TAU_ASSIGN_OR_RETURN(const std::string_view view, text(label, "label"));
    return vault->object->remove_key(view);
  });
}

tau_status tau_vault_rotate_keys(tau_vault* vault, const tau_vault_key* key, tau_error** err) {
  return guard(err, [&]() -> Status {
    if (vault == nullptr) return null_argument("vault");
    tau_vault_key k = TAU_VAULT_KEY_INIT;
    TAU_RETURN_IF_ERROR(read_options(key, &k, "key"));
    if (k.kind == TAU_VAULT_KEY_NONE) return vault->object->rotate_keys(nullptr);
    TAU_ASSIGN_OR_RETURN(const VaultKey way, convert(key, "key"));
    return vault->object->rotate_keys(&way);
  });
}

tau_status tau_vault_import(tau_vault* vault, tau_str path, const void* passphrase, size_t passphrase_len,
                            tau_str origins, tau_buf* out, tau_error** err) {
  return give_json(vault, "vault", out, err, [&]() -> StatusOr<std::string> {
    TAU_ASSIGN_OR_RETURN(const std::string_view file, text(path, "path"));
    TAU_ASSIGN_OR_RETURN(const Secret secret, bytes(passphrase, passphrase_len, "passphrase"));
    TAU_ASSIGN_OR_RETURN(const std::string_view document, text(origins, "origins"));
    return vault->object->import_file(file, secret, document);
  });
}

const void* tau_secret_data(const tau_secret* secret) {
  if (secret == nullptr) return nullptr;
  return secret->value.reveal([](std::string_view view) -> const void* { return view.data(); });
}

size_t tau_secret_len(const tau_secret* secret) { return secret == nullptr ? 0 : secret->value.size(); }

void tau_secret_free(tau_secret* secret) { delete secret; }
