// The whole exam of the exact layer, too long for ordinary runs: 10,000 secrets, every form, every split.
#include <gtest/gtest.h>

#include <cstdlib>
#include <random>
#include <string>
#include <vector>

#include "safety/forms_by_hand.h"
#include "safety/safety.h"

namespace tau::safety {
namespace {

TEST(ExactLayer, FindsTenThousandSecretsInEveryFormAcrossEverySplit) {
  const char* const seed = std::getenv("TAU_TEST_SEED");
  std::mt19937_64 random(seed == nullptr ? 1 : std::strtoull(seed, nullptr, 10));
  SecretRegistry registry;
  std::vector<std::string> secrets;
  for (int i = 0; i < 10'000; ++i) {
    std::string secret;
    const size_t size = kMinSecretBytes + random() % 33;
    // Every fourth has any printable byte, the others what tokens are made of.
    while (secret.size() < size) {
      const char c = static_cast<char>(33 + random() % 94);
      if (i % 4 == 0 || (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') ||
          c == '-' || c == '_')
        secret += c;
    }
    ASSERT_TRUE(registry.add(std::to_string(i), Secret(secret)).ok());
    secrets.push_back(std::move(secret));
  }
  EXPECT_LE(registry.memory_bytes(), size_t{8} << 20);
  const Screen screen{.secrets = registry.snapshot(), .rules = nullptr};
  Scanner scanner(screen);
  uint64_t tried = 0;
  uint64_t missed = 0;
  std::vector<Finding> found;
  for (size_t i = 0; i < secrets.size(); ++i) {
    for (const test::EncodedForm& form : test::forms_by_hand(secrets[i])) {
      for (size_t cut = 0; cut <= form.text.size(); ++cut) {
        found.clear();
        scanner.feed(std::string_view(form.text).substr(0, cut), found);
        scanner.feed(std::string_view(form.text).substr(cut), found);
        scanner.finish(found);
        ++tried;
        if (found.size() != 1 || found[0].subject != std::to_string(i)) ++missed;
      }
    }
  }
  std::printf("%llu texts, %llu missed\n", static_cast<unsigned long long>(tried),
              static_cast<unsigned long long>(missed));
  EXPECT_EQ(missed, 0U);
}

}  // namespace
}  // namespace tau::safety
