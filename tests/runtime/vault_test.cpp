// References to the vault: in configurations, through the source that runtimes have, to those who watch.
#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <filesystem>
#include <map>
#include <thread>

#include "runtime/config.h"
#include "runtime/vault_source.h"
#include "support/temp_dir.h"

namespace tau::runtime {
namespace {

constexpr const char* kOrigin = "https://mine.example:443";
constexpr const char* kReference = "secret://provider/mine";

class VaultFixture : public ::testing::Test {
 protected:
  VaultOptions options(bool create) const {
    VaultOptions o;
    o.path = dir_.file("vault");
    o.create = create;
    return o;
  }
  VaultKey key(bool make = false) const {
    VaultKey k;
    k.kind = credential::SlotKind::kKeyFile;
    k.name = dir_.file("key");
    k.make = make;
    return k;
  }
  static std::shared_ptr<Vault> must(StatusOr<std::shared_ptr<Vault>> vault) {
    EXPECT_TRUE(vault.ok()) << vault.status().to_string();
    return vault.ok() ? *std::move(vault) : nullptr;
  }
  std::shared_ptr<Vault> create() const { return must(Vault::open(options(true), key(true))); }
  std::shared_ptr<Vault> open() const { return must(Vault::open(options(false), key())); }

  std::unique_ptr<VaultSource> source(const std::shared_ptr<Vault>& given = nullptr) const {
    auto made = std::make_unique<VaultSource>(given);
    made->configure({.path = dir_.file("vault"),
                     .anchor = {},
                     .key_file = dir_.file("key"),
                     .key_env = {},
                     .keyring = {}},
                    false, false);
    return made;
  }

