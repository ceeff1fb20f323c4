// The Wycheproof vectors (testvectors_v1), compressed by xz, in $TAU_SHARED_DATA/crypto. Skips without them.
#include <gtest/gtest.h>

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <string>

#include "crypto/crypto.h"
#include "json/json.h"

namespace tau::crypto {
namespace {

std::string bytes(const json::Value& hexadecimal) { return *from_hex(hexadecimal.as_string()); }

std::string text_of(const Digest& digest) {
  return {reinterpret_cast<const char*>(digest.data()), digest.size()};
}

// The document of that name, or null when there is none.
json::Value read_vectors(const std::string& name) {
  const char* const folder = std::getenv("TAU_SHARED_DATA");
  if (folder == nullptr) return {};
  const std::string command =
      "xz -dc '" + std::string(folder) + "/crypto/" + name + "_test.json.xz' 2>/dev/null";
  std::string text;
  FILE* const pipe = ::popen(command.c_str(), "r");
  if (pipe == nullptr) return {};
  char buffer[65536];
  for (size_t n; (n = std::fread(buffer, 1, sizeof buffer, pipe)) > 0;) text.append(buffer, n);
  ::pclose(pipe);
  auto document = json::parse(text);
  return document.ok() ? *std::move(document) : json::Value();
}

// Runs check(group, test), which says whether the implementation took the vector for a valid one.
template <class Check>
void run(const std::string& name, size_t expected, Check check) {
  const json::Value document = read_vectors(name);
  if (!document.is_object()) GTEST_SKIP() << "no " << name << " vectors in $TAU_SHARED_DATA/crypto";
  size_t passed = 0;
  for (const json::Value& group : document["testGroups"].as_array()) {
    for (const json::Value& test : group["tests"].as_array()) {
      const bool valid = test["result"].as_string() == "valid";
      const bool taken = check(group, test);
      EXPECT_EQ(taken, valid) << name << " " << test["tcId"].as_int() << ": " << test["comment"].as_string();
      passed += taken == valid;
    }
  }
  EXPECT_EQ(passed, expected);
  std::printf("%s: %zu vectors passed\n", name.c_str(), passed);
}

TEST(Wycheproof, AesGcm) {
  run("aes_gcm", 316, [](const json::Value&, const json::Value& test) {
    const auto opened = aes_gcm_open(Secret(bytes(test["key"])), bytes(test["iv"]), bytes(test["aad"]),
                                     bytes(test["ct"]) + bytes(test["tag"]));
    return opened.ok() && opened->equals(Secret(bytes(test["msg"])));
  });
}

TEST(Wycheproof, ChaCha20Poly1305) {
  run("chacha20_poly1305", 325, [](const json::Value&, const json::Value& test) {
    const Secret key(bytes(test["key"]));
    const Secret message(bytes(test["msg"]));
    const std::string sealed = bytes(test["ct"]) + bytes(test["tag"]);
    const auto opened = chacha20_poly1305_open(key, bytes(test["iv"]), bytes(test["aad"]), sealed);
    if (!opened.ok() || !opened->equals(message)) return false;
    const auto again = chacha20_poly1305_seal(key, bytes(test["iv"]), bytes(test["aad"]), message);
    return again.ok() && *again == sealed;
  });
}

TEST(Wycheproof, Ed25519) {
  run("ed25519", 151, [](const json::Value& group, const json::Value& test) {
    PublicKey key = {};
    const std::string point = bytes(group["publicKey"]["pk"]);
    if (point.size() != key.size()) return false;
    std::copy(point.begin(), point.end(), key.begin());
    return is_ed25519_key(key) && ed25519_verify(key, bytes(test["msg"]), bytes(test["sig"]));
  });
}

TEST(Wycheproof, HkdfSha256) {
  run("hkdf_sha256", 86, [](const json::Value&, const json::Value& test) {
    const auto derived = hkdf_sha256(Secret(bytes(test["ikm"])), bytes(test["salt"]), bytes(test["info"]),
                                     static_cast<size_t>(test["size"].as_int()));
    return derived.ok() && derived->equals(Secret(bytes(test["okm"])));
  });
}

TEST(Wycheproof, HmacSha256) {
  run("hmac_sha256", 174, [](const json::Value&, const json::Value& test) {
    const std::string tag = bytes(test["tag"]);
    const std::string made = text_of(hmac_sha256(Secret(bytes(test["key"])), bytes(test["msg"])));
    return made.substr(0, tag.size()) == tag;
  });
}

}  // namespace
}  // namespace tau::crypto
