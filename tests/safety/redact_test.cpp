// What the redactor leaves, and how long it holds text back.
#include <gtest/gtest.h>

#include <algorithm>
#include <random>
#include <string>

#include "safety/safety.h"

namespace tau::safety {
namespace {

std::string random_text(
    uint64_t seed, size_t size,
    std::string_view alphabet = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789") {
  std::mt19937_64 random(seed);
  std::string out;
  for (size_t i = 0; i < size; ++i) out += alphabet[random() % alphabet.size()];
  return out;
}

std::string key_begin(const std::string& kind) { return "-----BEGIN " + kind + "PRIV" + "ATE KEY-----"; }
std::string key_end(const std::string& kind) { return "-----END " + kind + "PRIV" + "ATE KEY-----"; }

const Screen& rules_only() {
  static const Screen screen{.secrets = nullptr, .rules = built_in_rules()};
  return screen;
}

TEST(Redactor, TakesAKeyOutFromItsFirstLineToItsLast) {
  const std::string a = random_text(1, 64), b = random_text(2, 64), c = random_text(3, 20);
  const struct {
    const char* name;
    std::string text;
    std::string left;
  } cases[] = {
      {"plain", "x\n" + key_begin("RSA ") + "\n" + a + "\n" + b + "\n" + c + "==\n" + key_end("RSA ") + "\ny",
       "x\n[redacted:private-key]\ny"},
      {"encrypted",
       key_begin("EC ") + "\nProc-Type: 4,ENCRYPTED\nDEK-Info: AES-128-CBC,0011\n\n" + a + "\n" + c + "=\n" +
           key_end("EC ") + "\n",
       "[redacted:private-key]\n"},
      {"in a JSON string",
       "{\"k\":\"" + key_begin("") + "\\n" + a + "\\n" + c + "=\\n" + key_end("") + "\\n\"}",
       "{\"k\":\"[redacted:private-key]\\n\"}"},
      {"in source",
       "k = (\n  \"" + key_begin("") + "\\n\"\n  \"" + a + "\\n\"\n  \"" + c + "\\n\"\n  \"" + key_end("") +
           "\\n\")",
       "k = (\n  \"[redacted:private-key]\\n\")"},
      {"cut off", key_begin("OPENSSH ") + "\n" + a + "\n" + b + "\n" + c + "\nNow to something else.",
       "[redacted:private-key]Now to something else."},
      {"cut off in a line", "\"" + key_begin("") + "\\n" + a + "\\n" + b.substr(0, 40) + "\", \"next\": 1}",
       "\"[redacted:private-key]\", \"next\": 1}"},
      {"on one line", key_begin("") + " " + a + " " + b + " " + key_end("") + " z",
       "[redacted:private-key] z"},
      {"no key at all", "A file begins with " + key_begin("") + " and ends.",
       "A file begins with " + key_begin("") + " and ends."},
  };
  for (const auto& test : cases) EXPECT_EQ(redact(rules_only(), test.text), test.left) << test.name;
}

TEST(Redactor, LetsAKeyOfAnyLengthPassThroughLittleMemory) {
  Redactor redactor(rules_only());
  std::string out;
  size_t most_held = 0;
  redactor.feed("a " + key_begin("") + "\n", out);
  for (int i = 0; i < 20'000; ++i) {
    redactor.feed(random_text(static_cast<uint64_t>(i), 64) + "\n", out);
    most_held = std::max(most_held, redactor.held_bytes());
  }
  redactor.feed(key_end("") + " b", out);
  redactor.finish(out);
  EXPECT_EQ(out, "a [redacted:private-key] b");
  EXPECT_LE(most_held, 256U);
}

TEST(Redactor, HoldsBackLittleOfOrdinaryText) {
  const std::string text =
      "The token of the day is patience; a key = value store keeps passwords, secrets: and api keys = things "
      "apart, and "
      "http://example.org/a?b=c goes through as it is. ";
  Redactor redactor(rules_only());
  std::string out;
  size_t most_held = 0;
  for (int round = 0; round < 20; ++round) {
    for (const char c : text) {
      redactor.feed(std::string_view(&c, 1), out);
      most_held = std::max(most_held, redactor.held_bytes());
    }
  }
  redactor.finish(out);
  std::string all;
  for (int round = 0; round < 20; ++round) all += text;
  EXPECT_EQ(out, all);
  EXPECT_LE(most_held, 64U);
}

TEST(Redactor, NeverHoldsMoreThanItsBound) {
  std::string text;
  for (int i = 0; i < 200; ++i)
    text += "token=" + random_text(static_cast<uint64_t>(i), 300) + std::string("ey") + "J" +
            random_text(static_cast<uint64_t>(i), 5000);
  Redactor redactor(rules_only());
  std::string out;
  size_t most_held = 0;
  for (size_t at = 0; at < text.size(); at += 7) {
    redactor.feed(std::string_view(text).substr(at, 7), out);
    most_held = std::max(most_held, redactor.held_bytes());
  }
  redactor.finish(out);
  EXPECT_LE(most_held, kMaxHeldBytes + 7);
}

TEST(Redactor, ServesOneTextAfterAnother) {
  Redactor redactor(rules_only());
  for (int i = 0; i < 3; ++i) {
    std::string out;
    redactor.feed("glp" + std::string("at-"), out);
    redactor.feed(random_text(9, 20), out);
    redactor.finish(out);
    EXPECT_EQ(out, "[redacted:gitlab-pat]");
  }
}

TEST(Redactor, PassesWholeCharactersOn) {
  SecretRegistry registry;
  const std::string secret = random_text(5, 24);
  ASSERT_TRUE(registry.add("s", Secret(secret)).ok());
  const Screen screen{registry.snapshot(), built_in_rules()};
  std::string text = "na\u00efve \u8a9e\U0001F44B\U0001F3FD ";
  for (int i = 0; i < 300; ++i) text += "\u00e9\u8a9e";
  for (size_t step = 1; step < 40; ++step) {
    Redactor redactor(screen);
    std::string whole;
    for (size_t at = 0; at < text.size();) {
      size_t end = std::min(text.size(), at + step);
      while (end < text.size() && (static_cast<unsigned char>(text[end]) & 0xC0) == 0x80) ++end;
      std::string out;
      redactor.feed(text.substr(at, end - at), out);
      EXPECT_TRUE(is_valid_utf8(out)) << step << " " << at;
      whole += out;
      at = end;
    }
    redactor.finish(whole);
    EXPECT_EQ(whole, text);
  }
}

TEST(Redactor, ShowsWhatItHoldsWhenAskedAndTakesOutWhatFollows) {
  SecretRegistry registry;
  const std::string secret = random_text(6, 24);
  ASSERT_TRUE(registry.add("s", Secret(secret)).ok());
  const Screen screen{registry.snapshot(), built_in_rules()};
  for (size_t cut = 1; cut < secret.size(); ++cut) {
    Redactor redactor(screen);
    std::string out;
    redactor.feed("It is " + secret.substr(0, cut), out);
    redactor.flush(out);
    EXPECT_EQ(out, "It is " + secret.substr(0, cut));
    EXPECT_EQ(redactor.held_bytes(), 0U);
    redactor.feed(secret.substr(cut) + " then", out);
    redactor.finish(out);
    EXPECT_EQ(out, "It is " + secret.substr(0, cut) + "[redacted:registered-secret] then");
  }
}

}  // namespace
}  // namespace tau::safety
