// The built-in rules and bundles: what is caught, what is not, what a bundle may change.
#include <gtest/gtest.h>

#include <algorithm>
#include <random>
#include <string>
#include <vector>

#include "crypto/crypto.h"
#include "safety/rule.h"
#include "safety/safety.h"
#include "safety/tables.h"

namespace tau::safety {
namespace {

constexpr std::string_view kAlnum = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789";

std::string drawn(uint64_t seed, size_t size, std::string_view alphabet = kAlnum) {
  std::mt19937_64 random(seed);
  std::string out;
  for (size_t i = 0; i < size; ++i) out += alphabet[random() % alphabet.size()];
  return out;
}

const std::shared_ptr<const RuleSet>& built_in() {
  static const auto rules = built_in_rules();
  return rules;
}

std::string rule_of(const std::string& text) {
  const auto found = scan({.secrets = nullptr, .rules = built_in()}, text);
  return found.empty() ? "" : found[0].rule;
}

TEST(BuiltInRules, AreAValidBundleWhosePatternsCompile) {
  const auto bundle = read_bundle(kBuiltInRules);
  ASSERT_TRUE(bundle.ok()) << bundle.status().message();
  EXPECT_GE(bundle->rules.size(), 200U);
  for (const RuleSpec& rule : bundle->rules) {
    const auto regex = Rule(rule).compile();
    EXPECT_TRUE(regex.ok()) << rule.id << ": " << (regex.ok() ? "" : regex.status().message());
  }
  EXPECT_TRUE(std::any_of(bundle->rules.begin(), bundle->rules.end(),
                          [](const RuleSpec& rule) { return rule.floor; }));
}

TEST(BuiltInRules, KnowATokenByItsForm) {
  const std::string github = std::string("gh") + "p_" + drawn(1, 36);
  for (const std::string around :
       {"@", "x=@", "\"@\"", "line\\n@\\n", "?t%3D@&x=1", "Bearer @", "(@)", "\n@\n", "@."}) {
    std::string text = around;
    text.replace(text.find('@'), 1, github);
    EXPECT_EQ(rule_of(text), "github-pat") << around;
  }
  EXPECT_EQ(rule_of("a" + github), "") << "in the middle of a word";
  EXPECT_EQ(rule_of(github + "x"), "") << "one character too many";
  EXPECT_EQ(rule_of(std::string("gh") + "p_" + std::string(36, 'x')), "") << "a placeholder";
}

TEST(BuiltInRules, KnowAValueByTheNameBeforeIt) {
  const std::string value = drawn(5, 40);
  for (const std::string text :
       {"cloudflareToken=\"@\"", "CLOUDFLARE_TOKEN=@", "cloudflare_token: '@'", "\"cloudflare_token\": \"@\"",
        "{\\\"cloudflare\\\": \\\"@\\\"}", "<cloudflareToken>\n  @\n</cloudflareToken>",
        "set(\"CLOUDFLARE\", \"@\")", "\"cloudflare\" => \"@\"", "cloudflare ::= @",
        "var cloudflareKey string = `@`"}) {
    std::string filled = text;
    filled.replace(filled.find('@'), 1, value);
    EXPECT_EQ(rule_of(filled), "cloudflare-api-key") << text;
  }
  EXPECT_EQ(rule_of("the cloudflare " + value), "") << "nothing is assigned";
  EXPECT_EQ(rule_of("my_api_key = \"" + value + "\""), "generic-api-key");
  EXPECT_EQ(rule_of("public_key = \"" + value + "\""), "");
  EXPECT_EQ(rule_of("token_count = \"" + value + "\""), "");
  EXPECT_EQ(rule_of("{apiKey:\"" + value + "\",other:1}"), "") << "what every browser gets";
}

TEST(BuiltInRules, AChecksumMakesCertain) {
  const std::string body = drawn(3, 30);
  uint32_t crc = crypto::crc32(body);
  std::string digits(6, '0');
  constexpr std::string_view kDigits = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
  for (size_t i = 6; i > 0; crc /= 62) digits[--i] = kDigits[crc % 62];
  const std::string token = std::string("gh") + "p_" + body + digits;
  const auto found = scan({.secrets = nullptr, .rules = built_in()}, token);
  ASSERT_EQ(found.size(), 1U);
  EXPECT_EQ(found[0].confidence, Confidence::kCertain);
  std::string broken = token;
  broken.back() = broken.back() == 'a' ? 'b' : 'a';
  const auto likely = scan({.secrets = nullptr, .rules = built_in()}, broken);
  ASSERT_EQ(likely.size(), 1U);
  EXPECT_EQ(likely[0].confidence, Confidence::kLikely);
}

TEST(BuiltInRules, AJwtHasAHeaderThatNamesAnAlgorithm) {
  const std::string header = crypto::base64_encode("{\"typ\":\"JWT\",\"alg\":\"HS256\"}");
  const std::string claims = crypto::base64_encode("{\"sub\":\"1234567890\"}");
  EXPECT_EQ(rule_of(header.substr(0, header.find('=')) + "." + claims.substr(0, claims.find('=')) + "." +
                    drawn(1, 43)),
            "jwt");
  EXPECT_EQ(rule_of(std::string("ey") + "J" + drawn(2, 30) + ".ey" + "J" + drawn(3, 30) + "." + drawn(1, 43)),
            "");
}

TEST(Bundles, AreRefusedWithThePlaceOfTheFault) {
  const struct {
    const char* bundle;
    const char* said;
  } cases[] = {
      {"", "bundle"},
      {"[]", "format"},
      {R"({"format":2,"revision":1})", "format"},
      {R"({"format":1})", "revision"},
      {R"({"format":1,"revision":1,"extra":0})", "extra"},
      {R"({"format":1,"revision":1,"rules":{}})", "rules"},
      {R"({"format":1,"revision":1,"rules":[{"id":"A"}]})", "id"},
      {R"({"format":1,"revision":1,"rules":[{"id":"a"}]})", "a.kind"},
      {R"({"format":1,"revision":1,"rules":[{"id":"a","kind":"token","match":"x"}]})", "a.words"},
      {R"({"format":1,"revision":1,"rules":[{"id":"a","kind":"token","words":["ab"],"match":"x"}]})",
       "a.words"},
      {R"({"format":1,"revision":1,"rules":[{"id":"a","kind":"assigned","words":["Abc"],"match":"x"}]})",
       "a.words"},
      {R"({"format":1,"revision":1,"rules":[{"id":"a","kind":"token","words":["abc"]}]})", "a.match"},
      {R"({"format":1,"revision":1,"rules":[{"id":"a","kind":"token","words":["abc"],"match":"abc("}]})",
       "a.match"},
      {R"({"format":1,"revision":1,"rules":[{"id":"a","kind":"token","words":["abc"],"match":"abc","span":9999}]})",
       "a.span"},
      {R"({"format":1,"revision":1,"rules":[{"id":"a","kind":"token","words":["abc"],"match":"abc","random":101}]})",
       "a.random"},
      {R"({"format":1,"revision":1,"rules":[{"id":"a","kind":"token","words":["abc"],"match":"abc","checksum":"md5"}]})",
       "a.checksum"},
      {R"({"format":1,"revision":1,"rules":[{"id":"a","kind":"token","words":["abc"],"match":"abc","floor":true}]})",
       "a.floor"},
      {R"({"format":1,"revision":1,"rules":[{"id":"a","kind":"token","words":["abc"],"match":"abc","more":1}]})",
       "a.more"},
      {R"({"format":1,"revision":1,"drop":["github-pat"]})", "github-pat"},
      {R"({"format":1,"revision":1,"rules":[{"id":"private-key","kind":"token","words":["abc"],"match":"abc"}]})",
       "private-key"},
      {R"({"format":1,"revision":1,"published":["xyz"]})", "published"},
  };
  for (const auto& test : cases) {
    const auto rules = compile_rules(test.bundle);
    ASSERT_FALSE(rules.ok()) << test.bundle;
    EXPECT_EQ(rules.status().reason(), "invalid_rules");
    EXPECT_NE(rules.status().message().find(test.said), std::string_view::npos)
        << test.bundle << ": " << rules.status().message();
  }
}

TEST(Bundles, AddReplaceAndDropButNeverTouchTheFloor) {
  const std::string github = std::string("gh") + "p_" + drawn(1, 36);
  const std::string digest = crypto::hex(crypto::blake2b(github)).substr(0, 16);
  const auto rules = compile_rules(
      R"({"format":1,"revision":7,"drop":["asana-client-id"],"published":[")" + digest +
      R"("],"rules":[{"id":"acme-key","kind":"token","words":["acme_"],"match":"acme_[a-z0-9]{20}"}]})");
  ASSERT_TRUE(rules.ok()) << rules.status().message();
  const Screen screen{.secrets = nullptr, .rules = *rules};
  const std::vector<std::string> ids = rule_ids(**rules);
  EXPECT_EQ(std::count(ids.begin(), ids.end(), "asana-client-id"), 0);
  EXPECT_EQ(std::count(ids.begin(), ids.end(), "private-key"), 1);
  const auto acme = scan(screen, "acme_" + drawn(2, 20, "abcdefghijklmnopqrstuvwxyz0123456789"));
  ASSERT_EQ(acme.size(), 1U);
  EXPECT_EQ(acme[0].rule, "acme-key");
  EXPECT_EQ(scan(screen, github).size(), 1U) << "what a bundle calls published excepts nothing of the floor";
}

TEST(Rulebook, SwapsWholeAndOnlyForward) {
  Rulebook book;
  const auto before = book.current();
  EXPECT_EQ(book.epoch(), 1U);
  EXPECT_EQ(book.replace("{}").reason(), "invalid_rules");
  EXPECT_EQ(book.current(), before);
  ASSERT_TRUE(book.replace(R"({"format":1,"revision":5})").ok());
  EXPECT_EQ(book.epoch(), 2U);
  EXPECT_NE(book.current(), before);
  EXPECT_EQ(book.replace(R"({"format":1,"revision":4})").reason(), "rules_outdated");
  EXPECT_EQ(book.epoch(), 2U);
}

TEST(Crypto, Crc32HasItsCheckValue) { EXPECT_EQ(crypto::crc32("123456789"), 0xcbf43926U); }

}  // namespace
}  // namespace tau::safety
