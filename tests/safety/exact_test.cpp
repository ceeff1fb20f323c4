// The exact layer: what is registered is found, in every form and across every split, and nothing else is.
#include <gtest/gtest.h>

#include <random>
#include <string>
#include <vector>

#include "safety/forms_by_hand.h"
#include "safety/safety.h"

namespace tau::safety {
namespace {

std::string random_secret(std::mt19937_64& random, size_t size, std::string_view alphabet) {
  std::string out;
  for (size_t i = 0; i < size; ++i) out += alphabet[random() % alphabet.size()];
  return out;
}

constexpr std::string_view kToken = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_-";
constexpr std::string_view kHard = "abXY09 \"\\/<>&'+%\n\t=~!*(){}";

std::vector<Finding> scan_split(const Screen& screen, std::string_view text, size_t cut) {
  std::vector<Finding> found;
  Scanner scanner(screen);
  scanner.feed(text.substr(0, cut), found);
  scanner.feed(text.substr(cut), found);
  scanner.finish(found);
  return found;
}

TEST(ExactLayer, FindsEveryFormAcrossEverySplit) {
  std::mt19937_64 random(7);
  SecretRegistry registry;
  std::vector<std::string> secrets;
  for (size_t size = kMinSecretBytes; size < 48; ++size) {
    secrets.push_back(random_secret(random, size, kToken));
    secrets.push_back(random_secret(random, size, kHard));
  }
  secrets.push_back("Grüße 🔑 an alle");
  for (size_t i = 0; i < secrets.size(); ++i)
    ASSERT_TRUE(registry.add("s" + std::to_string(i), Secret(secrets[i])).ok());
  const Screen screen{.secrets = registry.snapshot(), .rules = nullptr};
  for (size_t i = 0; i < secrets.size(); ++i) {
    for (const test::EncodedForm& form : test::forms_by_hand(secrets[i])) {
      const std::string text = "{\"q\": \"" + form.text + "\"}";
      const std::vector<Finding> whole = scan(screen, text);
      ASSERT_EQ(whole.size(), 1U) << form.name << " of " << i;
      EXPECT_EQ(whole[0].subject, "s" + std::to_string(i)) << form.name;
      EXPECT_EQ(whole[0].confidence, Confidence::kCertain);
      for (size_t cut = 0; cut <= text.size(); ++cut)
        ASSERT_EQ(findings_json(scan_split(screen, text, cut)), findings_json(whole))
            << form.name << " cut at " << cut;
    }
  }
}

TEST(ExactLayer, RedactsWithBoundedDelay) {
  SecretRegistry registry;
  const std::string secret = "q7RtY2-vvB81mmZk04";
  ASSERT_TRUE(registry.add("key", Secret(secret)).ok());
  Redactor redactor({.secrets = registry.snapshot(), .rules = nullptr});
  std::string out;
  size_t most_held = 0;
  for (const char c : "Long text goes on and on, byte by byte, and holds " + secret + " in the middle.") {
    redactor.feed(std::string_view(&c, 1), out);
    most_held = std::max(most_held, redactor.held_bytes());
  }
  redactor.finish(out);
  EXPECT_EQ(out,
            "Long text goes on and on, byte by byte, and holds [redacted:registered-secret] in the middle.");
  EXPECT_LE(most_held, 48U + 8U);  // how far into a form its window may stand, and the window
}

TEST(ExactLayer, RefusesWhatCannotBeSearchedFor) {
  SecretRegistry registry;
  EXPECT_EQ(registry.add("s", Secret("1234567")).reason(), "secret_too_short");
  EXPECT_EQ(registry.add("s", Secret(std::string(kMaxSecretBytes + 1, 'x'))).reason(), "secret_too_long");
  EXPECT_TRUE(registry.add("s", Secret("12345678")).ok());
}

TEST(ExactLayer, ForgetsWhatIsRemovedButNotInOlderSnapshots) {
  SecretRegistry registry;
  ASSERT_TRUE(registry.add("a", Secret("first-secret-value")).ok());
  ASSERT_TRUE(registry.add("a", Secret("rotated-secret-value")).ok());
  ASSERT_TRUE(registry.add("b", Secret("another-secret-value")).ok());
  const auto before = registry.snapshot();
  EXPECT_EQ(registry.remove("a"), 2U);
  EXPECT_EQ(registry.remove("a"), 0U);
  const auto after = registry.snapshot();
  EXPECT_TRUE(holds_secret(*before, "x first-secret-value"));
  EXPECT_FALSE(holds_secret(*after, "x first-secret-value rotated-secret-value"));
  EXPECT_TRUE(holds_secret(*after, "another-secret-value"));
}

// Keys of one issuer begin alike; none may hide another, nor cost a search through all.
TEST(ExactLayer, TellsSecretsWithOneBeginningApart) {
  std::mt19937_64 random(11);
  const std::string beginning(40, 'k');
  SecretRegistry registry;
  std::vector<std::string> secrets;
  for (int i = 0; i < 2000; ++i) {
    secrets.push_back(beginning + random_secret(random, 24, kToken));
    ASSERT_TRUE(registry.add(std::to_string(i), Secret(secrets.back())).ok());
  }
  const Screen screen{.secrets = registry.snapshot(), .rules = nullptr};
  for (int i = 0; i < 2000; i += 37) {
    const auto found = scan(screen, "a " + secrets[static_cast<size_t>(i)] + " b");
    ASSERT_EQ(found.size(), 1U);
    EXPECT_EQ(found[0].subject, std::to_string(i));
    EXPECT_EQ(found[0].offset, 2U);
    EXPECT_EQ(found[0].length, 64U);
  }
}

// A key that is registered goes by the rule that takes it out, and still tells whose it is.
TEST(ExactLayer, IsToldWithinAKey) {
  std::mt19937_64 random(17);
  const std::string key = std::string("-----BEGIN PRIV") + "ATE KEY-----\n" +
                          random_secret(random, 64, "ABCDEFabcdef0123456789") + "\n-----END PRIV" +
                          "ATE KEY-----\n";
  SecretRegistry registry;
  ASSERT_TRUE(registry.add("the-key", Secret(key)).ok());
  const auto found = scan({.secrets = registry.snapshot(), .rules = built_in_rules()}, "<" + key + ">");
  ASSERT_EQ(found.size(), 1U);
  EXPECT_EQ(found[0].rule, "private-key");
  EXPECT_EQ(found[0].subject, "the-key");
  EXPECT_EQ(found[0].length, key.size());
}

TEST(ExactLayer, FindingsHoldNothingOfTheSecret) {
  SecretRegistry one;
  SecretRegistry two;
  const std::string secret = "zq81-KKe0-55Tu-pp";
  ASSERT_TRUE(one.add("id", Secret(secret)).ok());
  ASSERT_TRUE(two.add("id", Secret(secret)).ok());
  const auto found = scan({.secrets = one.snapshot(), .rules = nullptr}, "<" + secret + ">" + secret);
  const auto other = scan({.secrets = two.snapshot(), .rules = nullptr}, secret);
  ASSERT_EQ(found.size(), 2U);
  ASSERT_EQ(other.size(), 1U);
  EXPECT_EQ(found[0].fingerprint, found[1].fingerprint);
  EXPECT_NE(found[0].fingerprint, other[0].fingerprint);
  const std::string json = findings_json(found);
  for (size_t i = 0; i + 4 <= secret.size(); ++i)
    EXPECT_EQ(json.find(secret.substr(i, 4)), std::string::npos);
}

// The whole exam of the layer: tools/bench safety repeats it with figures.
TEST(ExactLayer, HoldsTenThousandSecretsInEightMegabytes) {
  std::mt19937_64 random(13);
  SecretRegistry registry;
  for (int i = 0; i < 10'000; ++i)
    ASSERT_TRUE(
        registry.add(std::to_string(i), Secret(random_secret(random, 8 + random() % 56, kToken))).ok());
  EXPECT_LE(registry.memory_bytes(), size_t{8} << 20);
}

}  // namespace
}  // namespace tau::safety