  const test::TempDir dir_;
};

std::string revealed(const StatusOr<Secret>& secret) {
  if (!secret.ok()) return "!" + std::string(secret.status().reason());
  return secret->reveal([](std::string_view bytes) { return std::string(bytes); });
}

Config config_of(std::string_view origin, std::string_view text) {
  auto config = Config::merge({{std::string(origin), "", *json::parse(text)}});
  EXPECT_TRUE(config.ok()) << config.status().to_string();
  return config.ok() ? *std::move(config) : Config();
}

constexpr const char* kMine =
    R"({"providers":{"mine":{"base_url":"https://mine.example/v1","api_key":"secret://provider/mine"}}})";

TEST(VaultReference, StandsInTheUsersFileAndInNoProjects) {
  EXPECT_TRUE(Config::merge({{"user", "tau.toml", *json::parse(kMine)}}).ok());
  const auto refused = Config::merge({{"project", "tau.toml", *json::parse(kMine)}});
  EXPECT_EQ(refused.status().reason(), "not_allowed_in_project");
  const auto bad =
      Config::merge({{"user", "", *json::parse(R"({"providers":{"mine":{"api_key":"secret://no good"}}})")}});
  EXPECT_EQ(bad.status().reason(), "bad_value");
  const auto vault = Config::merge({{"project", "", *json::parse(R"({"vault":{"key_file":"/k"}})")}});
  EXPECT_EQ(vault.status().reason(), "not_allowed_in_project");
}

TEST(VaultReference, IsShownAndItsSecretIsNot) {
  const Config config = config_of("user", kMine);
  EXPECT_NE(config.describe().find(kReference), std::string::npos);
  const auto url = *net::parse_url("https://mine.example/v1");
  EXPECT_EQ(config.credential("mine", url, nullptr).status().reason(), "no_vault_key");
}

TEST_F(VaultFixture, ResolvesAReferenceForItsOriginAlone) {
  const auto vault = create();
  ASSERT_TRUE(vault->put("provider/mine", Secret("value\n"), "https://mine.example", 0).ok());
  const std::shared_ptr<VaultSource> from = source();
  const Config config =
      config_of("user", kMine)
          .with_secrets(std::make_shared<const SecretLookup>(
              [from](const std::string& name, std::string_view origin) { return from->get(name, origin); }));
  EXPECT_EQ(revealed(config.credential("mine", *net::parse_url("https://mine.example/v1"), nullptr)),
            "value");
  const auto other = config.credential("mine", *net::parse_url("https://other.example"), nullptr);
  EXPECT_EQ(other.status().reason(), "secret_origin_mismatch");
  EXPECT_NE(other.status().message().find(kReference), std::string_view::npos);
  EXPECT_EQ(other.status().message().find("value"), std::string_view::npos);
  ASSERT_TRUE(vault->put("provider/mine", Secret("in two"), "https://mine.example", 0).ok());
  const auto spaced = config.credential("mine", *net::parse_url("https://mine.example/v1"), nullptr);
  EXPECT_EQ(spaced.status().reason(), "bad_value");
  EXPECT_EQ(spaced.status().message().find("in two"), std::string_view::npos);
  const auto layered = config.with({"agent", "", *json::parse(R"({"model":"mine/m"})")});
  ASSERT_TRUE(layered.ok());
  EXPECT_EQ(layered->credential("mine", *net::parse_url("https://other.example"), nullptr).status().reason(),
            "secret_origin_mismatch");
}

TEST_F(VaultFixture, TellsWhyThereIsNoSecret) {
  VaultSource nowhere(nullptr);
  EXPECT_EQ(revealed(nowhere.get(kReference, kOrigin)), "!no_vault_key");
  nowhere.configure({.path = dir_.file("vault"), .anchor = {}, .key_file = {}, .key_env = {}, .keyring = {}},
                    false, false);
  EXPECT_EQ(revealed(nowhere.get(kReference, kOrigin)), "!no_vault_key");
  const auto from = source();
  EXPECT_EQ(revealed(from->get(kReference, kOrigin)), "!file_not_found");
  const auto vault = create();
  EXPECT_EQ(revealed(from->get(kReference, kOrigin)), "!secret_not_found");  // tried again
  ASSERT_TRUE(vault->put("provider/mine", Secret("value"), kOrigin, 1).ok());
  EXPECT_EQ(revealed(from->get(kReference, kOrigin)), "!secret_expired");
  ASSERT_TRUE(vault->revoke(kReference).ok());
  EXPECT_EQ(revealed(from->get(kReference, kOrigin)), "!secret_revoked");
}

TEST_F(VaultFixture, AVariableNeedsTheEnvironment) {
  const auto vault = create();
  VaultSource from(nullptr);
  from.configure(
      {.path = dir_.file("vault"), .anchor = {}, .key_file = {}, .key_env = "NO_SUCH_TAU_KEY", .keyring = {}},
      false, false);
  EXPECT_EQ(revealed(from.get(kReference, kOrigin)), "!environment_not_allowed");
  from.configure(
      {.path = dir_.file("vault"), .anchor = {}, .key_file = {}, .key_env = "NO_SUCH_TAU_KEY", .keyring = {}},
      true, false);
  EXPECT_EQ(revealed(from.get(kReference, kOrigin)), "!variable_not_set");
}

TEST_F(VaultFixture, WatchersLearnEverySecretAndEveryChange) {
  const auto vault = create();
  ASSERT_TRUE(vault->put("a", Secret("first"), "", 0).ok());
  std::map<std::string, int> seen;
  const auto from = source();
  from->watch([&](std::string_view, const Secret& secret) {
    ++seen[secret.reveal([](std::string_view bytes) { return std::string(bytes); })];
  });
  EXPECT_TRUE(seen.empty()) << "it is not open yet";
  EXPECT_EQ(revealed(from->get("secret://a", "")), "first");
  EXPECT_EQ(seen.count("first"), 1u);
  ASSERT_TRUE(vault->rotate_secret("a", Secret("second"), 60'000, 0).ok());  // by another handle
  EXPECT_EQ(revealed(from->get("secret://a", "")), "second");
  EXPECT_EQ(seen.count("second"), 1u);
  const int told = seen["first"];
  EXPECT_EQ(revealed(from->get("secret://a", "")), "second");
  EXPECT_EQ(seen["first"], told) << "nothing has changed";
  from->watch(nullptr);
  ASSERT_TRUE(vault->put("b", Secret("third"), "", 0).ok());
  EXPECT_EQ(revealed(from->get("secret://b", "")), "third");
  EXPECT_EQ(seen.count("third"), 0u);
}

TEST_F(VaultFixture, TheHostsVaultIsWatchedFromTheStart) {
  const auto vault = create();
  ASSERT_TRUE(vault->put("a", Secret("first"), "", 0).ok());
  std::vector<std::string> names;
  {
    const auto from = source(vault);
    from->watch([&](std::string_view reference, const Secret&) { names.emplace_back(reference); });
    EXPECT_EQ(names, std::vector<std::string>{"secret://a"});
  }
  ASSERT_TRUE(vault->put("b", Secret("second"), "", 0).ok());  // nobody is told who is gone
  EXPECT_EQ(names.size(), 1u);
}

TEST_F(VaultFixture, AReadOnlySourceWritesNothing) {
  create().reset();
  std::filesystem::remove(dir_.file("vault.epochs"));
  VaultSource from(nullptr);
  from.configure(
      {.path = dir_.file("vault"), .anchor = {}, .key_file = dir_.file("key"), .key_env = {}, .keyring = {}},
      false, true);
  EXPECT_EQ(revealed(from.get("secret://a", "")), "!secret_not_found");
  EXPECT_FALSE(std::filesystem::exists(dir_.file("vault.epochs")));
}

// What a run does while an operator rotates the keys in another process.
TEST_F(VaultFixture, ReadersGoOnWhileTheKeysRotate) {
  const auto vault = create();
  for (int i = 0; i < 50; ++i) ASSERT_TRUE(vault->put("s" + std::to_string(i), Secret("value"), "", 0).ok());
  const auto from = source();
  std::atomic<bool> stop{false};
  std::atomic<int> failed{0}, reads{0};
  std::vector<std::thread> readers;
  for (int t = 0; t < 4; ++t)
    readers.emplace_back([&] {
      while (!stop) {
        const auto read = from->get("secret://s" + std::to_string(reads++ % 50), "");
        if (!read.ok()) ++failed;
      }
    });
  for (int i = 0; i < 5; ++i) {
    const VaultKey again = key();
    const Status rotated = vault->rotate_keys(&again);
    EXPECT_TRUE(rotated.ok()) << rotated.to_string();
  }
  stop = true;
  for (auto& reader : readers) reader.join();
  EXPECT_EQ(failed, 0);
  EXPECT_GT(reads, 0);
}

TEST_F(VaultFixture, AChildProcessIsRefused) {
  const auto vault = create();
  const pid_t child = ::fork();
  ASSERT_GE(child, 0);
  if (child == 0)
    _exit(vault->get("a", "").status().reason() == "forked" &&
                  vault->put("a", Secret("x"), "", 0).reason() == "forked"
              ? 0
              : 1);
  int status = 0;
  ASSERT_EQ(::waitpid(child, &status, 0), child);
  EXPECT_EQ(status, 0);
}

}  // namespace
}  // namespace tau::runtime
