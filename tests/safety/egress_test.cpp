// The rules of egress: what each refuses and why, and the forms of addresses that none lets through.
#include "safety/egress.h"

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include <array>
#include <cstring>

#include "json/json.h"

namespace tau::safety {
namespace {

Egress compiled(const EgressRules& rules) {
  StatusOr<Egress> egress = Egress::compile(rules);
  EXPECT_TRUE(egress.ok()) << egress.status().to_string();
  return egress.ok() ? *std::move(egress) : Egress();
}

// "" when the URL may be asked at the address ("": the URL alone is judged), else the reason.
std::string refusal(const Egress& egress, std::string_view url, std::string_view address = {}) {
  const StatusOr<net::Url> place = net::parse_url(url);
  if (!place.ok()) return std::string(place.status().reason());
  if (address.empty()) return std::string(egress.judge(*place).reason());
  return std::string(egress.judge(*place, *net::parse_address(address, place->port)).reason());
}

TEST(EgressRules, ByDefaultLetHttpsToPublicHosts) {
  const Egress egress = compiled({});
  EXPECT_EQ(refusal(egress, "https://example.com/x"), "");
  EXPECT_EQ(refusal(egress, "https://example.com/x", "93.184.215.14"), "");
  EXPECT_EQ(refusal(egress, "https://8.8.8.8/"), "");
  EXPECT_EQ(refusal(egress, "http://example.com/"), "egress_scheme");
  EXPECT_EQ(refusal(egress, "https://example.com:8443/"), "egress_port");
  EXPECT_EQ(refusal(egress, "https://example.com:80/"), "egress_port") << "80 is the port of http";
  EXPECT_EQ(refusal(egress, "https://10.0.0.1/"), "egress_private_address");
  EXPECT_EQ(refusal(egress, "https://[::1]/"), "egress_private_address");
  EXPECT_EQ(refusal(egress, "https://example.com/", "192.168.1.1"), "egress_private_address");
  EXPECT_EQ(refusal(egress, "https://169.254.169.254/"), "egress_metadata");
  EXPECT_EQ(refusal(egress, "https://example.com/", "fe80::1"), "egress_metadata");
}

TEST(EgressRules, TakeSchemesPortsAndHosts) {
  const Egress egress = compiled({.schemes = {"http", "https"},
                                  .ports = {8443},
                                  .hosts = {"Example.com", "*.example.org", "8.8.8.8", "2606:4700::1111"},
                                  .denied_hosts = {"bad.example.org", "*.evil.example.org"}});
  EXPECT_EQ(refusal(egress, "http://example.com/"), "");
  EXPECT_EQ(refusal(egress, "https://example.com:8443/"), "");
  EXPECT_EQ(refusal(egress, "https://example.com:8444/"), "egress_port");
  EXPECT_EQ(refusal(egress, "https://www.example.com/"), "egress_host") << "exactly that host";
  EXPECT_EQ(refusal(egress, "https://a.b.example.org/"), "");
  EXPECT_EQ(refusal(egress, "https://example.org/"), "egress_host") << "below it only";
  EXPECT_EQ(refusal(egress, "https://notexample.org/"), "egress_host");
  EXPECT_EQ(refusal(egress, "https://bad.example.org/"), "egress_host");
  EXPECT_EQ(refusal(egress, "https://x.evil.example.org/"), "egress_host");
  EXPECT_EQ(refusal(egress, "https://evil.example.org/"), "");
  EXPECT_EQ(refusal(egress, "https://8.8.8.8/"), "");
  EXPECT_EQ(refusal(egress, "https://[2606:4700:0::1111]/"), "");
  EXPECT_EQ(refusal(egress, "https://8.8.4.4/"), "egress_host");
}

TEST(EgressRules, GrantOriginsWhateverTheyAreButMetadata) {
  Egress egress =
      compiled({.denied_hosts = {"10.0.0.9"},
                .granted_origins = {"http://127.0.0.1:8080", "http://box.local", "http://10.0.0.9",
                                    "http://169.254.169.254", "https://granted.example"}});
  EXPECT_EQ(refusal(egress, "http://127.0.0.1:8080/", "127.0.0.1"), "");
  EXPECT_EQ(refusal(egress, "http://127.0.0.1:8081/"), "egress_scheme");
  EXPECT_EQ(refusal(egress, "https://127.0.0.1:8080/"), "egress_port");
  EXPECT_EQ(refusal(egress, "http://box.local/", "192.168.0.7"), "");
  EXPECT_EQ(refusal(egress, "https://box.local/"), "egress_reserved_name");
  EXPECT_EQ(refusal(egress, "http://10.0.0.9/"), "egress_host") << "denying wins";
  EXPECT_EQ(refusal(egress, "http://169.254.169.254/latest"), "egress_metadata");
  EXPECT_EQ(refusal(egress, "https://granted.example/", "100.100.100.200"), "egress_metadata");
  EXPECT_EQ(egress.place(*net::parse_url("http://box.local/x")), EgressPlace::kGranted);
  EXPECT_EQ(egress.place(*net::parse_url("https://example.com/")), EgressPlace::kPublic);
}

TEST(EgressRules, LetConnectionsGoToTheProxyAndRequestsNot) {
  const Egress egress = compiled({.proxy = "http://10.9.9.9:3128"});
  EXPECT_EQ(refusal(egress, "http://10.9.9.9:3128/", "10.9.9.9"), "");
  EXPECT_EQ(refusal(egress, "http://10.9.9.9:3128/", "169.254.1.1"), "egress_metadata");
  EXPECT_EQ(refusal(egress, "http://10.9.9.9:3128/"), "egress_scheme");
  EXPECT_EQ(refusal(egress, "https://10.9.9.9:3128/"), "egress_port");
}

TEST(EgressRules, ThatCannotBeReadAreRefused) {
  for (const char* host :
       {"", "*", "*.", "a b", "http://a", "a/b", "a:80", "*.10.0.0.1", "a.*", "0x7f.1", "u@a", "a?", "[::1"})
    EXPECT_EQ(Egress::compile({.hosts = {host}}).status().reason(), "invalid_egress_rule") << host;
  EXPECT_EQ(Egress::compile({.schemes = {"ftp"}}).status().reason(), "invalid_egress_rule");
  EXPECT_EQ(Egress::compile({.granted_origins = {"127.0.0.1:80"}}).status().reason(), "invalid_egress_rule");
  EXPECT_EQ(Egress::compile({.proxy = "socks5://h:1"}).status().reason(), "invalid_egress_rule");
  EXPECT_EQ(refusal(compiled({.schemes = {}}), "https://example.com/"), "egress_scheme")
      << "no scheme, no place";
}

TEST(EgressRules, KnowNamesThatAreNoPublicHosts) {
  for (const char* name : {"localhost", "a.localhost", "localhost.localdomain", "printer.local",
                           "metadata.google.internal", "router.home.arpa", "x.onion", "local", "internal."})
    EXPECT_TRUE(is_reserved_name(name)) << name;
  for (const char* name :
       {"example.com", "local.example.com", "notlocal", "thelocalhost", "internal.net", "arpa", "alt.com"})
    EXPECT_FALSE(is_reserved_name(name)) << name;
}

TEST(EgressVerdict, TellsWhatAUrlIs) {
  const Egress egress = compiled({});
  EXPECT_EQ(
      *egress_verdict_json(egress, "//h.example/x", "https://b/"),
      R"({"verdict":"resolve","url":"https://h.example:443/x","host":"h.example","port":443,"address":false,)"
      R"("user_information":false})");
  EXPECT_EQ(*egress_verdict_json(egress, "https://8.8.8.8"),
            R"({"verdict":"allow","url":"https://8.8.8.8:443/","host":"8.8.8.8","port":443,"address":true,)"
            R"("user_information":false})");
  const std::string blocked = *egress_verdict_json(egress, "https://u@0x7f.1/");
  EXPECT_TRUE(blocked.starts_with(R"({"verdict":"deny","reason":"invalid_url",)")) << blocked;
  EXPECT_NE(blocked.find(R"("host":"127.0.0.1")"), std::string::npos) << blocked;
  const std::string rejected = *egress_verdict_json(egress, "nonsense");
  EXPECT_TRUE(rejected.starts_with(R"({"verdict":"deny","reason":"invalid_url",)")) << rejected;
  EXPECT_EQ(rejected.find(R"("host")"), std::string::npos) << rejected;
}

TEST(EgressVerdict, JudgesWhatANameResolvedTo) {
  const Egress egress = compiled({});
  const auto verdict = [&](std::vector<std::string> addresses) {
    const std::string text = *egress_verdict_json(egress, "https://h.example/", {}, addresses);
    return *json::parse(text);
  };
  EXPECT_EQ(verdict({"8.8.8.8", "2606:4700::1111"})["verdict"].as_string(), "allow");
  EXPECT_EQ(verdict({"8.8.8.8", "::ffff:10.0.0.1"})["reason"].as_string(), "egress_private_address");
  EXPECT_EQ(verdict({"169.254.169.254"})["reason"].as_string(), "egress_metadata");
  EXPECT_EQ(egress_verdict_json(egress, "https://h.example/", {}, std::vector<std::string>{"127.1"})
                .status()
                .reason(),
            "invalid_address");
}

using V4 = std::array<uint8_t, 4>;

// All forms of IPv6 that carry an IPv4 address; with what stands around it.
std::vector<net::Address> forms(const V4& v4, uint16_t noise) {
  const auto low = static_cast<uint8_t>(noise);
  const auto make = [&](std::initializer_list<uint8_t> prefix, size_t offset, uint8_t mask = 0) {
    net::Address address;
    address.is_v6 = true;
    std::copy(prefix.begin(), prefix.end(), address.bytes);
    for (size_t i = 0; i < 4; ++i) address.bytes[offset + i] = v4[i] ^ mask;
    return address;
  };
  std::vector<net::Address> out = {
      make({0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff}, 12),                  // mapped
      make({0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff, 0, 0}, 12),                  // translated, RFC 2765
      make({}, 12),                                                          // compatible
      make({0x00, 0x64, 0xff, 0x9b}, 12),                                    // NAT64
      make({0x00, 0x64, 0xff, 0x9b, 0x00, 0x01}, 12),                        // NAT64 of a site
      make({0x20, 0x02, 0, 0, 0, 0, low, low}, 2),                           // 6to4
      make({0x20, 0x01, 0, 0, low, low, low, low, low, low}, 12, 0xff),      // Teredo
      make({0x20, 0x01, 0x48, 0x60, low, low, 0, 0, 0, 0, 0x5e, 0xfe}, 12),  // ISATAP
      make({0x20, 0x01, 0x48, 0x60, low, low, 0, 0, 2, 0, 0x5e, 0xfe}, 12),
  };
  // NAT64 of a site with shorter prefixes; one of 0.0.0.0/8 is, bit for bit, the form above of another
  // address.
  if (v4[0] == 0) return out;
  out.push_back(make({0x00, 0x64, 0xff, 0x9b, 0x00, 0x01, 0, low}, 9));  // /64
  net::Address around = make({0x00, 0x64, 0xff, 0x9b, 0x00, 0x01}, 12);  // /48: bytes 6, 7, 9, 10
  std::memset(around.bytes + 12, 0, 4);
  around.bytes[6] = v4[0];
  around.bytes[7] = v4[1];
  around.bytes[9] = v4[2];
  around.bytes[10] = v4[3];
  out.push_back(around);
  return out;
}

RC_GTEST_PROP(EgressAddresses, NoFormOfAPrivateOneIsPublic, ()) {
  static constexpr V4 kSpecial[] = {{127, 0, 0, 0},  {10, 0, 0, 0}, {192, 168, 0, 0}, {172, 16, 0, 0},
                                    {100, 64, 0, 0}, {0, 0, 0, 0},  {224, 0, 0, 0},   {240, 0, 0, 0},
                                    {198, 18, 0, 0}, {192, 0, 2, 0}};
  V4 v4 = *rc::gen::elementOf(std::vector<V4>(std::begin(kSpecial), std::end(kSpecial)));
  v4[3] = *rc::gen::arbitrary<uint8_t>();
  const Egress egress = compiled({});
  for (const net::Address& address : forms(v4, *rc::gen::arbitrary<uint16_t>())) {
    RC_ASSERT(address.is_private());
    RC_ASSERT(!egress.judge(*net::parse_url("https://h.example/"), address).ok());
  }
}

RC_GTEST_PROP(EgressAddresses, NoFormOfAMetadataAddressIsEverReached, ()) {
  const V4 v4 = *rc::gen::elementOf(std::vector<V4>{
      {169, 254, 169, 254}, {169, 254, 170, 2}, {100, 100, 100, 200}, {168, 63, 129, 16}, {192, 0, 0, 192}});
  const Egress egress = compiled({.granted_origins = {"http://h.example"}});
  for (const net::Address& address : forms(v4, *rc::gen::arbitrary<uint16_t>()))
    RC_ASSERT(egress.judge(*net::parse_url("http://h.example/"), address).reason() == "egress_metadata");
}

TEST(EgressAddresses, PublicOnesPassInFormsThatReachThem) {
  const Egress egress = compiled({});
  for (const char* text :
       {"8.8.8.8", "203.0.114.1", "2606:4700:4700::1111", "64:ff9b::8.8.8.8", "64:ff9b:1::8.8.8.8",
        "2002:808:808::1", "2001:0:1:2:3:4:f7f7:f7f7", "2001:4860:1::5efe:8.8.8.8", "::ffff:8.8.8.8"})
    EXPECT_EQ(refusal(egress, "https://h.example/", text), "") << text;
  for (const char* text :
       {"::8.8.8.8", "::ffff:0:8.8.8.8", "64:ff9b:1:2::8.8.8.8", "fec0::1", "2001:2::1", "2001:20::1",
        "2001:db8::1", "3fff::1", "100::1", "5f00::1", "4000::1", "ff02::1", "fd12::1"})
    EXPECT_EQ(refusal(egress, "https://h.example/", text), "egress_private_address") << text;
}

}  // namespace
}  // namespace tau::safety
