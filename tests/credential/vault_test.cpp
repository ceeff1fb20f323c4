// What a vault keeps, gives and refuses.
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cstdlib>
#include <set>
#include <thread>

#include "credential/fixture.h"

namespace tau::credential {
namespace {

using Names = VaultFixture;

TEST_F(Names, ReferencesRoundTripAndOthersAreRefusedWithoutRepeatingThem) {
  for (const std::string text : {"secret://a", "secret://provider/openai#access_token", "secret://A.b-c_9/x"})
    EXPECT_EQ(to_reference(*parse_reference(text)), text);
  EXPECT_EQ(to_reference(*parse_reference("secret://a#value")), "secret://a");
  for (const std::string text :
       {"", "a", "secret://", "secret:///a", "secret://a/", "secret://a//b", "secret://a b", "secret://a#",
        "secret://a#b/c", "secret://a#b#c", "SECRET://a", "hunter2"}) {
    const auto name = parse_reference(text);
    EXPECT_EQ(name.status().reason(), "invalid_secret_name") << text;
    EXPECT_EQ(name.status().message().find("hunter2"), std::string::npos);
  }
  EXPECT_FALSE(parse_reference("secret://" + std::string(kMaxNameBytes + 1, 'a')).ok());
}

using VaultTest = VaultFixture;

TEST_F(VaultTest, KeepsSecretsAcrossOpenings) {
  {
    const auto vault = create();
    ASSERT_TRUE(put(*vault, "a", "first").ok());
    ASSERT_TRUE(put(*vault, "b", "second", "").ok());
    EXPECT_EQ(read(*vault, "a"), "first");
  }
  const auto vault = open();
  EXPECT_EQ(read(*vault, "a"), "first");
  EXPECT_EQ(read(*vault, "b", ""), "second");
  EXPECT_EQ(read(*vault, "c"), "!secret_not_found");
  EXPECT_EQ(vault->list().size(), 2u);
  EXPECT_EQ(vault->epoch(), 3u);
  struct stat st = {};
  ASSERT_EQ(stat(path_.c_str(), &st), 0);
  EXPECT_EQ(st.st_mode & 07777, 0600u);
}

TEST_F(VaultTest, TheFileHoldsNoSecret) {
  const auto vault = create();
  ASSERT_TRUE(put(*vault, "a", "a-secret-that-is-easy-to-find").ok());
  EXPECT_EQ(dir_.read("vault").find("easy-to-find"), std::string::npos);
}

TEST_F(VaultTest, RefusesToReplaceAVaultOrToTakeWhatIsNone) {
  create();
  EXPECT_EQ(Vault::create(options(), unlock()).status().reason(), "vault_exists");
  ASSERT_TRUE(os::write_private_file(path_, "something else altogether").ok());
  EXPECT_EQ(open_failure(), "not_a_vault");
  ASSERT_TRUE(os::write_private_file(path_, "").ok());
  EXPECT_EQ(open_failure(), "not_a_vault");
  ASSERT_EQ(unlink(path_.c_str()), 0);
  EXPECT_EQ(open_failure(), "file_not_found");
}

TEST_F(VaultTest, RefusesAFileThatOthersMayRead) {
  create();
  ASSERT_EQ(chmod(path_.c_str(), 0640), 0);
  EXPECT_EQ(open_failure(), "file_not_private");
}

TEST_F(VaultTest, AnotherKeyIsToldFromDamage) {
  create();
  ASSERT_TRUE(make_key_file(dir_.file("other"), system_random()).ok());
  const Status status = Vault::open(options(), *key_file_unlock(dir_.file("other"))).status();
  EXPECT_EQ(status.reason(), "wrong_key");
  EXPECT_EQ(status.code(), Code::kUnauthenticated);
  EXPECT_EQ(Vault::open(options(), *passphrase_unlock(Secret("no such passphrase"))).status().reason(),
            "wrong_key");
  std::string bytes = dir_.read("vault");
  bytes[bytes.size() / 2] = static_cast<char>(bytes[bytes.size() / 2] ^ 1);
  ASSERT_TRUE(os::write_private_file(path_, bytes).ok());
  EXPECT_EQ(Vault::open(options(), *key_file_unlock(dir_.file("other"))).status().reason(), "vault_damaged");
}

TEST_F(VaultTest, ASecretIsGivenToItsOriginAlone) {
  const auto vault = create();
  ASSERT_TRUE(put(*vault, "bound", "x").ok());
  ASSERT_TRUE(put(*vault, "local", "y", "").ok());
  for (const std::string origin : {"", "https://api.example.com:444", "http://api.example.com:443",
                                   "https://api.example.com.evil.com:443"})
    EXPECT_EQ(read(*vault, "bound", origin), "!secret_origin_mismatch") << origin;
  EXPECT_EQ(read(*vault, "local"), "!secret_origin_mismatch");
  EXPECT_EQ(put(*vault, "c", "x", "not an origin").reason(), "invalid_origin");
}

TEST_F(VaultTest, RotationKeepsTheVersionBeforeForItsGrace) {
  test::FakeClock clock;
  VaultOptions with_clock = options();
  with_clock.clock = &clock;
  const auto vault = must(Vault::create(with_clock, unlock()));
  const SecretName name{.id = "a"};
  ASSERT_TRUE(put(*vault, "a", "first").ok());
  ASSERT_TRUE(vault->rotate(name, Secret("second"), 1000).ok());
  EXPECT_EQ(read(*vault, "a"), "second");
  EXPECT_TRUE(vault->get_version(name, 1, kOrigin)->equals(Secret("first")));
  EXPECT_TRUE(vault->get_version(name, 2, kOrigin)->equals(Secret("second")));
  EXPECT_EQ(vault->get_version(name, 3, kOrigin).status().reason(), "secret_not_found");
  EXPECT_EQ(vault->get_version(name, 1, "").status().reason(), "secret_origin_mismatch");
  clock.advance_ms(1000);
  EXPECT_EQ(vault->get_version(name, 1, kOrigin).status().reason(), "secret_expired");
  EXPECT_EQ(read(*vault, "a"), "second");
  ASSERT_TRUE(vault->rotate(name, Secret("third"), 0).ok());
  EXPECT_EQ(vault->list().size(), 1u) << "no grace, no version before";
  EXPECT_EQ(vault->list()[0].version, 3u);
  EXPECT_EQ(vault->rotate({.id = "none"}, Secret("x"), 0).reason(), "secret_not_found");
}

TEST_F(VaultTest, RevokedAndExpiredSecretsSaySo) {
  test::FakeClock clock;
  VaultOptions with_clock = options();
  with_clock.clock = &clock;
  const auto vault = must(Vault::create(with_clock, unlock()));
  ASSERT_TRUE(put(*vault, "a", "first").ok());
  ASSERT_TRUE(vault->rotate({.id = "a"}, Secret("second"), 1000).ok());
  ASSERT_TRUE(put(*vault, "b", "other").ok());
  ASSERT_TRUE(vault->revoke({.id = "a"}).ok());
  ASSERT_TRUE(vault->revoke({.id = "a"}).ok());
  EXPECT_EQ(read(*vault, "a"), "!secret_revoked");
  EXPECT_EQ(vault->get_version({.id = "a"}, 1, kOrigin).status().reason(), "secret_not_found") << "erased";
  EXPECT_EQ(vault->rotate({.id = "a"}, Secret("x"), 0).reason(), "secret_revoked");
  ASSERT_TRUE(put(*vault, "a", "third").ok()) << "set again on purpose";
  EXPECT_EQ(read(*vault, "a"), "third");
  EXPECT_EQ(vault->list()[0].version, 3u);
  ASSERT_TRUE(vault->set_expiry({.id = "b"}, clock.wall_ms() + 5).ok());
  EXPECT_EQ(read(*vault, "b"), "other");
  clock.advance_ms(5);
  EXPECT_EQ(read(*vault, "b"), "!secret_expired");
  ASSERT_TRUE(vault->set_expiry({.id = "b"}, 0).ok());
  EXPECT_EQ(read(*vault, "b"), "other");
  ASSERT_TRUE(vault->remove({.id = "b"}).ok());
  EXPECT_EQ(read(*vault, "b"), "!secret_not_found");
  EXPECT_EQ(vault->remove({.id = "b"}).reason(), "secret_not_found");
}

TEST_F(VaultTest, RefusesEmptyAndHugeSecretsAndBadNames) {
  const auto vault = create();
  EXPECT_EQ(put(*vault, "a", "").reason(), "invalid_secret");
  EXPECT_EQ(put(*vault, "a", std::string(kMaxSecretBytes + 1, 'x')).reason(), "invalid_secret");
  EXPECT_TRUE(put(*vault, "a", std::string(kMaxSecretBytes, 'x')).ok());
  EXPECT_EQ(put(*vault, "a b", "x").reason(), "invalid_secret_name");
  EXPECT_EQ(vault->rotate({.id = "a"}, Secret(), 0).reason(), "invalid_secret");
  EXPECT_EQ(read(*vault, "a"), std::string(kMaxSecretBytes, 'x'));
}

TEST_F(VaultTest, EverySlotOpensTheSameVault) {
  const auto vault = create();
  ASSERT_TRUE(put(*vault, "a", "value").ok());
  const auto phrase = [] { return *passphrase_unlock(Secret("correct horse battery")); };
  ASSERT_TRUE(vault->add_slot(phrase(), crypto::kLeastPasswordCost).ok());
  const std::string key(64, 'a');
  const auto variable = [&] {
    return *environment_unlock("VAULT_KEY",
                               [&](std::string_view) { return std::optional<std::string>(key); });
  };
  ASSERT_TRUE(vault->add_slot(variable()).ok());
  const auto host = [] {
    return *callback_unlock([] { return StatusOr<Secret>(Secret(std::string(32, 'h'))); });
  };
  ASSERT_TRUE(vault->add_slot(host()).ok());
  EXPECT_EQ(vault->add_slot(host()).reason(), "slot_exists");
  EXPECT_EQ(read(*must(Vault::open(options(), phrase())), "a"), "value");
  EXPECT_EQ(read(*must(Vault::open(options(), variable())), "a"), "value");
  EXPECT_EQ(read(*must(Vault::open(options(), host())), "a"), "value");
  EXPECT_EQ(read(*open(), "a"), "value");
  EXPECT_EQ(vault->slots().size(), 4u);
  EXPECT_EQ(vault->slots()[1].cost, crypto::kLeastPasswordCost);
  EXPECT_EQ(Vault::open(options(), *passphrase_unlock(Secret("correct horse batterz"))).status().reason(),
            "wrong_key");
  ASSERT_TRUE(vault->remove_slot("passphrase").ok());
  EXPECT_EQ(Vault::open(options(), phrase()).status().reason(), "wrong_key");
  EXPECT_EQ(vault->remove_slot("passphrase").reason(), "slot_not_found");
  ASSERT_TRUE(vault->remove_slot("environment").ok());
  ASSERT_TRUE(vault->remove_slot("callback").ok());
  EXPECT_EQ(vault->remove_slot("key_file").reason(), "last_slot");
  const Unlock named = *key_file_unlock(key_path_, "at home");
  ASSERT_TRUE(vault->add_slot(named).ok());
  ASSERT_TRUE(vault->remove_slot("key_file").ok());
  EXPECT_TRUE(Vault::open(options(), unlock()).ok()) << "without a label every slot of the kind is tried";
  EXPECT_TRUE(Vault::open(options(), named).ok());
  EXPECT_EQ(Vault::open(options(), *key_file_unlock(key_path_, "elsewhere")).status().reason(), "wrong_key");
}

TEST_F(VaultTest, AKeyThatIsNoneIsRefused) {
  EXPECT_EQ(passphrase_unlock(Secret("short")).status().reason(), "weak_passphrase");
  for (const std::string& text :
       {std::string(), std::string(63, 'a'), std::string(65, 'a'), std::string(64, 'g')}) {
    ASSERT_TRUE(os::write_private_file(dir_.file("bad"), text).ok());
    EXPECT_EQ(key_file_unlock(dir_.file("bad")).status().reason(), "invalid_key");
    const auto lookup = [&](std::string_view) { return std::optional<std::string>(text); };
    EXPECT_EQ(environment_unlock("X", lookup).status().reason(), "invalid_key");
  }
  EXPECT_EQ(environment_unlock("X", [](std::string_view) { return std::nullopt; }).status().reason(),
            "variable_not_set");
  EXPECT_EQ(callback_unlock([] { return StatusOr<Secret>(Secret("short")); }).status().reason(),
            "invalid_key");
  EXPECT_EQ(make_key_file(key_path_, system_random()).reason(), "file_exists");
  ASSERT_EQ(chmod(key_path_.c_str(), 0644), 0);
  EXPECT_EQ(key_file_unlock(key_path_).status().reason(), "file_not_private");
}

TEST_F(VaultTest, TheKernelKeyringHoldsAKey) {
  const std::string description = "tau-test-" + std::to_string(getpid());
  const Status stored = store_in_keyring(description, Secret(std::string(32, 'k')));
  if (stored.reason() == "keyring_unavailable") GTEST_SKIP() << stored.to_string();
  ASSERT_TRUE(stored.ok()) << stored.to_string();
  const auto vault = must(Vault::create(options(), *keyring_unlock(description)));
  ASSERT_TRUE(put(*vault, "a", "value").ok());
  EXPECT_EQ(read(*must(Vault::open(options(), *keyring_unlock(description))), "a"), "value");
  EXPECT_TRUE(remove_from_keyring(description).ok());
  EXPECT_EQ(keyring_unlock(description).status().reason(), "no_such_key");
}

TEST_F(VaultTest, TheCostOfAPassphraseIsCalibratedAndStored) {
  const auto vault = must(Vault::create(options(), *passphrase_unlock(Secret("correct horse battery"))));
  const crypto::PasswordCost cost = vault->slots()[0].cost;
  EXPECT_GE(cost.memory_kib, crypto::kLeastPasswordCost.memory_kib);
  EXPECT_GE(cost.passes, crypto::kLeastPasswordCost.passes);
  EXPECT_EQ(
      must(Vault::open(options(), *passphrase_unlock(Secret("correct horse battery"))))->slots()[0].cost,
      cost);
}

// A clock that moves by itself: each look at it finds so many milliseconds gone.
class StepClock final : public Clock {
 public:
  explicit StepClock(int64_t step_ms) : step_ms_(step_ms) {}
  int64_t monotonic_ns() override { return now_ns_ += step_ms_ * kNanosPerMilli; }
  int64_t wall_ms() override { return 0; }

