// Rotation of master and data key while others read, and when it stops half-way.
#include <atomic>
#include <thread>

#include "credential/fixture.h"

namespace tau::credential {
namespace {

using RotateTest = VaultFixture;

std::vector<NewSecret> many(int count) {
  std::vector<NewSecret> secrets;
  for (int i = 0; i < count; ++i)
    secrets.push_back(make_secret("secret/" + std::to_string(i), "value " + std::to_string(i)));
  return secrets;
}

TEST_F(RotateTest, EightReadersOfTenThousandSecretsNeverFail) {
  constexpr int kSecrets = 10'000;
  constexpr int kReaders = 8;
  const auto vault = create();
  ASSERT_TRUE(vault->put(many(kSecrets)).ok());
  std::atomic<bool> stop = false;
  std::atomic<int64_t> reads = 0;
  std::atomic<int64_t> failed = 0;
  std::vector<std::thread> readers;
  for (int r = 0; r < kReaders; ++r) {
    readers.emplace_back([&, r] {
      for (int i = r; !stop; i = (i + 7919) % kSecrets) {
        failed += read(*vault, "secret/" + std::to_string(i)) != "value " + std::to_string(i);
        if (++reads % 64 == 0) std::this_thread::yield();
      }
    });
  }
  while (reads < kReaders) std::this_thread::yield();
  const Unlock key = unlock();
  EXPECT_TRUE(vault->rotate_data_key(1000).ok());
  EXPECT_TRUE(vault->rotate_master({&key, 1}).ok());
  stop = true;
  for (auto& reader : readers) reader.join();
  EXPECT_EQ(failed, 0);
  EXPECT_GT(reads, kReaders);
  std::printf("%lld reads during the rotations, %lld failed\n", static_cast<long long>(reads),
              static_cast<long long>(failed));
  EXPECT_FALSE(vault->is_rotating());
  const auto again = open();
  EXPECT_EQ(again->list().size(), static_cast<size_t>(kSecrets));
  EXPECT_EQ(read(*again, "secret/9999"), "value 9999");
}

TEST_F(RotateTest, TheDataKeyOfEveryRecordChangesAndTheOldOneGoes) {
  const auto vault = create();
  ASSERT_TRUE(vault->put(many(10)).ok());
  const std::string before = dir_.read("vault");
  ASSERT_TRUE(vault->rotate_data_key(3).ok());
  const DecodedHeader after = *decode_header(dir_.read("vault"));
  ASSERT_EQ(after.header.keys.size(), 1u);
  EXPECT_EQ(after.header.keys[0].id, 2u);
  EXPECT_EQ(after.header.current_key, 2u);
  const DecodedHeader older = *decode_header(before);
  for (const TableEntry& entry : older.header.table)
    for (const TableEntry& now : after.header.table) EXPECT_NE(entry.digest, now.digest);
  for (int i = 0; i < 10; ++i)
    EXPECT_EQ(read(*open(), "secret/" + std::to_string(i)), "value " + std::to_string(i));
}

TEST_F(RotateTest, VersionsExpiriesAndRevocationsSurviveADataKey) {
  const auto vault = create();
  ASSERT_TRUE(vault->put(many(2)).ok());
  ASSERT_TRUE(vault->rotate({.id = "secret/0"}, Secret("newer"), 1'000'000'000).ok());
  ASSERT_TRUE(vault->revoke({.id = "secret/1"}).ok());
  const auto before = vault->list();
  ASSERT_TRUE(vault->rotate_data_key(1).ok());
  const auto after = open()->list();
  ASSERT_EQ(after.size(), before.size());
  for (size_t i = 0; i < after.size(); ++i) {
    EXPECT_EQ(after[i].name, before[i].name);
    EXPECT_EQ(after[i].version, before[i].version);
    EXPECT_EQ(after[i].state, before[i].state);
    EXPECT_EQ(after[i].created_ms, before[i].created_ms);
    EXPECT_EQ(after[i].expires_ms, before[i].expires_ms);
    EXPECT_EQ(after[i].origin, before[i].origin);
  }
  EXPECT_TRUE(vault->get_version({.id = "secret/0"}, 1, kOrigin)->equals(Secret("value 0")));
  EXPECT_EQ(read(*vault, "secret/1"), "!secret_revoked");
}

TEST_F(RotateTest, AnotherHandleWritesInTheMiddleOfARotation) {
  const auto vault = create();
  ASSERT_TRUE(vault->put(many(200)).ok());
  std::thread rotation([&] { EXPECT_TRUE(vault->rotate_data_key(5).ok()); });
  const auto other = open();
  for (int i = 0; i < 10; ++i) EXPECT_TRUE(put(*other, "other/" + std::to_string(i), "value").ok());
  rotation.join();
  const auto again = open();
  EXPECT_EQ(again->list().size(), 210u);
  for (int i = 0; i < 10; ++i) EXPECT_EQ(read(*again, "other/" + std::to_string(i)), "value");
  EXPECT_FALSE(again->is_rotating());
}

TEST_F(RotateTest, ANewMasterShutsOutOldSlotsAndOldHandles) {
  const auto vault = create();
  ASSERT_TRUE(put(*vault, "a", "value").ok());
  const auto other = open();
  const Unlock phrase = *passphrase_unlock(Secret("correct horse battery"));
  ASSERT_TRUE(vault->rotate_master({&phrase, 1}, crypto::kLeastPasswordCost).ok());
  EXPECT_EQ(open_failure(), "wrong_key");
  EXPECT_EQ(read(*must(Vault::open(options(), phrase)), "a"), "value");
  EXPECT_EQ(read(*other, "a"), "value") << "readers go on with what they read";
  EXPECT_EQ(put(*other, "b", "x").reason(), "master_rotated");
  EXPECT_EQ(other->refresh().reason(), "master_rotated");
  EXPECT_TRUE(put(*vault, "b", "x").ok());
  EXPECT_EQ(vault->rotate_master({}).reason(), "last_slot");
}

}  // namespace
}  // namespace tau::credential
