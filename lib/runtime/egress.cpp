// The rules of egress that a configuration amounts to: one set for requests to model providers, one for the
// requests that agents make.
#include "runtime/config.h"
#include "runtime/config_state.h"
#include "safety/safety.h"

namespace tau::runtime {
namespace {

// What configuration holds has been checked; a rule that cannot be read all the same lets nothing pass.
std::unique_ptr<net::EgressPolicy> compiled(const safety::EgressRules& rules) {
  auto egress = safety::Egress::compile(rules);
  if (!egress.ok()) egress = safety::Egress::compile({.schemes = {}});
  return std::make_unique<safety::Egress>(*std::move(egress));
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

}  // namespace

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
  return compiled(rules);
}

std::unique_ptr<net::EgressPolicy> make_fetch_policy(const Config& config) {
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
