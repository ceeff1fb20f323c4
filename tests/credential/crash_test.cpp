// A write that is cut off anywhere leaves the vault as it was, or as it was to be.
#include <algorithm>
#include <cerrno>
#include <cstdlib>
#include <random>

#include "credential/fixture.h"
#include "credential/os_calls.h"
#include "support/doomed_child.h"

namespace tau::credential {
namespace {

using test::OsCalls;

constexpr int kSecrets = 20;

std::string id_of(int i) { return "secret/" + std::to_string(i); }
std::string value_of(int i) { return "value of " + std::to_string(i); }

class CrashTest : public VaultFixture {
 protected:
  struct Operation {
    std::string name;
    std::function<Status(Vault&)> run;
  };

  // The vault that each trial begins with.
  void build() const {
    const auto vault = create();
    std::vector<NewSecret> secrets;
    for (int i = 0; i < kSecrets; ++i) secrets.push_back(make_secret(id_of(i), value_of(i)));
    ASSERT_TRUE(vault->put(secrets).ok());
    ASSERT_TRUE(
        vault->add_slot(*callback_unlock([] { return StatusOr<Secret>(Secret(std::string(32, 'h'))); }))
            .ok());
  }
  // `batch`: how many records a write of a rotation seals.
  std::vector<Operation> operations(size_t batch) const {
    return {
        {"put", [](Vault& v) { return put(v, "new", "new value"); }},
        {"rotate", [](Vault& v) { return v.rotate({.id = id_of(0)}, Secret("new value"), 1'000'000'000); }},
        {"revoke", [](Vault& v) { return v.revoke({.id = id_of(0)}); }},
        {"remove_slot", [](Vault& v) { return v.remove_slot("callback"); }},
        {"rotate_master", [this](Vault& v) { return rotate_master(v); }},
        {"rotate_data_key", [batch](Vault& v) { return v.rotate_data_key(batch); }},
    };
  }
  Status rotate_master(Vault& vault) const {
    TAU_ASSIGN_OR_RETURN(const Unlock key, key_file_unlock(key_path_));  // a call that fails, too
    return vault.rotate_master({&key, 1});
  }
  // Everything that was in the vault is, but for secret 0, which may be what `name` makes of it.
  void check(const std::string& name, bool acknowledged, int at) const {
    SCOPED_TRACE(name + " cut off at call " + std::to_string(at));
    const auto vault = open();
    ASSERT_NE(vault, nullptr);
    EXPECT_TRUE(vault->damaged().empty());
    for (int i = 1; i < kSecrets; ++i) EXPECT_EQ(read(*vault, id_of(i)), value_of(i));
    const std::string zero = read(*vault, id_of(0));
    const std::string fresh = name == "rotate"   ? "new value"
                              : name == "revoke" ? "!secret_revoked"
                                                 : value_of(0);
    EXPECT_TRUE(zero == fresh || (!acknowledged && zero == value_of(0))) << zero;
    const std::string added = read(*vault, "new");
    if (name == "put") {
      EXPECT_TRUE(added == "new value" || (!acknowledged && added == "!secret_not_found")) << added;
    }
    if (acknowledged) { EXPECT_FALSE(vault->is_rotating()); }
    EXPECT_TRUE(put(*vault, "after", "works").ok());
    if (name == "rotate_data_key") {
      EXPECT_TRUE(vault->rotate_data_key().ok()) << "goes on where it stopped";
      EXPECT_FALSE(vault->is_rotating());
      for (int i = 0; i < kSecrets; ++i) EXPECT_EQ(read(*vault, id_of(i)), value_of(i));
    }
  }
  void restore(const std::string& bytes) const { ASSERT_TRUE(os::write_private_file(path_, bytes).ok()); }
};

TEST_F(CrashTest, EveryFailedCallLeavesTheOldOrTheNew) {
  build();
  const std::string before = dir_.read("vault");
  int points = 0;
  for (const Operation& operation : operations(4)) {
    for (const int error : {EIO, ENOSPC, 0}) {  // 0: a short write
      for (int at = 1;; ++at) {
        restore(before);
        const auto vault = open();
        Status status;
        int calls = 0;
        {
          const OsCalls harm(error == 0 ? OsCalls::Harm::kShort : OsCalls::Harm::kFail, at, error);
          status = operation.run(*vault);
          calls = harm.count();
        }
        if (calls < at) break;
        ++points;
        if (error == 0) { EXPECT_TRUE(status.ok()) << status.to_string(); }
        check(operation.name, status.ok(), at);
        for (int i = 1; i < kSecrets; ++i) EXPECT_EQ(read(*vault, id_of(i)), value_of(i)) << "readers go on";
        if (HasFatalFailure() || HasFailure()) return;
      }
    }
  }
  std::printf("%d failed calls\n", points);
  EXPECT_GE(points, 300);
}

TEST_F(CrashTest, DeathBeforeOrWithinEveryCallLeavesTheOldOrTheNew) {
  build();
  const std::string before = dir_.read("vault");
  int points = 0;
  for (const Operation& operation : operations(1)) {
    for (const OsCalls::Harm harm : {OsCalls::Harm::kKill, OsCalls::Harm::kTear}) {
      for (int at = 1;; ++at) {
        restore(before);
        const auto outcome = test::outcome_in_child([&] {
          const auto vault = open();
          const OsCalls plan(harm, at);
          return operation.run(*vault).ok();
        });
        if (outcome) {
          ASSERT_TRUE(*outcome);
          check(operation.name, true, at);
          break;
        }
        ++points;
        check(operation.name, false, at);
        if (HasFatalFailure() || HasFailure()) return;
      }
    }
  }
  std::printf("%d deaths\n", points);
  EXPECT_GE(points, 500);
}

TEST_F(CrashTest, KillingAWriterAtRandomLosesNothingAcknowledged) {
  create();
  const char* const setting = std::getenv("TAU_VAULT_KILLS");
  const int kills = setting != nullptr ? std::atoi(setting) : 50;
  std::minstd_rand random(7);
  int next = 0;
  for (int round = 0; round < kills; ++round) {
    const int wanted = static_cast<int>(random() % 4);
    const unsigned spin = random() % 200'000;
    const int last = test::killed_in_steps(next, wanted, spin, [&] {
      // A handful of names, so that the file stays small over thousands of deaths.
      return [vault = open()](int i) {
        return put(*vault, id_of(i % 8), std::to_string(i)).ok() &&
               (i % 5 != 0 || vault->rotate_data_key(3).ok());
      };
    });
    ASSERT_FALSE(HasFailure());
    const auto vault = open();
    ASSERT_NE(vault, nullptr);
    ASSERT_TRUE(vault->damaged().empty());
    int newest = -1;
    for (int i = std::max(0, last - 7); i <= last; ++i) {
      const std::string value = read(*vault, id_of(i % 8));
      ASSERT_NE(value.front(), '!') << value << " after death " << round;
      ASSERT_GE(std::stoi(value), i);
      newest = std::max(newest, std::stoi(value));
    }
    ASSERT_LE(newest, last + 1) << "nothing was written ahead";
    next = newest + 1;
  }
  std::printf("%d kills, %d writes\n", kills, next);
}

// kill -9 alone cannot test durability: the page cache survives it. So the order of the calls is pinned.
TEST_F(CrashTest, NoNameShowsWhatIsNotOnDiskAndNothingIsAcknowledgedBeforeItIs) {
  build();
  const auto vault = open();
  std::vector<std::string> log;
  {
    const OsCalls calls;
    ASSERT_TRUE(put(*vault, "new", "value").ok());
    log = calls.log();
  }
  const auto position = [&](std::string_view call, size_t from) {
    size_t at = from;
    while (at < log.size() && log[at].substr(0, log[at].find(' ')) != call) ++at;
    return at;
  };
  const auto descriptor = [&](size_t at) { return log[at].substr(log[at].find(' ')); };
  const size_t rename = position("renameat2", 0);
  ASSERT_LT(rename, log.size());
  const size_t first_sync = position("fsync", 0);
  ASSERT_LT(first_sync, rename) << "the file is on disk before its name is";
  size_t writes = 0;
  for (size_t at = position("write", 0); at < log.size(); at = position("write", at + 1)) {
    EXPECT_LT(at, first_sync) << "nothing is written after the sync";
    EXPECT_EQ(descriptor(at), descriptor(first_sync));
    ++writes;
  }
  EXPECT_GE(writes, 1u);
  const size_t second_sync = position("fsync", rename);
  ASSERT_LT(second_sync, log.size()) << "the name is on disk before the write is acknowledged";
  EXPECT_EQ(descriptor(second_sync), descriptor(rename)) << "of the directory";
}

}  // namespace
}  // namespace tau::credential
