// What the egress policy lets through, by origin and by address.
#include <gtest/gtest.h>

#include "runtime/config.h"

namespace tau::runtime {
namespace {

Config merged(std::string_view origin, std::string_view text) {
  auto value = json::parse(text);
  EXPECT_TRUE(value.ok()) << text;
  if (!value.ok()) return {};
  auto config = Config::merge({Layer{std::string(origin), "", *std::move(value)}});
  EXPECT_TRUE(config.ok()) << config.status().to_string();
  return config.ok() ? *std::move(config) : Config();
}

struct Case {
  std::string_view url;
  std::string_view address;  // empty: the URL itself is judged
  std::string_view refusal;  // its reason; empty: allowed
};

void check(net::EgressPolicy& policy, std::initializer_list<Case> cases) {
  for (const Case& c : cases) {
    const auto url = net::parse_url(c.url);
    ASSERT_TRUE(url.ok()) << c.url;
    Status status = policy.check_url(*url);
    if (!c.address.empty()) {
      const auto address = net::parse_address(c.address, url->port);
      ASSERT_TRUE(address.ok()) << c.address;
      status = policy.check_address(*url, *address);
    }
    EXPECT_EQ(status.reason(), c.refusal) << c.url << " at " << c.address << ": " << status.to_string();
    if (status.ok()) continue;
    EXPECT_EQ(status.code(), Code::kPermissionDenied);
    EXPECT_NE(status.message().find(url->origin()), std::string_view::npos) << status.message();
  }
}

TEST(Egress, HttpsReachesPublicHostsOnly) {
  check(*make_egress_policy(Config()),
        {
            {"https://api.openai.com/v1", "", ""},
            {"https://api.openai.com/v1", "104.18.7.192", ""},
            {"https://api.openai.com/v1", "2606:4700::6812:7c0", ""},
            {"https://api.openai.com/v1", "127.0.0.1", "egress_private_address"},
            {"https://api.openai.com/v1", "10.1.2.3", "egress_private_address"},
            {"https://api.openai.com/v1", "172.16.0.1", "egress_private_address"},
            {"https://api.openai.com/v1", "192.168.1.1", "egress_private_address"},
            {"https://api.openai.com/v1", "100.64.0.1", "egress_private_address"},
            {"https://api.openai.com/v1", "0.0.0.0", "egress_private_address"},
            {"https://api.openai.com/v1", "::1", "egress_private_address"},
            {"https://api.openai.com/v1", "fd12::1", "egress_private_address"},
            {"https://api.openai.com/v1", "::ffff:10.0.0.1", "egress_private_address"},
            {"https://api.openai.com/v1", "64:ff9b::10.0.0.1", "egress_private_address"},
            {"https://api.openai.com/v1", "2002:0a00:0001::", "egress_private_address"},
        });
}

TEST(Egress, HttpReachesKnownLocalServersOnly) {
  check(*make_egress_policy(Config()),
        {
            {"http://api.openai.com/v1", "", "egress_scheme"},
            {"http://127.0.0.1:11434/v1/models", "", ""},
            {"http://127.0.0.1:11434/v1/models", "127.0.0.1", ""},
            {"http://127.0.0.1:11435/v1", "", "egress_scheme"},
            {"http://localhost:11434/v1", "", "egress_scheme"},
            {"https://127.0.0.1:11434/v1", "127.0.0.1", "egress_private_address"},
        });
}

TEST(Egress, ConfigurationGrantsOrigins) {
  const Config config = merged("user", R"({"providers":{"lan":{"base_url":"http://10.0.0.5:8000/v1"},
    "corp":{"base_url":"https://llm.corp.example/v1"}},
    "network":{"private_origins":["http://192.168.1.9:81"],"proxy":"http://10.9.9.9:3128"}})");
  check(*make_egress_policy(config),
        {
            {"http://10.0.0.5:8000/other", "10.0.0.5", ""},
            {"http://10.0.0.5:8001/", "", "egress_scheme"},
            {"https://llm.corp.example/v1", "10.3.3.3", ""},
            {"https://llm.corp.example:444/v1", "10.3.3.3", "egress_private_address"},
            {"http://192.168.1.9:81/x", "192.168.1.9", ""},
            {"https://192.168.1.9:81/x", "192.168.1.9", "egress_private_address"},
            {"http://10.9.9.9:3128/", "10.9.9.9", ""},
        });
}

