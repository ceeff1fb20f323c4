// Looks for secrets in all memory of this process after the vault is closed.
#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <cstring>
#include <fstream>
#include <unordered_map>
#include <unordered_set>

#include "credential/fixture.h"

namespace tau::credential {
namespace {

constexpr int kCanaries = 1000;
constexpr uint64_t kMask = 0x5a5a'5a5a'5a5a'5a5a;  // no canary is kept in the clear by this test

constexpr unsigned long kMostMapped = 4ul << 30;  // larger ones are the shadow of a sanitizer

// Eight bytes of a canary; splitmix64.
uint64_t canary_word(int canary, int word) {
  uint64_t x = static_cast<uint64_t>(canary) * 4 + static_cast<uint64_t>(word) + 0x1234'5678'9abc;
  x += 0x9e37'79b9'7f4a'7c15;
  x = (x ^ x >> 30) * 0xbf58'476d'1ce4'e5b9;
  x = (x ^ x >> 27) * 0x94d0'49bb'1331'11eb;
  return x ^ x >> 31;
}

Secret canary_secret(int canary) {
  return Secret::generate(32, [&](std::span<char> to) {
    for (int word = 0; word < 4; ++word) {
      const uint64_t value = canary_word(canary, word);
      std::memcpy(to.data() + 8 * word, &value, sizeof value);
    }
  });
}

// How many canaries this process's writable memory holds sixteen bytes of in a row: a register that was
// spilled is no copy of a secret. The scan's own buffer is left out, and what it looks for is masked.
class Scan {
 public:
  Scan() {
    for (int canary = 0; canary < kCanaries; ++canary)
      for (int word = 0; word < 3; ++word)
        wanted_[canary_word(canary, word) ^ kMask] = {canary, canary_word(canary, word + 1) ^ kMask};
  }
  size_t count() const {
    std::unordered_set<int> found;
    std::ifstream maps("/proc/self/maps");
    const int memory = ::open("/proc/self/mem", O_RDONLY);
    EXPECT_GE(memory, 0);
    for (std::string line; std::getline(maps, line);) {
      unsigned long begin = 0, end = 0;
      char mode[5] = {};
      if (std::sscanf(line.c_str(), "%lx-%lx %4s", &begin, &end, mode) != 3 || mode[1] != 'w') continue;
      if (end - begin > kMostMapped) continue;
      look(memory, begin, end, found);
    }
    ::close(memory);
    return found.size();
  }

 private:
  struct Next {
    int canary;
    uint64_t masked;
  };
  void look(int memory, unsigned long begin, unsigned long end, std::unordered_set<int>& found) const {
    static char buffer[1 << 16];
    const auto own = reinterpret_cast<unsigned long>(buffer);
    for (unsigned long at = begin; at < end; at += sizeof buffer - 16) {
      if (at < own + sizeof buffer && at + sizeof buffer > own) continue;
      const size_t wanted = std::min<unsigned long>(sizeof buffer, end - at);
      const ssize_t n = ::pread(memory, buffer, wanted, static_cast<off_t>(at));
      for (ssize_t i = 0; i + 16 <= n; ++i) {
        uint64_t words[2];
        std::memcpy(words, buffer + i, sizeof words);
        const auto hit = wanted_.find(words[0] ^ kMask);
        if (hit != wanted_.end() && hit->second.masked == (words[1] ^ kMask))
          found.insert(hit->second.canary);
      }
      secure_wipe(buffer, sizeof buffer);
    }
  }
  std::unordered_map<uint64_t, Next> wanted_;
};

using MemoryTest = VaultFixture;

TEST_F(MemoryTest, NoCanaryIsLeftAfterTheVaultIsClosed) {
  const Scan scan;
  {
    const Secret held = canary_secret(0);
    EXPECT_EQ(scan.count(), 1u) << "the scan finds what is there";
  }
  EXPECT_EQ(scan.count(), 0u);
  {
    auto vault = create();
    std::vector<NewSecret> secrets;
    for (int i = 0; i < kCanaries; ++i)
      secrets.push_back({.name = {.id = "c/" + std::to_string(i)},
                         .value = canary_secret(i),
                         .origin = kOrigin,
                         .expires_ms = 0});
    ASSERT_TRUE(vault->put(secrets).ok());
    secrets.clear();
    const SecretName first{.id = "c/0"};
    ASSERT_TRUE(vault->rotate(first, canary_secret(0), 1'000'000).ok());
    ASSERT_TRUE(vault->rotate_data_key(300).ok());
    const Unlock key = unlock();
    ASSERT_TRUE(vault->rotate_master({&key, 1}).ok());
    vault = open();
    for (int i = 0; i < kCanaries; ++i) {
      const auto value = vault->get({.id = "c/" + std::to_string(i)}, kOrigin);
      ASSERT_TRUE(value.ok() && value->equals(canary_secret(i)));
    }
    ASSERT_TRUE(vault->revoke(first).ok());
    EXPECT_EQ(scan.count(), 0u) << "while the vault is open, its secrets are encrypted in memory too";
  }
  const size_t left = scan.count();
  EXPECT_EQ(left, 0u);
  std::printf("%d canaries, %zu left\n", kCanaries, left);
}

TEST_F(MemoryTest, APassphraseIsNotLeftEither) {
  const Scan scan;
  {
    const auto vault =
        must(Vault::create(options(), *passphrase_unlock(canary_secret(1)), crypto::kLeastPasswordCost));
    ASSERT_TRUE(Vault::open(options(), *passphrase_unlock(canary_secret(1))).ok());
  }
  EXPECT_EQ(scan.count(), 0u);
}

}  // namespace
}  // namespace tau::credential
