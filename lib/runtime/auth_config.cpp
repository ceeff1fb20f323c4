#include "runtime/auth_config.h"

#include <algorithm>

#include "runtime/config_state.h"
#include "safety/safety.h"

namespace tau::runtime {
namespace {

constexpr std::string_view kPrefix = "secret://auth/";
constexpr std::string_view kStateField = "#state";

provider::Grant grant_of(std::string_view kind) {
  using enum provider::Grant;
  for (const provider::Grant grant : {kDevice, kClientCredentials, kServiceAccount})
    if (kind == provider::grant_name(grant)) return grant;
  return kPkce;
}

void read_text(const json::Value& value, std::string& out) { out = value.as_string(); }

std::string joined(const json::Value& list) {
  std::string out;
  for (const json::Value& entry : list.as_array()) {
    if (!out.empty()) out += ' ';
    out += entry.as_string();
  }
  return out;
}

Status read_params(const json::Value& list, provider::OAuth& oauth) {
  for (const json::Value& entry : list.as_array()) {
    const std::string_view text = entry.as_string();
    const size_t equals = text.find('=');
    if (equals == text.npos || equals == 0)
      return invalid_argument("bad_value", format("auth.{}.params: expected NAME=VALUE", oauth.name));
    oauth.params.emplace_back(text.substr(0, equals), text.substr(equals + 1));
  }
  return ok_status();
}

void add_once(std::vector<std::string>& list, const std::string& text) {
  if (!text.empty() && std::ranges::find(list, text) == list.end()) list.push_back(text);
}

// Who uses the login, and the origins that its token is for.
void read_users(const Config& config, const json::Value& values, AuthSpec& spec) {
  for (const json::Value& origin : values["origins"].as_array())
    if (const auto url = net::parse_url(origin.as_string()); url.ok()) add_once(spec.origins, url->origin());
  const bool named = !spec.origins.empty();
  for (const auto& [provider, keys] : config.document()["providers"].as_object()) {
    const KeySource source = find_key_source(config.state(), provider);
    if (source.kind != KeySource::Kind::kAuth || source.name != spec.oauth.name) continue;
    spec.providers.push_back(provider);
    if (!named) add_once(spec.origins, source.origin);
  }
}

// A path that a URL and a request line hold as they are.
bool is_plain_path(std::string_view text) {
  return text.starts_with('/') && std::ranges::all_of(text, [](char c) {
           return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '/' ||
                  c == '-' || c == '_' || c == '.';
         });
}

}  // namespace

StatusOr<AuthSpec> read_auth(const Config& config, std::string_view name) {
  const json::Value& values = config.document()["auth"][name];
  if (values.is_null())
    return not_found("unknown_auth", format("there is no login \"{0}\": define auth.{0}", name));
  AuthSpec spec;
  provider::OAuth& oauth = spec.oauth;
  oauth.name = name;
  if (values["kind"].is_null())
    return failed_precondition("auth_incomplete", format("auth.{0} needs auth.{0}.kind", name));
  oauth.grant = grant_of(values["kind"].as_string());
  read_text(values["client_id"], oauth.client_id);
  read_text(values["authorize_url"], oauth.authorize_url);
  read_text(values["token_url"], oauth.token_url);
  read_text(values["device_url"], oauth.device_url);
  read_text(values["revoke_url"], oauth.revoke_url);
  read_text(values["issuer"], oauth.issuer);
  read_text(values["audience"], oauth.audience);
  read_text(values["subject"], oauth.subject);
  oauth.scopes = joined(values["scopes"]);
  TAU_RETURN_IF_ERROR(read_params(values["params"], oauth));
  read_text(values["client_secret"], spec.client_secret);
  read_text(values["key"], spec.key);
  read_text(values["key_file"], spec.key_file);
  spec.redirect_path = values["redirect_path"].as_string("/callback");
  if (!spec.client_secret.empty())
    oauth.client_auth = values["client_auth"].as_string() == "basic" ? provider::ClientAuth::kBasic
                                                                     : provider::ClientAuth::kPost;
  read_users(config, values, spec);
  TAU_RETURN_IF_ERROR(provider::check_oauth(oauth));
  if (!is_plain_path(spec.redirect_path))
    return invalid_argument("bad_value",
                            format("auth.{}.redirect_path: expected a path such as /callback", name));
  if (oauth.grant == provider::Grant::kServiceAccount && spec.key.empty() && spec.key_file.empty())
    return failed_precondition(
        "auth_incomplete",
        format("auth.{0} needs the account's key: auth.{0}.key or auth.{0}.key_file", name));
  if (spec.origins.empty() || spec.origins.size() > kMaxTokenOrigins)
    return failed_precondition(
        "auth_incomplete",
        format("auth.{0}: its token is for nobody, or for more than {1}: name the login in "
               "providers.NAME.auth beside a base_url, or set auth.{0}.origins",
               name, kMaxTokenOrigins));
  return spec;
}

std::vector<std::string> auth_names(const Config& config) {
  std::vector<std::string> names;
  for (const auto& [name, values] : config.document()["auth"].as_object()) names.push_back(name);
  std::ranges::sort(names);
  return names;
}

std::unique_ptr<net::EgressPolicy> make_auth_policy(const Config& config) {
  safety::EgressRules rules;
  rules.any_port = true;
  for (const auto& [name, values] : config.document()["auth"].as_object())
    for (const std::string_view key : {"token_url", "device_url", "revoke_url"})
      if (const std::string_view url = values[key].as_string(); net::parse_url(url).ok())
        rules.granted_origins.emplace_back(url);
  rules.proxy = config.network().proxy;
  auto egress = safety::Egress::compile(rules);
  if (!egress.ok()) egress = safety::Egress::compile({.schemes = {}});
  return std::make_unique<safety::Egress>(*std::move(egress));
}

std::string access_reference(std::string_view auth, size_t origin) {
  return origin == 0 ? format("{}{}#access_token", kPrefix, auth)
                     : format("{}{}#access_token_{}", kPrefix, auth, origin + 1);
}

std::string refresh_reference(std::string_view auth) { return format("{}{}#refresh_token", kPrefix, auth); }

std::string state_reference(std::string_view auth) { return format("{}{}{}", kPrefix, auth, kStateField); }

bool is_state_reference(std::string_view reference) {
  return reference.starts_with(kPrefix) && reference.ends_with(kStateField);
}

Status login_required(std::string_view auth, std::string_view why) {
  return Status(Code::kUnauthenticated, "login_required",
                format("the login \"{0}\" {1}: log in with 'tau auth login {0}'", auth, why));
}

StatusOr<Secret> read_token(std::string_view auth, const std::string& origin,
                            const std::shared_ptr<const SecretLookup>& secrets) {
  if (secrets == nullptr)
    return failed_precondition("no_vault_key", format("there is no vault for the login \"{}\"", auth));
  Status last;
  for (size_t i = 0; i < kMaxTokenOrigins; ++i) {
    auto token = (*secrets)(access_reference(auth, i), origin);
    if (token.ok()) return token;
    if (token.status().reason() == "secret_not_found") break;
    last = std::move(token).status();
    if (last.reason() != "secret_origin_mismatch") return last;
  }
  return last.ok() ? login_required(auth, "has no token") : last;
}

}  // namespace tau::runtime
