// tau vault …: secrets and keys. Values and passphrases come by files, stdin and prompts, never as arguments.
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <ctime>

#include "clock.h"
#include "commands.h"
#include "files.h"
#include "terminal.h"
#include "text.h"
#include "vault_access.h"

namespace cli {
namespace {

constexpr int64_t kMsPerDay = 86'400'000;
constexpr size_t kNameWidth = 40;
constexpr size_t kOriginWidth = 34;

int print(const std::string& text) { return write_out(text) ? kExitOk : kExitFailed; }

std::string day_of(int64_t ms) {
  const time_t seconds = ms / 1000;
  tm parts{};
  char text[32] = "";
  if (gmtime_r(&seconds, &parts) != nullptr) strftime(text, sizeof text, "%Y-%m-%d %H:%M", &parts);
  return text;
}

// Milliseconds that a flag of days says; 0 for an empty one.
Result<int64_t> span_of(std::string_view flag, const std::string& text) {
  if (text.empty()) return int64_t{0};
  const auto days = parse_days(text);
  if (!days) return usage_failure(std::string(flag) + " " + text + ": expected days such as 90d or 12w");
  return *days * kMsPerDay;
}

// When the flag --expires-in says; 0: never.
Result<int64_t> expiry_of(const Options& options) {
  const auto span = span_of("--expires-in", options.expires_in);
  if (!span.ok() || *span == 0) return span;
  return now_ms() + *span;
}

// The value: of --file, of stdin when that is no terminal, else typed without echo.
Result<SecretText> read_value(const Options& options) {
  if (!options.file.empty()) return read_secret_file(options.file);
  if (!stdin_is_terminal()) return read_secret(STDIN_FILENO, "stdin");
  return prompt_new_secret("Value of " + one_line(options.id, 64));
}

std::string reference_of(const std::string& name) {
  constexpr std::string_view kScheme = "secret://";
  std::string reference = name.starts_with(kScheme) ? name : std::string(kScheme) + name;
  constexpr std::string_view kDefaultField = "#value";
  if (reference.ends_with(kDefaultField)) reference.resize(reference.size() - kDefaultField.size());
  return reference;
}

// What the vault tells of the secret now; null when it is gone.
Json entry_of(tau_vault* vault, const std::string& name) {
  const auto about = json_of(tau_vault_describe, vault);
  Json found;
  if (!about.ok()) return found;
  for (const Json& secret : (*about)["secrets"].items())
    if (secret["name"].as_string() == reference_of(name) && secret["state"].as_string() != "previous")
      found = secret;
  return found;
}

// Tells of a change: the entry as JSON, or a line.
int told(const Options& options, tau_vault* vault, const std::string& line) {
  if (!options.json) return print(line + "\n");
  Json entry = entry_of(vault, options.id);
  if (entry.is_null()) {
    entry = Json::object();
    entry.set("name", Json::string(reference_of(options.id)));
    entry.set("state", Json::string("removed"));
  }
  return print(entry.dump() + "\n");
}

std::string secret_line(const Json& secret) {
  const int64_t expires = secret["expires_ms"].as_int();
  const std::string& origin = secret["origin"].as_string();
  return padded(secret["name"].as_string(), kNameWidth) + " " +
         padded(origin.empty() ? "local use" : origin, kOriginWidth) + " " +
         padded(secret["state"].as_string(), 9) + " " +
         padded(std::to_string(secret["version"].as_int()), 4) + (expires == 0 ? "never" : day_of(expires)) +
         "\n";
}

std::string list_text(const Json& about) {
  std::string text = paint(stdout_is_rich(), Style::kBold,
                           padded("NAME", kNameWidth) + " " + padded("ORIGIN", kOriginWidth) + " " +
                               padded("STATE", 9) + " V   EXPIRES (UTC)") +
                     "\n";
  for (const Json& secret : about["secrets"].items()) text += secret_line(secret);
  for (const Json& record : about["damaged"].items())
    text += "damaged: " + safe_text(record["claimed_name"].as_string()) + "\n";
  return text;
}

std::string keys_text(const Json& about) {
  std::string text;
  for (const Json& key : about["keys"].items())
    text += (text.empty() ? "" : ", ") + safe_text(key["label"].as_string());
  return text;
}

std::string way_text(const Key& key) {
  switch (key.kind()) {
    case TAU_VAULT_KEY_FILE: return "key_file = " + quote(key.name());
    case TAU_VAULT_KEY_ENVIRONMENT: return "key_env = " + quote(key.name());
    case TAU_VAULT_KEY_KEYRING: return "keyring = " + quote(key.name());
    default: return "";
  }
}

// Tries `make` with a key that exists, else with one that is made: of a keyring nobody else knows which it
// is.
template <typename Make>
std::optional<Failure> with_made_key(Key& key, Make make) {
  key.make_if_absent();
  auto failure = make(key.c());
  if (!failure || failure->reason != "no_such_key" || key.kind() != TAU_VAULT_KEY_KEYRING) return failure;
  tau_vault_key made = key.c();
  made.flags = TAU_VAULT_KEY_MAKE;
  return make(made);
}

// The key that --new-… names.
Result<Key> new_key(const Options& options) {
  auto key = Key::of(options.new_key, /*is_new=*/true);
  if (!key.ok()) return key.failure();
  if (!*key)
    return usage_failure(
        "name the new key: --new-key-file, --new-keyring, --new-key-env, --new-passphrase or "
        "--new-passphrase-file");
  (**key).set_label(options.label);
  return **std::move(key);
}

int write_secret(const Options& options, std::string_view bytes) {
  if (options.output.empty()) return write_out(bytes) ? kExitOk : kExitFailed;
  const auto made = create_private_file(options.output, bytes);
  if (!made.ok()) return report(made.failure());
  if (!*made) return report(input_failure("file_exists", options.output + " exists"));
  return kExitOk;
}

}  // namespace

int command_vault_init(const Options& options) {
  auto place = find_vault(options);
  if (!place.ok()) return report(place.failure());
  auto given = Key::of(options.key, /*is_new=*/true);
  if (!given.ok()) return report(given.failure());
  if (!*given) {
    auto asked = Key::ask(/*is_new=*/true);
    if (!asked.ok()) {
      Failure failure = asked.failure();
      if (failure.reason == "no_terminal")
        failure.hint = "name a key: --key-file FILE is made when there is none";
      return report(failure);
    }
    *given = *std::move(asked);
  }
  Key& key = **given;
  VaultPtr vault;
  const auto failure = with_made_key(key, [&](const tau_vault_key& c) -> std::optional<Failure> {
    tau_vault_options o = TAU_VAULT_OPTIONS_INIT;
    o.flags = TAU_VAULT_CREATE | TAU_VAULT_USE_ENVIRONMENT;
    o.path = to_tau((*place).path);
    o.anchor = to_tau((*place).anchor);
    tau_vault* made = nullptr;
    tau_error* error = nullptr;
    const tau_status status = tau_vault_open(&o, &c, &made, &error);
    vault.reset(made);
    return status == TAU_OK ? std::nullopt : std::optional(library_failure(status, error));
  });
  if (failure) return report(*failure);
  if (options.json) {
    const auto about = text_of(tau_vault_describe, vault.get());
    return about.ok() ? print(*about + "\n") : report(about.failure());
  }
  std::string text = "vault: " + (*place).path + "\n";
  const std::string way = way_text(key);
  if (!way.empty() && (*place).keys.empty())
    text += "\nFor tau.toml, so that runs open it:\n\n[vault]\n" + way + "\n";
  if (way.empty()) text += "runs open it by a key file, a variable or the keyring: tau vault add-key\n";
  return print(text);
}

int command_vault_list(const Options& options) {
  const auto open = open_vault(options, /*read_only=*/true);
  if (!open.ok()) return report(open.failure());
  const auto about = json_of(tau_vault_describe, (*open).vault.get());
  if (!about.ok()) return report(about.failure());
  return print(options.json ? (*about).dump() + "\n" : list_text(*about));
}

int command_vault_put(const Options& options) {
  const auto expires = expiry_of(options);
  if (!expires.ok()) return report(expires.failure());
  if (options.origin.empty() && !options.local)
    return report(usage_failure("say which origin may see it: --origin URL, or --local for none",
                                "the origin of a provider is the beginning of its base_url"));
  const auto open = open_vault(options);
  if (!open.ok()) return report(open.failure());
  const auto value = read_value(options);
  if (!value.ok()) return report(value.failure());
  tau_vault* const vault = (*open).vault.get();
  if (const auto failure = failure_of(tau_vault_put, vault, to_tau(options.id), (*value).data(),
                                      (*value).size(), to_tau(options.origin), *expires))
    return report(*failure);
  return told(options, vault, "stored " + reference_of(options.id));
}

int command_vault_update(const Options& options) {
  const auto expires = expiry_of(options);
  if (!expires.ok()) return report(expires.failure());
  const auto grace = span_of("--grace", options.grace);
  if (!grace.ok()) return report(grace.failure());
  const auto open = open_vault(options);
  if (!open.ok()) return report(open.failure());
  const auto value = read_value(options);
  if (!value.ok()) return report(value.failure());
  tau_vault* const vault = (*open).vault.get();
  if (const auto failure = failure_of(tau_vault_rotate_secret, vault, to_tau(options.id), (*value).data(),
                                      (*value).size(), *grace, *expires))
    return report(*failure);
  return told(options, vault, "updated " + reference_of(options.id));
}

int command_vault_get(const Options& options) {
  if (options.output.empty() && stdout_is_terminal() && !options.reveal)
    return report(
        usage_failure("a secret is not shown on a terminal", "--output FILE, or --reveal if you mean it"));
  const auto open = open_vault(options, /*read_only=*/true);
  if (!open.ok()) return report(open.failure());
  tau_secret* secret = nullptr;
  tau_error* error = nullptr;
  const tau_status status =
      tau_vault_get((*open).vault.get(), to_tau(options.id), to_tau(options.origin), 0, &secret, &error);
  const SecretPtr owned(secret);
  if (status != TAU_OK) return report(library_failure(status, error));
  return write_secret(options, {static_cast<const char*>(tau_secret_data(secret)), tau_secret_len(secret)});
}

int command_vault_revoke(const Options& options) {
  const auto open = open_vault(options);
  if (!open.ok()) return report(open.failure());
  tau_vault* const vault = (*open).vault.get();
  if (const auto failure = failure_of(tau_vault_revoke, vault, to_tau(options.id))) return report(*failure);
  return told(options, vault, "revoked " + reference_of(options.id) + "; revoke it at its provider, too");
}

int command_vault_rm(const Options& options) {
  const auto open = open_vault(options);
  if (!open.ok()) return report(open.failure());
  tau_vault* const vault = (*open).vault.get();
  if (const auto failure = failure_of(tau_vault_remove, vault, to_tau(options.id))) return report(*failure);
  return told(options, vault, "removed " + reference_of(options.id));
}

int command_vault_expire(const Options& options) {
  const auto expires = expiry_of(options);
  if (!expires.ok()) return report(expires.failure());
  if (options.never == (*expires != 0))
    return report(usage_failure("say when: --expires-in DAYS, or --never"));
  const auto open = open_vault(options);
  if (!open.ok()) return report(open.failure());
  tau_vault* const vault = (*open).vault.get();
  if (const auto failure = failure_of(tau_vault_set_expiry, vault, to_tau(options.id), *expires))
    return report(*failure);
  return told(options, vault,
              reference_of(options.id) +
                  (options.never ? " does not expire" : " expires on " + day_of(*expires) + " UTC"));
}

int command_vault_add_key(const Options& options) {
  const auto open = open_vault(options);
  if (!open.ok()) return report(open.failure());
  auto key = new_key(options);
  if (!key.ok()) return report(key.failure());
  tau_vault* const vault = (*open).vault.get();
  const auto failure =
      with_made_key(*key, [&](const tau_vault_key& c) { return failure_of(tau_vault_add_key, vault, &c); });
  if (failure) return report(*failure);
  const auto about = json_of(tau_vault_describe, vault);
  if (!about.ok()) return report(about.failure());
  return print(options.json ? (*about)["keys"].dump() + "\n" : "keys: " + keys_text(*about) + "\n");
}

int command_vault_rm_key(const Options& options) {
  const auto open = open_vault(options);
  if (!open.ok()) return report(open.failure());
  tau_vault* const vault = (*open).vault.get();
  if (const auto failure = failure_of(tau_vault_remove_key, vault, to_tau(options.label)))
    return report(*failure);
  const auto about = json_of(tau_vault_describe, vault);
  if (!about.ok()) return report(about.failure());
  return print(
      options.json
          ? (*about)["keys"].dump() + "\n"
          : "keys: " + keys_text(*about) +
                "\nwho knows the one that went and kept a copy of the file is shut out by: tau vault "
                "rotate\n");
}

int command_vault_rotate(const Options& options) {
  auto open = open_vault(options);
  if (!open.ok()) return report(open.failure());
  tau_vault* const vault = (*open).vault.get();
  auto given = Key::of(options.new_key, /*is_new=*/true);
  if (!given.ok()) return report(given.failure());
  Key& key = *given ? **given : open->key;
  key.set_label(options.label);
  std::optional<Failure> failure;
  if (options.keep_master) {
    failure = failure_of(tau_vault_rotate_keys, vault, static_cast<const tau_vault_key*>(nullptr));
  } else {
    failure = with_made_key(
        key, [&](const tau_vault_key& c) { return failure_of(tau_vault_rotate_keys, vault, &c); });
  }
  if (failure) return report(*failure);
  const auto about = json_of(tau_vault_describe, vault);
  if (!about.ok()) return report(about.failure());
  if (options.json) return print((*about).dump() + "\n");
  std::string text = "rotated; keys: " + keys_text(*about) + "\n";
  if (!options.keep_master && (*about)["keys"].items().size() == 1)
    text += "add a second way in, away from this machine: tau vault add-key\n";
  return print(text);
}

int command_vault_import(const Options& options) {
  Json origins = Json::object();
  for (const std::string& pair : options.origins) {
    const size_t equals = pair.find('=');
    if (equals == pair.npos || equals == 0)
      return report(
          usage_failure("--origin-of " + pair + ": expected NAME=URL, such as provider/openai=https://…"));
    origins.set(pair.substr(0, equals), Json::string(pair.substr(equals + 1)));
  }
  std::optional<SecretText> passphrase;
  if (!options.old_passphrase_file.empty()) {
    auto read = read_secret_file(options.old_passphrase_file);
    if (!read.ok()) return report(read.failure());
    passphrase.emplace(*std::move(read));
  }
  const auto open = open_vault(options);
  if (!open.ok()) return report(open.failure());
  const void* const data = passphrase ? passphrase->data() : nullptr;
  const size_t size = passphrase ? passphrase->size() : 0;
  const auto done = json_of(tau_vault_import, (*open).vault.get(), to_tau(options.file), data, size,
                            to_tau(origins.members().empty() ? std::string() : origins.dump()));
  if (!done.ok()) return report(done.failure());
  if (options.json) return print((*done).dump() + "\n");
  std::string text;
  for (const Json& name : (*done)["imported"].items()) text += "stored " + name.as_string() + "\n";
  for (const Json& skipped : (*done)["skipped"].items())
    text += "skipped " + one_line(skipped["name"].as_string(), 200) + ": " +
            one_line(skipped["message"].as_string(), 400) + "\n";
  return print(text + "check them with 'tau vault list', then delete " + options.file + "\n");
}

}  // namespace cli
