// Where keys come from, and which origin may see them.
#include <algorithm>
#include <set>

#include "credential/credential.h"
#include "os/os.h"
#include "runtime/auth_config.h"
#include "runtime/config.h"
#include "runtime/config_keys.h"
#include "runtime/config_state.h"

namespace tau::runtime {
namespace {

constexpr uint64_t kMaxKeyFileBytes = 16 << 10;

std::string origin_of(std::string_view url) {
  const auto parsed = net::parse_url(url);
  return parsed.ok() ? parsed->origin() : std::string();
}

// The origin that a key given in `layer` is for: the base URL in force there, built-in ones included; when
// there was none yet, the first one above. A higher layer that moves the base URL does not get the key.
std::string bound_origin(const Config::State& state, std::string_view provider, size_t layer) {
  const auto* known = provider::find_provider(provider);
  std::string_view url = known != nullptr ? known->base_url : std::string_view();
  for (size_t i = 0; i < state.layers.size(); ++i) {
    if (i > layer && !url.empty()) break;
    url = provider_value(state.layers[i].document, provider, "base_url").as_string(url);
  }
  return origin_of(url);
}

Status missing_key(std::string_view provider, const KeySource& source, std::string_view why) {
  const std::string text = format(
      "the provider \"{0}\" needs a key: {1} {2}; set it, or name the key with providers.{0}.key_env, "
      "providers.{0}.key_file or, in options, providers.{0}.api_key",
      provider, source.name, why);
  return Status(Code::kUnauthenticated, "missing_key", text);
}

// Line breaks around a key are no part of it; anything else that no header can carry is refused.
StatusOr<Secret> checked_key(std::string_view text, std::string_view provider, const KeySource& source) {
  const auto is_blank = [](char c) { return c == ' ' || c == '\t' || c == '\r' || c == '\n'; };
  while (!text.empty() && is_blank(text.back())) text.remove_suffix(1);
  while (!text.empty() && is_blank(text.front())) text.remove_prefix(1);
  if (text.empty()) return missing_key(provider, source, "is empty");
  if (!std::all_of(text.begin(), text.end(), [](char c) { return c > ' ' && c <= '~'; }))
    return invalid_argument("bad_value",
                            format("the key of the provider \"{}\" in {} holds characters other than "
                                   "printable ASCII",
                                   provider, source.name));
  return Secret(text);
}

StatusOr<Secret> read_variable(std::string_view provider, const KeySource& source,
                               const Environment& environment) {
  std::optional<std::string> value;
  if (environment) value = environment(source.name);
  if (!value) return missing_key(provider, source, "is not set in the environment");
  auto key = checked_key(*value, provider, source);
  secure_wipe(value->data(), value->size());
  return key;
}

// A key to sign with for AWS is in two or three variables, one text for libtau: of AWS_ACCESS_KEY_ID it is
// that, AWS_SECRET_ACCESS_KEY and, where there is one, AWS_SESSION_TOKEN.
StatusOr<Secret> read_aws_variables(std::string_view provider, const KeySource& source,
                                    const Environment& environment) {
  constexpr std::string_view kSuffix = "_ACCESS_KEY_ID";
  const std::string prefix = source.name.substr(0, source.name.size() - kSuffix.size());
  std::string key;
  for (const std::string& name : {source.name, prefix + "_SECRET_ACCESS_KEY", prefix + "_SESSION_TOKEN"}) {
    KeySource one = source;
    one.name = name;
    std::optional<std::string> value = environment ? environment(name) : std::nullopt;
    if (!value && name.ends_with("TOKEN")) break;
    if (!value) {
      secure_wipe(key.data(), key.size());
      return missing_key(provider, one, "is not set in the environment");
    }
    if (!key.empty()) key += ':';
    key += *value;
    secure_wipe(value->data(), value->size());
  }
  auto checked = checked_key(key, provider, source);
  secure_wipe(key.data(), key.size());
  return checked;
}

StatusOr<Secret> read_key_file(std::string_view provider, const KeySource& source) {
  TAU_ASSIGN_OR_RETURN(const os::Fd fd, os::open_private_file(source.name, os::OpenMode::kRead));
  // By the descriptor that was checked: the name may mean another file by now.
  TAU_ASSIGN_OR_RETURN(std::string text,
                       os::read_file(format("/proc/self/fd/{}", fd.get()), kMaxKeyFileBytes));
  auto key = checked_key(text, provider, source);
  secure_wipe(text.data(), text.size());
  return key;
}

// The vault knows the origin of each secret itself.
StatusOr<Secret> read_vault(std::string_view provider, const KeySource& source, const net::Url& url,
                            const std::shared_ptr<const SecretLookup>& lookup) {
  if (lookup == nullptr)
    return failed_precondition("no_vault_key", format("there is no vault to look {} up in", source.name));
  TAU_ASSIGN_OR_RETURN(const Secret secret, (*lookup)(source.name, url.origin()));
  return secret.reveal([&](std::string_view text) { return checked_key(text, provider, source); });
}

StatusOr<Secret> read_key(std::string_view provider, const KeySource& source,
                          const Environment& environment) {
  switch (source.kind) {
    case KeySource::Kind::kNone: return missing_key(provider, source, "is not configured");
    case KeySource::Kind::kStored: return source.secret->clone();
    case KeySource::Kind::kFile: return read_key_file(provider, source);
    case KeySource::Kind::kVault: return missing_key(provider, source, "is in the vault");
    case KeySource::Kind::kAuth: return missing_key(provider, source, "is a login");
    default:
      return source.aws_key ? read_aws_variables(provider, source, environment)
                            : read_variable(provider, source, environment);
  }
}

}  // namespace

const json::Value& provider_value(const json::Value& document, std::string_view provider,
                                  std::string_view leaf) {
  return document["providers"][provider][leaf];
}

KeySource find_key_source(const Config::State& state, std::string_view provider) {
  KeySource source;
  size_t layer = 0;
  // The highest layer wins; within one layer auth, then api_key, then key_file, then key_env.
  const auto consider = [&](std::string_view leaf, KeySource::Kind kind) {
    const auto origin = state.origins.find(format("providers.{}.{}", provider, leaf));
    if (origin == state.origins.end() || (source.configured && origin->second <= layer)) return;
    layer = origin->second;
    source = {.kind = kind, .configured = true};
    source.name = provider_value(state.merged, provider, leaf).as_string();
  };
  consider("auth", KeySource::Kind::kAuth);
  consider("api_key", KeySource::Kind::kStored);
  consider("key_file", KeySource::Kind::kFile);
  consider("key_env", KeySource::Kind::kVariable);
  if (source.kind == KeySource::Kind::kStored && credential::is_reference(source.name)) {
    source.kind = KeySource::Kind::kVault;
  } else if (source.kind == KeySource::Kind::kStored) {
    for (const StoredKey& key : state.keys)
      if (key.provider == provider && key.layer == layer) source.secret = key.secret;
  }
  const bool signs = provider_value(state.merged, provider, "key_scheme").as_string() == "aws_sigv4";
  source.aws_key = signs && source.name.ends_with("_ACCESS_KEY_ID");
  const auto* known = provider::find_provider(provider);
  if (source.configured) {
    source.origin = bound_origin(state, provider, layer);
  } else if (known != nullptr && !known->key_variable.empty()) {
    source.kind = KeySource::Kind::kVariable;
    source.name = known->key_variable;
    source.origin = origin_of(known->base_url);
  }
  return source;
}

StatusOr<Secret> Config::credential(std::string_view credential_id, const net::Url& url,
                                    const Environment& environment) const {
  const KeySource source = find_key_source(*state_, credential_id);
  if (source.kind == KeySource::Kind::kNone)
    return not_found("unknown_credential", format("the provider \"{}\" has no key", credential_id));
  if (source.kind == KeySource::Kind::kVault) return read_vault(credential_id, source, url, state_->secrets);
  if (source.kind == KeySource::Kind::kAuth) return read_token(source.name, url.origin(), state_->secrets);
  if (source.origin != url.origin())
    return permission_denied(
        "credential_origin_mismatch",
        format("the key of the provider \"{0}\" is bound to {1} and is not sent to {2}; to use it there, "
               "name it "
               "beside that base_url with key_env, key_file or api_key",
               credential_id, source.origin.empty() ? "no origin" : source.origin, url.origin()));
  return read_key(credential_id, source, environment);
}

void Config::for_each_key(const Environment& environment,
                          const std::function<void(std::string_view id, const Secret& key)>& use) const {
  std::set<std::string, std::less<>> names;
  for (const auto& known : provider::known_providers()) names.emplace(known.name);
  for (const auto& [name, values] : document()["providers"].as_object()) names.insert(name);
  for (const std::string& name : names) {
    const auto key = read_key(name, find_key_source(*state_, name), environment);
    if (key.ok()) use(name, *key);
  }
}

const std::vector<Variable>& environment_variables() {
  static const auto* const variables = [] {
    auto* const table = new std::vector<Variable>{
        {"TAU_MODEL", "The model as provider/model.", false},
        {"TAU_PROFILE", "The profile of tau.toml to overlay.", false},
    };
    for (const auto& known : provider::known_providers())
      if (!known.key_variable.empty())
        table->push_back({known.key_variable, "The key of this provider.", true});
    return table;
  }();
  return *variables;
}

Layer environment_layer(const Environment& environment) {
  Layer layer{"environment", "", json::Value::object()};
  const auto read = [&](std::string_view name, std::string_view key) {
    const auto value = environment ? environment(name) : std::nullopt;
    if (value && !value->empty()) layer.document.set(key, *value);
  };
  read("TAU_MODEL", "model");
  read("TAU_PROFILE", "profile");
  return layer;
}

}  // namespace tau::runtime