 private:
  const int64_t step_ms_;
  int64_t now_ns_ = 0;
};

TEST_F(VaultTest, CalibrationFillsTheTargetWithPassesAndSavesMemoryOnSlowMachinesOnly) {
  const auto calibrate = [](int64_t step_ms) {
    StepClock clock(step_ms);
    return *calibrate_password_cost(300, clock);
  };
  EXPECT_EQ(calibrate(100), (crypto::PasswordCost{64 * 1024, 6}));
  EXPECT_EQ(calibrate(300), (crypto::PasswordCost{64 * 1024, 2}));
  EXPECT_EQ(calibrate(1), (crypto::PasswordCost{64 * 1024, crypto::kMostPasswordCost.passes}));
  EXPECT_EQ(calibrate(301), (crypto::PasswordCost{crypto::kLeastPasswordCost.memory_kib, 2}))
      << "never below the least";
}

TEST_F(VaultTest, WritersOfSeveralHandlesLoseNothing) {
  create();
  constexpr int kWriters = 8;
  constexpr int kEach = 10;
  std::vector<std::thread> writers;
  for (int w = 0; w < kWriters; ++w) {
    writers.emplace_back([&, w] {
      const auto vault = open();
      for (int i = 0; i < kEach; ++i)
        EXPECT_TRUE(put(*vault, "w" + std::to_string(w) + "/" + std::to_string(i), "value").ok());
    });
  }
  for (auto& writer : writers) writer.join();
  const auto vault = open();
  EXPECT_EQ(vault->list().size(), static_cast<size_t>(kWriters * kEach));
  EXPECT_EQ(vault->epoch(), 1u + kWriters * kEach);
}

TEST_F(VaultTest, ASnapshotIsRefreshedOnDemand) {
  const auto writer = create();
  const auto reader = open();
  ASSERT_TRUE(put(*writer, "a", "value").ok());
  EXPECT_EQ(read(*reader, "a"), "!secret_not_found");
  ASSERT_TRUE(reader->refresh().ok());
  EXPECT_EQ(read(*reader, "a"), "value");
}

TEST_F(VaultTest, ALockThatSomebodyHoldsIsWaitedForAndThenNamed) {
  VaultOptions impatient = options();
  impatient.lock_patience_ms = 20;
  const auto vault = must(Vault::create(impatient, unlock()));
  const auto lock = os::FileLock::acquire(path_ + ".lock", 0);
  ASSERT_TRUE(lock.ok());
  EXPECT_EQ(put(*vault, "a", "value").reason(), "file_locked");
}

TEST_F(VaultTest, AForkedChildCannotSealAnythingWithAnEmptyKey) {
  const auto vault = create();
  ASSERT_TRUE(put(*vault, "a", "value").ok());
  const std::string before = dir_.read("vault");
  const pid_t child = fork();
  if (child == 0) {
    const bool refused = !put(*vault, "b", "value").ok() && read(*vault, "a") == "!record_damaged";
    _exit(refused ? 0 : 1);
  }
  int status = -1;
  ASSERT_EQ(waitpid(child, &status, 0), child);
  EXPECT_EQ(status, 0);
  EXPECT_EQ(dir_.read("vault"), before);
}

}  // namespace
}  // namespace tau::credential
