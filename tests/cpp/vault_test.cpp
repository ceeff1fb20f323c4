// The vault as C++ programs use it.
#include <stdlib.h>

#include <filesystem>
#include <fstream>
#include <functional>
#include <string>

#include "support.h"

namespace tau_test {
namespace {

namespace fs = std::filesystem;

class CppVault : public testing::Test {
 protected:
  void SetUp() override {
    std::string pattern = (fs::temp_directory_path() / "tau-vault-XXXXXX").string();
    ASSERT_NE(mkdtemp(pattern.data()), nullptr);
    folder_ = pattern;
    options_.path = folder_ + "/inner/vault";
  }
  void TearDown() override { fs::remove_all(folder_); }

  // Opened by 32 bytes.
  tau::Vault make() {
    options_.create = true;
    tau::Vault vault = tau::Vault::open(options_, tau::VaultKey::bytes(key_)).value();
    options_.create = false;
    return vault;
  }

  std::string folder_;
  std::string key_ = std::string(32, 'k');
  tau::VaultOptions options_;
};

template <typename T>
std::string reason(const tau::Result<T>& result) {
  return std::string(result.error().reason());
}

std::string revealed(const tau::Result<tau::Secret>& secret) {
  return secret.ok() ? std::string(secret->reveal()) : "!" + reason(secret);
}

std::string text(const tau::Result<tau::Text>& result) {
  return result.ok() ? result->str() : "!" + reason(result);
}

template <typename T>
std::string about(const T& described) {
  return text(described.describe());
}

constexpr const char* kOrigin = "https://api.example.com";

TEST_F(CppVault, KeepsSecretsForTheirOriginOverProcesses) {
  make().put("provider/example", "one two", kOrigin).ignore();
  const tau::Vault vault = tau::Vault::open(options_, tau::VaultKey::bytes(key_)).value();
  const auto secret = vault.get("secret://provider/example", "https://api.example.com:443/v1");
  ASSERT_TRUE(secret.ok()) << secret.error().message();
  EXPECT_EQ(secret->reveal(), "one two");
  EXPECT_EQ(secret->size(), 7u);
  const auto elsewhere = vault.get("provider/example", "https://other.example.com");
  EXPECT_EQ(reason(elsewhere), "secret_origin_mismatch");
  EXPECT_TRUE(contains(elsewhere.error().message(), "secret://provider/example"));
  EXPECT_FALSE(contains(elsewhere.error().message(), "one two"));
  EXPECT_EQ(vault.get("provider/none", kOrigin).error().status(), tau::Status::kNotFound);
  EXPECT_EQ(reason(vault.get("no good name", kOrigin)), "invalid_secret_name");
  EXPECT_EQ(reason(vault.get("provider/example", "no url")), "invalid_origin");
}

TEST_F(CppVault, ASecretLivesThroughVersionsAndRevocation) {
  const tau::Vault vault = make();
  ASSERT_TRUE(vault.put("a#token", "first", "").ok());
  ASSERT_TRUE(vault.rotate_secret("a#token", "second", 60'000).ok());
  EXPECT_EQ(vault.get("a#token", "").value().size(), 6u);
  EXPECT_EQ(vault.get("a#token", "", 1).value().size(), 5u);
  ASSERT_TRUE(vault.set_expiry("a#token", 1).ok());
  EXPECT_EQ(reason(vault.get("a#token", "")), "secret_expired");
  EXPECT_TRUE(contains(about(vault), R"("state":"expired")"));
  ASSERT_TRUE(vault.revoke("a#token").ok());
  EXPECT_EQ(reason(vault.get("a#token", "")), "secret_revoked");
  ASSERT_TRUE(vault.remove("a#token").ok());
  EXPECT_EQ(reason(vault.get("a#token", "")), "secret_not_found");
  EXPECT_EQ(vault.rotate_secret("a#token", "x", -1).error().status(), tau::Status::kInvalidArgument);
  ASSERT_TRUE(vault.drop_damaged().ok());
}

TEST_F(CppVault, KeysComeAndGo) {
  const tau::Vault vault = make();
  ASSERT_TRUE(vault.put("a", "value", "").ok());
  const std::string key_file = folder_ + "/key";
  ASSERT_TRUE(vault.add_key(tau::VaultKey::file(key_file).label("away").make()).ok());
  EXPECT_TRUE(tau::Vault::open(options_, tau::VaultKey::file(key_file)).ok());
  EXPECT_EQ(reason(vault.add_key(tau::VaultKey::file(key_file).make())), "file_exists");
  EXPECT_EQ(reason(vault.add_key(tau::VaultKey::file(key_file).label("away"))), "slot_exists");
  ASSERT_TRUE(vault.remove_key("away").ok());
  EXPECT_EQ(reason(vault.remove_key("callback")), "last_slot");
  EXPECT_EQ(reason(tau::Vault::open(options_, tau::VaultKey::file(key_file))), "wrong_key");
  EXPECT_EQ(reason(tau::Vault::open(options_, tau::VaultKey::environment("NAME"))),
            "environment_not_allowed");
  EXPECT_EQ(reason(tau::Vault::open(options_, tau::VaultKey::passphrase("short"))), "weak_passphrase");
}

TEST_F(CppVault, AFailedKeyLeavesNoFileBehind) {
  const tau::Vault vault = make();
  const std::string key_file = folder_ + "/key";
  EXPECT_EQ(reason(vault.add_key(tau::VaultKey::file(key_file).label("callback").make())), "slot_exists");
  EXPECT_FALSE(fs::exists(key_file));
}

TEST_F(CppVault, AFunctionOfTheHostSuppliesTheKey) {
  make();
  const std::function<void(void*, size_t)> supply = [&](void* key, size_t len) {
    key_.copy(static_cast<char*>(key), len);
  };
  EXPECT_TRUE(tau::Vault::open(options_, tau::VaultKey::callback(supply)).ok());
  const std::function<void(void*, size_t)> nothing = [](void*, size_t) {};
  EXPECT_EQ(reason(tau::Vault::open(options_, tau::VaultKey::callback(nothing))), "no_key_supplied");
}

// Readers of other processes go on when the way in that they know still is one.
TEST_F(CppVault, RotatesKeysUnderAReaderWithAKeyFile) {
  const std::string key_file = folder_ + "/key";
  options_.create = true;
  const tau::Vault writer = tau::Vault::open(options_, tau::VaultKey::file(key_file).make()).value();
  options_.create = false;
  ASSERT_TRUE(writer.put("a", "value", "").ok());
  const tau::Vault reader = tau::Vault::open(options_, tau::VaultKey::file(key_file)).value();
  ASSERT_TRUE(writer.add_key(tau::VaultKey::bytes(key_)).ok());
  const tau::Vault other = tau::Vault::open(options_, tau::VaultKey::bytes(key_)).value();
  ASSERT_TRUE(writer.rotate_keys(tau::VaultKey::file(key_file)).ok());
  EXPECT_EQ(revealed(reader.get("a", "")), "value");
  EXPECT_TRUE(reader.put("b", "more", "").ok());
  EXPECT_EQ(reason(other.get("a", "")), "master_rotated");
  ASSERT_TRUE(writer.rotate_keys().ok());
  EXPECT_EQ(revealed(writer.get("b", "")), "more");
  EXPECT_TRUE(contains(about(reader), R"("rotating":false)"));
}

TEST_F(CppVault, NoticesAnOlderCopy) {
  const tau::Vault vault = make();
  ASSERT_TRUE(vault.put("a", "value", "").ok());
  fs::copy_file(options_.path, folder_ + "/older");
  ASSERT_TRUE(vault.put("a", "newer", "").ok());
  fs::copy_file(folder_ + "/older", options_.path, fs::copy_options::overwrite_existing);
  EXPECT_EQ(reason(tau::Vault::open(options_, tau::VaultKey::bytes(key_))), "vault_rolled_back");
  options_.anchor = folder_ + "/fresh";
  EXPECT_TRUE(tau::Vault::open(options_, tau::VaultKey::bytes(key_)).ok());
  options_.least_epoch = 3;
  EXPECT_EQ(reason(tau::Vault::open(options_, tau::VaultKey::bytes(key_))), "vault_rolled_back");
}

TEST_F(CppVault, OpenForReadingItWritesNothing) {
  make().put("a", "value", "").ignore();
  fs::remove(options_.path + ".epochs");
  options_.read_only = true;
  const tau::Vault vault = tau::Vault::open(options_, tau::VaultKey::bytes(key_)).value();
  EXPECT_TRUE(vault.get("a", "").ok());
  EXPECT_EQ(reason(vault.put("a", "x", "")), "vault_read_only");
  EXPECT_FALSE(fs::exists(options_.path + ".epochs"));
}

TEST_F(CppVault, TakesOverAnOlderFile) {
  const std::string path = folder_ + "/credentials.json";
  std::ofstream(path) << R"({"schema_version":1,"providers":{"openai":{"access_token":"plain value"},
    "mine":{"access_token":"other"}},"integrations":{}})";
  const tau::Vault vault = make();
  EXPECT_EQ(reason(vault.import_file(path, {}, R"({"provider/mine":"no url"})")), "invalid_origin");
  EXPECT_EQ(reason(vault.import_file(path, {}, "[]")), "wrong_type");
  const auto report = vault.import_file(path, {}, R"({"provider/mine":"http://127.0.0.1:8080/v1"})");
  ASSERT_TRUE(report.ok()) << report.error().message();
  EXPECT_TRUE(contains(text(report), "secret://provider/openai#access_token"));
  EXPECT_FALSE(contains(text(report), "plain value"));
  EXPECT_EQ(revealed(vault.get("provider/openai#access_token", "https://api.openai.com")), "plain value");
  EXPECT_EQ(revealed(vault.get("provider/mine#access_token", "http://127.0.0.1:8080")), "other");
  EXPECT_TRUE(contains(text(vault.import_file(path)), "secret_exists"));
}

TEST_F(CppVault, ARuntimeTakesItAlong) {
  tau::Vault vault = make();
  tau::RuntimeOptions options;
  options.no_store = true;
  options.vault = &vault;
  options.config =
      R"({"providers":{"mine":{"base_url":"https://mine.example/v1","api_key":"secret://provider/mine"}}})";
  const tau::Runtime runtime = tau::Runtime::open(options).value();
  EXPECT_TRUE(contains(about(runtime), "the vault has no secret://provider/mine"));
  ASSERT_TRUE(vault.put("provider/mine", "hidden-value", "https://other.example").ok());
  EXPECT_TRUE(contains(about(runtime), "is bound to https://other.example:443"));
  ASSERT_TRUE(vault.put("provider/mine", "hidden-value", "https://mine.example").ok());
  vault = tau::Vault();
  const auto about = runtime.describe();
  EXPECT_FALSE(contains(text(about), "hidden-value"));
  EXPECT_FALSE(contains(text(about), "is bound to"));
  EXPECT_TRUE(runtime.agent(R"({"model":"mine/m"})").ok());
}

}  // namespace
}  // namespace tau_test
