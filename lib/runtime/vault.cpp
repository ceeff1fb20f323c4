#include "runtime/vault.h"

#include <unistd.h>

#include <algorithm>

#include "net/net.h"
#include "os/os.h"
#include "runtime/environment.h"

namespace tau::runtime {
namespace {

using credential::SlotKind;

constexpr int64_t kMaxGraceMs = int64_t{3660} * 86'400'000;

// What the host remembers.
class HostAnchor final : public credential::EpochAnchor {
 public:
  explicit HostAnchor(uint64_t least) : least_(least) {}
  StatusOr<uint64_t> last_seen(std::string_view) override { return least_; }
  Status advance(std::string_view, uint64_t) override { return ok_status(); }

 private:
  const uint64_t least_;
};

// A file that is looked at and never written.
class ReadOnlyAnchor final : public credential::EpochAnchor {
 public:
  explicit ReadOnlyAnchor(std::string path) : file_(std::move(path)) {}
  StatusOr<uint64_t> last_seen(std::string_view store_id) override { return file_.last_seen(store_id); }
  Status advance(std::string_view, uint64_t) override { return ok_status(); }

 private:
  credential::FileAnchor file_;
};

std::unique_ptr<credential::EpochAnchor> make_file_anchor(const VaultOptions& options) {
  const std::string path = options.anchor.empty() ? options.path + ".epochs" : options.anchor;
  if (options.read_only) return std::make_unique<ReadOnlyAnchor>(path);
  return std::make_unique<credential::FileAnchor>(path);
}

StatusOr<credential::SecretName> parse_name(std::string_view text) {
  if (credential::is_reference(text)) return credential::parse_reference(text);
  return credential::parse_reference("secret://" + std::string(text));
}

Status make_parent(const std::string& path) {
  const size_t slash = path.rfind('/');
  if (slash == path.npos || slash == 0) return ok_status();
  const std::string parent = path.substr(0, slash);
  return os::path_exists(parent) ? ok_status() : os::make_private_dir(parent);
}

Status make_key(const VaultKey& key) {
  if (key.kind == SlotKind::kKeyFile) return credential::make_key_file(key.name, system_random());
  if (key.kind != SlotKind::kKeyring)
    return invalid_argument("cannot_make_key", "only a key file or an entry of the keyring can be made");
  if (credential::keyring_unlock(key.name).ok())
    return Status(Code::kAlreadyExists, "key_exists", format("the user keyring has a key \"{}\"", key.name));
  const Secret made = Secret::generate(
      credential::kKeyBytes, [](std::span<char> to) { system_random().fill(std::as_writable_bytes(to)); });
  return credential::store_in_keyring(key.name, made);
}

void unmake_key(const VaultKey& key) {
  if (key.kind == SlotKind::kKeyFile) {
    ::unlink(key.name.c_str());
  } else if (key.kind == SlotKind::kKeyring) {
    static_cast<void>(credential::remove_from_keyring(key.name));
  }
}

bool needs_name(SlotKind kind) { return kind != SlotKind::kPassphrase && kind != SlotKind::kCallback; }

}  // namespace

StatusOr<std::string> origin_of_url(std::string_view url) {
  if (url.empty()) return std::string();
  const auto parsed = net::parse_url(url);
  if (parsed.ok()) return parsed->origin();
  return invalid_argument(
      "invalid_origin",
      format("an origin must be like https://host or http://host:port: {}", parsed.status().message()));
}

Vault::Vault(VaultOptions options, std::unique_ptr<credential::EpochAnchor> file,
             std::unique_ptr<credential::EpochAnchor> host)
    : options_(std::move(options)),
      process_(::getpid()),
      file_anchor_(std::move(file)),
      host_anchor_(std::move(host)) {}

credential::VaultOptions Vault::file_options() const {
  credential::VaultOptions o;
  o.path = options_.path;
  o.anchors = {file_anchor_.get(), host_anchor_.get()};
  return o;
}

StatusOr<std::shared_ptr<Vault>> Vault::open(VaultOptions options, const VaultKey& key) {
  if (options.path.empty()) return invalid_argument("no_path", "options.path must name the vault's file");
  if (options.create && options.read_only)
    return invalid_argument("invalid_flags", "a vault that is made cannot be read-only");
  auto file = make_file_anchor(options);
  auto host = std::make_unique<HostAnchor>(options.least_epoch);
  const std::shared_ptr<Vault> vault(new Vault(std::move(options), std::move(file), std::move(host)));
  const VaultOptions& o = vault->options_;
  if (key.make && !o.create)
    return invalid_argument("cannot_make_key", "a key that is made now opens no vault that is there");
  if (o.create && os::path_exists(o.path))
    return Status(Code::kAlreadyExists, "vault_exists", format("\"{}\" exists", o.path));
  if (o.create) TAU_RETURN_IF_ERROR(make_parent(o.path));
  TAU_ASSIGN_OR_RETURN(const credential::Unlock way, vault->make_unlock(key));
  auto opened = o.create ? credential::Vault::create(vault->file_options(), way)
                         : credential::Vault::open(vault->file_options(), way);
  if (!opened.ok()) {
    vault->drop_unused(key, way);
    return std::move(opened).status();
  }
  vault->vault_ = *std::move(opened);
  vault->remember(key);
  return vault;
}

void Vault::remember(const VaultKey& key) {
  way_in_ = {.kind = key.kind, .label = key.label, .name = key.name, .secret = Secret(), .make = false};
}

StatusOr<credential::Unlock> Vault::unlock(const VaultKey& key) const {
  if (needs_name(key.kind) && key.name.empty())
    return invalid_argument("invalid_key", format("a key of kind {} needs the name of what holds it",
                                                  credential::slot_kind_name(key.kind)));
  switch (key.kind) {
    case SlotKind::kPassphrase: return credential::passphrase_unlock(key.secret.clone(), key.label);
    case SlotKind::kKeyFile: return credential::key_file_unlock(key.name, key.label);
    case SlotKind::kKeyring: return credential::keyring_unlock(key.name, key.label);
    case SlotKind::kCallback:
      return credential::callback_unlock([&]() -> StatusOr<Secret> { return key.secret.clone(); }, key.label);
    case SlotKind::kEnvironment: break;
  }
  if (!options_.use_environment)
    return permission_denied(
        "environment_not_allowed",
        format("the key is in the variable {}, and the environment may not be read", key.name));
  return credential::environment_unlock(key.name, process_environment(), key.label);
}

StatusOr<credential::Unlock> Vault::make_unlock(const VaultKey& key) const {
  if (key.make && !(needs_name(key.kind) && key.name.empty())) TAU_RETURN_IF_ERROR(make_key(key));
  return unlock(key);
}

// A write that failed may have reached the file all the same: the key stays unless the file is known not to
// need it.
void Vault::drop_unused(const VaultKey& key, const credential::Unlock& way) const {
  if (!key.make) return;
  credential::VaultOptions o = file_options();
  o.anchors.clear();
  const Status opens = credential::Vault::open(std::move(o), way).status();
  if (opens.reason() == "wrong_key" || opens.reason() == "file_not_found") unmake_key(key);
}

// After a rotation that failed: it may have reached the file all the same, which this key alone opens then.
void Vault::take_up(const VaultKey& key, const credential::Unlock& way) {
  auto opened = credential::Vault::open(file_options(), way);
  if (!opened.ok()) return drop_unused(key, way);
  const std::lock_guard lock(mutex_);
  vault_ = *std::move(opened);
  remember(key);
}

Status Vault::check() const {
  if (::getpid() == process_) return ok_status();
  return failed_precondition("forked", "after fork a child may only release what it has");
}

Status Vault::may_write() const {
  if (!options_.read_only) return ok_status();
  return failed_precondition("vault_read_only", "the vault is open for reading only");
}

StatusOr<std::shared_ptr<credential::Vault>> Vault::current() {
  std::shared_ptr<credential::Vault> vault;
  {
    const std::lock_guard lock(mutex_);
    vault = vault_;
  }
  Status fresh = vault->try_refresh();
  if (!fresh.ok() && fresh.reason() == "master_rotated") {
    TAU_ASSIGN_OR_RETURN(vault, reopen(vault));
    fresh = ok_status();
  }
  TAU_RETURN_IF_ERROR(fresh);
  tell(*vault);
  return vault;
}

StatusOr<std::shared_ptr<credential::Vault>> Vault::reopen(const std::shared_ptr<credential::Vault>& old) {
  const std::lock_guard lock(mutex_);
  if (vault_ != old) return vault_;
  if (!needs_name(way_in_.kind))
    return failed_precondition(
        "master_rotated",
        format("another process rotated the master key of the vault \"{}\": open it anew", options_.path));
  TAU_ASSIGN_OR_RETURN(const credential::Unlock again, unlock(way_in_));
  TAU_ASSIGN_OR_RETURN(vault_, credential::Vault::open(file_options(), again));
  return vault_;
}

StatusOr<std::shared_ptr<credential::Vault>> Vault::writable() {
  TAU_RETURN_IF_ERROR(check());
  TAU_RETURN_IF_ERROR(may_write());
  return current();
}

void Vault::watch(const std::shared_ptr<const SecretSink>& sink) {
  std::shared_ptr<credential::Vault> vault;
  {
    const std::lock_guard lock(mutex_);
    vault = vault_;
  }
  const std::lock_guard lock(telling_);
  std::erase_if(sinks_, [](const auto& weak) { return weak.expired(); });
  sinks_.push_back(sink);
  vault->for_each_secret(*sink);
}

void Vault::tell(const credential::Vault& vault) {
  const std::lock_guard lock(telling_);
  const uint64_t epoch = vault.epoch();
  if (epoch == told_epoch_) return;
  for (const auto& weak : sinks_)
    if (const auto sink = weak.lock()) vault.for_each_secret(*sink);
  told_epoch_ = epoch;
}

void Vault::watch_changes(const std::shared_ptr<const VaultChanges>& changes) {
  const std::lock_guard lock(telling_);
  std::erase_if(changes_, [](const auto& weak) { return weak.expired(); });
  changes_.push_back(changes);
}

void Vault::unwatch_changes(const std::shared_ptr<const VaultChanges>& changes) {
  const std::lock_guard lock(telling_);
  std::erase_if(changes_, [&](const auto& weak) { return weak.lock() == changes; });
}

Status Vault::changed(Status done, std::string_view action, std::string_view target) {
  if (!done.ok()) return done;
  const std::lock_guard lock(telling_);
  for (const auto& weak : changes_)
    if (const auto watcher = weak.lock()) (*watcher)(action, target);
  return done;
}

StatusOr<Secret> Vault::get(std::string_view name, std::string_view origin, uint32_t version) {
  TAU_RETURN_IF_ERROR(check());
  TAU_ASSIGN_OR_RETURN(const credential::SecretName parsed, parse_name(name));
  TAU_ASSIGN_OR_RETURN(const std::string bound, origin_of_url(origin));
  TAU_ASSIGN_OR_RETURN(const auto vault, current());
  return vault->get_version(parsed, version, bound);
}

Status Vault::put(std::string_view name, Secret value, std::string_view origin, int64_t expires_ms) {
  credential::NewSecret secret;
  TAU_ASSIGN_OR_RETURN(secret.name, parse_name(name));
  TAU_ASSIGN_OR_RETURN(secret.origin, origin_of_url(origin));
  secret.value = std::move(value);
  secret.expires_ms = expires_ms;
  TAU_ASSIGN_OR_RETURN(const auto vault, writable());
  TAU_RETURN_IF_ERROR(vault->put({&secret, 1}));
  tell(*vault);
  return changed(ok_status(), "put", name);
}

Status Vault::put_all(std::vector<credential::NewSecret> secrets, std::string_view told) {
  TAU_ASSIGN_OR_RETURN(const auto vault, writable());
  TAU_RETURN_IF_ERROR(vault->put(secrets));
  tell(*vault);
  return told.empty() ? ok_status() : changed(ok_status(), "put", told);
}

Status Vault::rotate_secret(std::string_view name, const Secret& value, int64_t grace_ms,
                            int64_t expires_ms) {
  TAU_ASSIGN_OR_RETURN(const credential::SecretName parsed, parse_name(name));
  if (expires_ms < 0) return invalid_argument("invalid_expiry", "the time of expiry is before 1970");
  if (grace_ms < 0 || grace_ms > kMaxGraceMs)
    return invalid_argument("invalid_expiry", format("a grace is 0 to {} ms", kMaxGraceMs));
  TAU_ASSIGN_OR_RETURN(const auto vault, writable());
  TAU_RETURN_IF_ERROR(vault->rotate(parsed, value, grace_ms, expires_ms));
  tell(*vault);
  return changed(ok_status(), "update", name);
}

Status Vault::revoke(std::string_view name) {
  TAU_ASSIGN_OR_RETURN(const credential::SecretName parsed, parse_name(name));
  TAU_ASSIGN_OR_RETURN(const auto vault, writable());
  return changed(vault->revoke(parsed), "revoke", name);
}

Status Vault::remove(std::string_view name) {
  TAU_ASSIGN_OR_RETURN(const credential::SecretName parsed, parse_name(name));
  TAU_ASSIGN_OR_RETURN(const auto vault, writable());
  return changed(vault->remove(parsed), "remove", name);
}

Status Vault::set_expiry(std::string_view name, int64_t expires_ms) {
  TAU_ASSIGN_OR_RETURN(const credential::SecretName parsed, parse_name(name));
  TAU_ASSIGN_OR_RETURN(const auto vault, writable());
  return changed(vault->set_expiry(parsed, expires_ms), "expire", name);
}

Status Vault::drop_damaged() {
  TAU_ASSIGN_OR_RETURN(const auto vault, writable());
  return changed(vault->drop_damaged().status(), "drop_damaged", {});
}

Status Vault::add_key(const VaultKey& key) {
  TAU_ASSIGN_OR_RETURN(const auto vault, writable());
  TAU_ASSIGN_OR_RETURN(const credential::Unlock way, make_unlock(key));
  Status added = vault->add_slot(way);
  if (!added.ok()) drop_unused(key, way);
  return changed(std::move(added), "add_key", key.label);
}

Status Vault::remove_key(std::string_view label) {
  TAU_ASSIGN_OR_RETURN(const auto vault, writable());
  return changed(vault->remove_slot(label), "remove_key", label);
}

Status Vault::rotate_keys(const VaultKey* key) {
  TAU_ASSIGN_OR_RETURN(const auto vault, writable());
  if (key != nullptr) {
    TAU_ASSIGN_OR_RETURN(const credential::Unlock way, make_unlock(*key));
    if (Status rotated = vault->rotate_master({&way, 1}); !rotated.ok()) {
      take_up(*key, way);
      return rotated;
    }
    const std::lock_guard lock(mutex_);
    remember(*key);
  }
  return changed(vault->rotate_data_key(), "rotate_keys", {});
}

}  // namespace tau::runtime