TEST(FetchEgress, ReachesPublicHostsOnTheirPortsAndGrantedOrigins) {
  const Config config = merged("user", R"({"providers":{"lan":{"base_url":"http://10.0.0.5:8000/v1"}},
    "network":{"private_origins":["http://127.0.0.1:8080"],"proxy":"http://10.9.9.9:3128"}})");
  check(*make_fetch_policy(config),
        {
            {"https://example.com/", "93.184.215.14", ""},
            {"https://example.com/", "10.0.0.1", "egress_private_address"},
            {"https://example.com:8443/", "", "egress_port"},
            {"http://example.com/", "", "egress_scheme"},
            {"http://127.0.0.1:8080/", "127.0.0.1", ""},
            {"http://127.0.0.1:11434/v1", "", "egress_scheme"},  // granted to providers, not to agents
            {"http://10.0.0.5:8000/v1", "", "egress_scheme"},
            {"http://10.9.9.9:3128/", "10.9.9.9", ""},
            {"http://10.9.9.9:3128/", "", "egress_scheme"},
            {"https://printer.local/", "", "egress_reserved_name"},
        });
}

TEST(FetchEgress, FollowsItsKeys) {
  const Config config = merged("user", R"({"network":{"private_origins":["http://10.0.0.1:81"],
    "fetch":{"http":true,"hosts":["example.com","*.example.org"],"denied_hosts":["bad.example.org","10.0.0.1"]}}})");
  check(*make_fetch_policy(config), {
                                        {"http://example.com/", "", ""},
                                        {"https://a.example.org/", "", ""},
                                        {"https://bad.example.org/", "", "egress_host"},
                                        {"https://example.net/", "", "egress_host"},
                                        {"http://10.0.0.1:81/", "", "egress_host"},
                                    });
  check(*make_egress_policy(config), {{"https://example.net/", "", ""}, {"http://10.0.0.1:81/", "", ""}});
}

TEST(FetchEgress, CredentialsGoToTheirOriginAndAreKnownBefore) {
  Config config = merged("user", R"({"network":{"fetch":{"credentials":{
    "card":{"origin":"https://API.example","secret":"secret://card"},
    "short":{"origin":"https://b.example:444","secret":"secret://short","key_header":"x-key"},
    "half":{"secret":"secret://card"}}}}})");
  const auto bound = config.network().fetch_credentials;
  ASSERT_EQ(bound.size(), 2u) << "one without an origin is for nobody";
  EXPECT_EQ(bound[0].origin + " " + bound[0].header + ": " + bound[0].prefix,
            "https://api.example:443 authorization: Bearer ");
  EXPECT_EQ(bound[1].origin + " " + bound[1].header + ": " + bound[1].prefix,
            "https://b.example:444 x-key: ");
  const std::string value(12, 'v');
  config = config.with_secrets(std::make_shared<const SecretLookup>(
      [&](const std::string& reference, std::string_view origin) -> StatusOr<Secret> {
        if (reference == "secret://card" && origin == "https://api.example:443") return Secret(value);
        return Secret("tiny");
      }));
  const auto screening =
      std::make_shared<safety::Screening>(safety::RuleChoice{.credentials = false, .personal = {}});
  const auto source = make_fetch_credentials(config, screening);
  const auto get = [&](std::string_view id, std::string_view url) {
    return std::string(source->get(id, *net::parse_url(url)).status().reason());
  };
  EXPECT_FALSE(screening->knows_secrets());
  EXPECT_EQ(get("card", "https://api.example/x"), "");
  EXPECT_TRUE(safety::holds_secret(*screening->current()->secrets.secrets, "it is " + value));
  for (const char* elsewhere :
       {"http://api.example/", "https://api.example:444/", "https://www.api.example/"})
    EXPECT_EQ(get("card", elsewhere), "credential_origin_mismatch") << elsewhere;
  EXPECT_EQ(get("other", "https://api.example/"), "credential_origin_mismatch");
  EXPECT_EQ(get("short", "https://b.example:444/"), "credential_too_short");
}

