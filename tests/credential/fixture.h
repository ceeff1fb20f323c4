// A vault in a directory of its own, opened by a key file, which costs no Argon2id.
#pragma once

#include <gtest/gtest.h>

#include <memory>
#include <string>
#include <vector>

#include "credential/credential.h"
#include "os/os.h"
#include "support/fake_clock.h"
#include "support/temp_dir.h"

namespace tau::credential {

inline constexpr const char* kOrigin = "https://api.example.com:443";

class VaultFixture : public ::testing::Test {
 protected:
  VaultFixture() { EXPECT_TRUE(make_key_file(key_path_, system_random()).ok()); }

  VaultOptions options() const {
    VaultOptions out;
    out.path = path_;
    return out;
  }
  Unlock unlock() const {
    auto key = key_file_unlock(key_path_);
    EXPECT_TRUE(key.ok()) << key.status().to_string();
    return key.ok() ? *std::move(key) : Unlock();
  }
  std::unique_ptr<Vault> create() const { return must(Vault::create(options(), unlock())); }
  std::unique_ptr<Vault> open() const { return must(Vault::open(options(), unlock())); }
  // Its reason, or "" when it opens.
  std::string open_failure() const { return std::string(Vault::open(options(), unlock()).status().reason()); }

  static std::unique_ptr<Vault> must(StatusOr<std::unique_ptr<Vault>> vault) {
    EXPECT_TRUE(vault.ok()) << vault.status().to_string();
    return vault.ok() ? *std::move(vault) : nullptr;
  }

  const test::TempDir dir_;
  const std::string path_ = dir_.file("vault");
  const std::string key_path_ = dir_.file("key");
};

inline NewSecret make_secret(const std::string& id, std::string_view value, std::string origin = kOrigin) {
  return {.name = {.id = id}, .value = Secret(value), .origin = std::move(origin), .expires_ms = 0};
}

inline Status put(Vault& vault, const std::string& id, std::string_view value, std::string origin = kOrigin) {
  const NewSecret secret = make_secret(id, value, std::move(origin));
  return vault.put({&secret, 1});
}

// The value, or "!" and the reason of the failure.
inline std::string read(const Vault& vault, const std::string& id, std::string_view origin = kOrigin) {
  const auto value = vault.get({.id = id}, origin);
  if (!value.ok()) return "!" + std::string(value.status().reason());
  return value->reveal([](std::string_view text) { return std::string(text); });
}

}  // namespace tau::credential
