// The rules of egress that a configuration amounts to: one set for requests to model providers, one for the
// requests that agents make.
#include <algorithm>

#include "runtime/config.h"
#include "runtime/config_state.h"
#include "safety/safety.h"

namespace tau::runtime {
namespace {

// What configuration holds has been checked; a rule that cannot be read all the same lets nothing pass.
safety::Egress compiled(const safety::EgressRules& rules) {
  auto egress = safety::Egress::compile(rules);
  if (!egress.ok()) egress = safety::Egress::compile({.schemes = {}});
  return *std::move(egress);
}

void grant(safety::EgressRules& rules, std::string_view text) {
  if (net::parse_url(text).ok()) rules.granted_origins.emplace_back(text);
}

class SecretKeeper final : public net::EgressPolicy {
 public:
  SecretKeeper(std::unique_ptr<net::EgressPolicy> inner, std::shared_ptr<const safety::Screening> screening)
      : inner_(std::move(inner)), screening_(std::move(screening)) {}
  Status check_url(const net::Url& url) override { return inner_->check_url(url); }
  Status check_address(const net::Url& url, const net::Address& address) override {
    return inner_->check_address(url, address);
  }
  Status check_content(const net::Url& url, std::string_view text) override {
    const auto screens = screening_->current();
    if (screens->secrets.secrets == nullptr || !safety::holds_secret(*screens->secrets.secrets, text))
      return inner_->check_content(url, text);
    const auto found = safety::scan(screens->secrets, text);
    const std::string subject = found.empty() ? std::string() : found.front().subject;
    return permission_denied(
        "egress_secret",
        format("a request to {} holds the secret \"{}\"; it was not sent", url.origin(), subject));
  }

 private:
  const std::unique_ptr<net::EgressPolicy> inner_;
  const std::shared_ptr<const safety::Screening> screening_;
};

class FetchCredentials final : public net::CredentialSource {
 public:
  FetchCredentials(const Config& config, std::shared_ptr<safety::Screening> screening)
      : bound_(config.network().fetch_credentials),
        secrets_(config.state().secrets),
        screening_(std::move(screening)) {}

  StatusOr<Secret> get(std::string_view id, const net::Url& url) override {
    const auto at = std::ranges::find(bound_, id, &NetworkConfig::FetchCredential::name);
    if (at == bound_.end() || at->origin != url.origin())
      return permission_denied("credential_origin_mismatch", "no credential is for " + url.origin());
    if (secrets_ == nullptr)
      return failed_precondition("no_vault_key", format("there is no vault to look {} up in", at->secret));
    TAU_ASSIGN_OR_RETURN(Secret secret, (*secrets_)(at->secret, url.origin()));
    if (!screening_->add_secret(at->secret, secret).ok())
      return failed_precondition(
          "credential_too_short",
          format("{} is too short to be recognised where a server repeats it", at->secret));
    return secret;
  }

 private:
  const std::vector<NetworkConfig::FetchCredential> bound_;
  const std::shared_ptr<const SecretLookup> secrets_;
  const std::shared_ptr<safety::Screening> screening_;
};

}  // namespace

std::unique_ptr<net::CredentialSource> make_fetch_credentials(const Config& config,
                                                              std::shared_ptr<safety::Screening> screening) {
  return std::make_unique<FetchCredentials>(config, std::move(screening));
}

std::unique_ptr<net::EgressPolicy> keep_secrets(std::unique_ptr<net::EgressPolicy> inner,
                                                std::shared_ptr<const safety::Screening> screening) {
  return std::make_unique<SecretKeeper>(std::move(inner), std::move(screening));
}

std::unique_ptr<net::EgressPolicy> make_egress_policy(const Config& config) {
  safety::EgressRules rules;
  rules.any_port = true;
  for (const auto& known : provider::known_providers())
    if (known.base_url.starts_with("http:")) grant(rules, known.base_url);
  // A project's file can name none of these: it is refused before layers are merged.
  for (const auto& [name, values] : config.document()["providers"].as_object())
    grant(rules, values["base_url"].as_string());
  const NetworkConfig network = config.network();
  for (const std::string& origin : network.private_origins) grant(rules, origin);
  rules.proxy = network.proxy;
  return std::make_unique<safety::Egress>(compiled(rules));
}

std::unique_ptr<net::EgressPolicy> make_fetch_policy(const Config& config) {
  return std::make_unique<safety::Egress>(make_fetch_rules(config));
}

net::HttpClientOptions http_client_options(const Config& config) {
  const NetworkConfig network = config.network();
  net::HttpClientOptions options;
  options.ca_file = network.ca_file;
  options.proxy = network.proxy;
  options.user_agent = "libtau";
  options.native_http = network.native_http;
  return options;
}

safety::Egress make_fetch_rules(const Config& config) {
  const NetworkConfig network = config.network();
  safety::EgressRules rules;
  if (network.fetch_http) rules.schemes.emplace_back("http");
  rules.hosts = network.fetch_hosts;
  rules.denied_hosts = network.fetch_denied_hosts;
  rules.granted_origins = network.private_origins;
  rules.proxy = network.proxy;
  return compiled(rules);
}

}  // namespace tau::runtime