TEST(Egress, AProjectGrantsNothing) {
  for (const char* text :
       {R"({"providers":{"x":{"base_url":"http://10.0.0.5"}}})",
        R"({"network":{"private_origins":["http://10.0.0.5"]}})", R"({"network":{"fetch":{"http":true}}})",
        R"({"network":{"fetch":{"hosts":["example.com"]}}})",
        R"({"network":{"fetch":{"credentials":{"x":{"origin":"https://evil.example"}}}}})",
        R"({"sandbox":{"network":"proxy"}})", R"({"tools":["http"]})"}) {
    const auto document = json::parse(text);
    ASSERT_TRUE(document.ok());
    EXPECT_EQ(Config::merge({Layer{"project", "", *document}}).status().reason(), "not_allowed_in_project");
  }
}

TEST(Egress, MetadataAddressesAreNeverReachedNotEvenByGrant) {
  const Config config = merged("option", R"({"network":{"private_origins":["http://169.254.169.254",
    "https://grant.example"]}})");
  const auto policy = make_egress_policy(config);
  for (const char* origin : {"http://169.254.169.254/latest", "https://grant.example/"}) {
    const auto url = net::parse_url(origin);
    ASSERT_TRUE(url.ok());
    for (const char* ip : {"169.254.169.254", "169.254.0.1", "::ffff:169.254.169.254", "::169.254.169.254",
                           "64:ff9b::169.254.169.254", "64:ff9b:1::169.254.169.254", "2002:a9fe:a9fe::1",
                           "::ffff:0:169.254.169.254", "2001:0:1:2:3:4:5601:5601", "fe80::1", "febf::1",
                           "fe80::5efe:169.254.169.254", "fd00:ec2::254", "fd20:ce::254", "100.100.100.200",
                           "168.63.129.16", "192.0.0.192"}) {
      const auto address = net::parse_address(ip, 80);
      ASSERT_TRUE(address.ok()) << ip;
      const Status status = policy->check_address(*url, *address);
      EXPECT_EQ(status.reason(), "egress_metadata") << ip;
      EXPECT_NE(status.message().find("metadata"), std::string_view::npos) << status.message();
      EXPECT_NE(status.message().find(address->to_string()), std::string_view::npos) << status.message();
    }
    // An address beside them passes, unless the URL itself names one of them.
    const auto near = net::parse_address("169.253.0.1", 80);
    EXPECT_EQ(policy->check_address(*url, *near).ok(), url->host == "grant.example");
  }
}

TEST(Egress, OutlivesItsConfiguration) {
  std::unique_ptr<net::EgressPolicy> policy;
  {
    const Config config = merged("option", R"({"network":{"private_origins":["http://10.0.0.1:80"]}})");
    policy = make_egress_policy(config);
  }
  const auto url = net::parse_url("http://10.0.0.1/");
  ASSERT_TRUE(url.ok());
  EXPECT_TRUE(policy->check_url(*url).ok());
}

TEST(Egress, NoRequestHoldsAKnownSecret) {
  const auto screening = std::make_shared<safety::Screening>();
  const std::string secret = "kx" + std::string(20, 'q') + "\"7";
  const auto policy = keep_secrets(make_egress_policy(Config()), screening);
  const auto url = net::parse_url("https://api.example.com/v1");
  const std::string body = R"({"a":")" + secret.substr(0, 22) + R"(\"7","b":1})";
  EXPECT_TRUE(policy->check_content(*url, body).ok()) << "nobody knows it yet";
  ASSERT_TRUE(screening->add_secret("door", Secret(secret)).ok());
  for (const std::string& text : {secret, body, "/x?key=" + secret.substr(0, 22) + "%227"}) {
    const Status refused = policy->check_content(*url, text);
    EXPECT_EQ(refused.reason(), "egress_secret") << text;
    EXPECT_NE(refused.message().find("\"door\""), std::string_view::npos);
    EXPECT_EQ(refused.message().find(secret), std::string_view::npos);
  }
  EXPECT_TRUE(policy->check_content(*url, secret.substr(0, 20)).ok());
  EXPECT_FALSE(policy->check_url(*net::parse_url("http://api.example.com/")).ok());
}

}  // namespace
}  // namespace tau::runtime
