// Pins did:web: one DID for one address, the examples of its specification, and every boundary.
#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include <string>
#include <string_view>
#include <vector>

#include "access/did.h"

namespace tau::access {
namespace {

TEST(DidWeb, MapsToOneAddressAndBack) {
  const std::string label(63, 'a');
  const std::string domain = label + "." + label + "." + label + "." + std::string(61, 'b');  // 253 bytes
  const std::vector<std::pair<std::string, std::string>> table = {
      // The three examples of the specification.
      {"did:web:w3c-ccg.github.io", "https://w3c-ccg.github.io/.well-known/did.json"},
      {"did:web:w3c-ccg.github.io:user:alice", "https://w3c-ccg.github.io/user/alice/did.json"},
      {"did:web:example.com%3A3000:user:alice", "https://example.com:3000/user/alice/did.json"},
      {"did:web:example.com%3A8443", "https://example.com:8443/.well-known/did.json"},
      {"did:web:example.com%3A1", "https://example.com:1/.well-known/did.json"},
      {"did:web:example.com%3A65535", "https://example.com:65535/.well-known/did.json"},
      {"did:web:xn--bcher-kva.example", "https://xn--bcher-kva.example/.well-known/did.json"},
      {"did:web:a.b", "https://a.b/.well-known/did.json"},
      {"did:web:1.2.3.4.example", "https://1.2.3.4.example/.well-known/did.json"},
      {"did:web:1a.0xg", "https://1a.0xg/.well-known/did.json"},
      {"did:web:" + domain, "https://" + domain + "/.well-known/did.json"},
      {"did:web:example.com:Alice_B.-", "https://example.com/Alice_B.-/did.json"},
      {"did:web:example.com:a%20b", "https://example.com/a%20b/did.json"},
      {"did:web:example.com:%C3%A4", "https://example.com/%C3%A4/did.json"},
      {"did:web:example.com:%3A", "https://example.com/%3A/did.json"},
      {"did:web:example.com:...", "https://example.com/.../did.json"},
      {"did:web:example.com:.well-known:x", "https://example.com/.well-known/x/did.json"},
      {"did:web:example.com:" + std::string(255, 'p'),
       "https://example.com/" + std::string(255, 'p') + "/did.json"},
  };
  for (const auto& [did, url] : table) {
    const auto to = did_web_url(did);
    ASSERT_TRUE(to.ok()) << to.status().to_string();
    EXPECT_EQ(*to, url);
    const auto back = did_web_from_url(url);
    ASSERT_TRUE(back.ok()) << back.status().to_string();
    EXPECT_EQ(*back, did);
    EXPECT_TRUE(parse_did(did).ok());
  }
}

TEST(DidWeb, RefusesWhatIsNoDomain) {
  const std::string label(63, 'a');
  for (const std::string& host : std::vector<std::string>{
           "", "example", "localhost", "Example.com", "example.com.", ".example.com", "example..com",
           "-a.com", "a-.com", "a.-com", "a.com-", "a_b.com", "\xc3\xa4.com", "a b.com", label + "a.com",
           label + "." + label + "." + label + "." + std::string(62, 'b'),
           // Addresses, in every spelling that something takes for one.
           "127.0.0.1", "10.0.0.1", "169.254.169.254", "127.1", "2130706433", "0x7f000001", "0x7f.1",
           "0177.0.0.1", "1.2.3", "a.1", "a.0x1", "a.0x", "256.256.256.256", "1.2.3.4.5", "[::1]",
           "%5B%3A%3A1%5D", "fe80",
           // Others who would be asked in its name.
           "user@example.com", "user%40example.com", "example.com%2F", "example.com%2Fa", "example.com%00",
           "example.com%3F", "example.com%23", "ex%61mple.com", "example.com/a", "example.com?a",
           "example.com#a", "example.com\\a"})
    EXPECT_EQ(did_web_url("did:web:" + host).status().reason(), "invalid_did_web") << host;
}

TEST(DidWeb, RefusesPortsThatAreNone) {
  for (const char* port : {"", "0", "00", "080", "443", "65536", "99999", "100000", "8a", "-1", "%38",
                           "80%3A80", " 80", "80 ", "8.0"})
    EXPECT_EQ(did_web_url(std::string("did:web:example.com%3A") + port).status().reason(), "invalid_did_web")
        << port;
  EXPECT_EQ(did_web_url("did:web:example.com%3a80").status().reason(), "invalid_did_web");
  for (const char* port : {"", "0", "0443", "443", "65536", "x"})
    EXPECT_EQ(did_web_from_url(std::string("https://example.com:") + port + "/.well-known/did.json")
                  .status()
                  .reason(),
              "invalid_did_web")
        << port;
}

TEST(DidWeb, RefusesPathsThatHaveAnotherSpelling) {
  for (const std::string& path : std::vector<std::string>{
           "",       ":a",     "a:",  "a::b",      ".",        "..",          "a:..:b",
           "%2E%2E", "%2e",    "%41", "%7a",       "%2F",      "%5C",         "%00",
           "%0A",    "%1F",    "%7F", "%25",       "%2541",    "%",           "%4",
           "%G0",    "%c3%a4", "%C3", "%ED%A0%80", "%FF",      "a~b",         "a!b",
           "a/b",    "a b",    "a?b", "a#b",       "\xc3\xa4", ".well-known", std::string(256, 'p')})
    EXPECT_EQ(did_web_url("did:web:example.com:" + path).status().reason(), "invalid_did_web") << path;
  std::string deep = "did:web:example.com";
  for (int i = 0; i < 32; ++i) deep += ":a";
  EXPECT_TRUE(did_web_url(deep).ok());
  EXPECT_EQ(did_web_url(deep + ":a").status().reason(), "invalid_did_web");
}

TEST(DidWeb, RefusesAddressesThatHaveNoDid) {
  std::string deep;
  for (int i = 0; i < 5; ++i) deep += "/" + std::string(250, 'p');
  for (const std::string& url : std::vector<std::string>{"",
                                                         "https://",
                                                         "https:///did.json",
                                                         "https://did.json",
                                                         "https://example.com",
                                                         "https://example.com/",
                                                         "https://example.com/did.json",
                                                         "http://example.com/.well-known/did.json",
                                                         "ftp://example.com/a/did.json",
                                                         "HTTPS://example.com/a/did.json",
                                                         "https://u@example.com/a/did.json",
                                                         "https://u:p@example.com/a/did.json",
                                                         "https://example.com/a/did.json?x",
                                                         "https://example.com/a/did.json#x",
                                                         "https://example.com//did.json",
                                                         "https://example.com/a//did.json",
                                                         "https://example.com/../did.json",
                                                         "https://example.com/a/did.jsonx",
                                                         "https://example.com/a~/did.json",
                                                         "https://example.com/a:b/did.json",
                                                         "https://[::1]/a/did.json",
                                                         "https://127.0.0.1/a/did.json",
                                                         "https://example.com" + deep + "/did.json"})
    EXPECT_EQ(did_web_from_url(url).status().reason(), "invalid_did_web") << url;
  for (const std::string& did : std::vector<std::string>{"", "did:web:", "did:key:z6Mk", "example.com",
                                                         "did:web:example.com:" + std::string(1100, 'a')})
    EXPECT_EQ(did_web_url(did).status().reason(), "invalid_did_web") << did;
}

TEST(DidWeb, NamesAddressesAndSingleLabelsWhereThatIsAllowed) {
  const WebOptions addresses{.allow_addresses = true, .allow_single_label = false};
  EXPECT_EQ(*did_web_url("did:web:127.0.0.1%3A8443", addresses),
            "https://127.0.0.1:8443/.well-known/did.json");
  EXPECT_EQ(*did_web_from_url("https://127.0.0.1:8443/.well-known/did.json", addresses),
            "did:web:127.0.0.1%3A8443");
  for (const char* host :
       {"127.1", "127.0.0.256", "0127.0.0.1", "127.0.0.01", "0x7f.0.0.1", "2130706433", "localhost"})
    EXPECT_FALSE(did_web_url(std::string("did:web:") + host, addresses).ok()) << host;
  const WebOptions labels{.allow_addresses = false, .allow_single_label = true};
  EXPECT_EQ(*did_web_url("did:web:localhost", labels), "https://localhost/.well-known/did.json");
  EXPECT_FALSE(did_web_url("did:web:1", labels).ok());
  EXPECT_FALSE(did_web_url("did:web:127.0.0.1", labels).ok());
}

// Whatever is accepted comes back as it was, so no two DIDs share an address.
RC_GTEST_PROP(DidWeb, IsOneToOne, ()) {
  const auto host = *rc::gen::element<std::string>("a.b", "example.com", "x-1.example%3A80", "1.a", "a.1%3A");
  const auto pieces = *rc::gen::container<std::vector<std::string>>(rc::gen::element<std::string>(
      "a", "Z", ".", ":", "%3A", "%C3%A4", "%20", "_", "-", ".well-known", "~"));
  std::string did = "did:web:" + host;
  for (size_t i = 0; i < pieces.size(); ++i) did += (i == 0 ? ":" : "") + pieces[i];
  const auto url = did_web_url(did);
  RC_CLASSIFY(url.ok(), "accepted");
  if (url.ok()) RC_ASSERT(*did_web_from_url(*url) == did);
}

}  // namespace
}  // namespace tau::access
