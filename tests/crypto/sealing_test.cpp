// Pins keys and sealed bytes: published vectors, that nothing forged opens, and what is refused.
#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include <string>

#include "crypto/crypto.h"

namespace tau::crypto {
namespace {

std::string bytes(std::string_view hexadecimal) { return *from_hex(hexadecimal); }

Secret secret(std::string_view hexadecimal) { return Secret(bytes(hexadecimal)); }

// FIPS 180-4, RFC 4231 case 2, RFC 5869 case 1.
TEST(Kdf, MatchesKnownDigests) {
  EXPECT_EQ(hex(sha256("abc")), "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
  EXPECT_EQ(hex(hmac_sha256(Secret("Jefe"), "what do ya want for nothing?")),
            "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843");
  const auto okm = hkdf_sha256(secret("0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b"),
                               bytes("000102030405060708090a0b0c"), bytes("f0f1f2f3f4f5f6f7f8f9"), 42);
  ASSERT_TRUE(okm.ok());
  EXPECT_TRUE(
      okm->equals(secret("3cb25f25faacd57a90434f64d0362f2a2d2d0a90cf1a5a4c5db02d56ecc4c5bf34007208d5"
                         "b887185865")));
}

TEST(Kdf, RefusesLengthsThatItCannotGive) {
  EXPECT_EQ(hkdf_sha256(Secret("k"), "", "", 0).status().reason(), "invalid_length");
  EXPECT_EQ(hkdf_sha256(Secret("k"), "", "", 255 * 32 + 1).status().reason(), "invalid_length");
  EXPECT_TRUE(hkdf_sha256(Secret("k"), "", "", 255 * 32).ok());
}

TEST(Kdf, Argon2idDependsOnEveryInput) {
  const std::string salt(kPasswordSaltBytes, 's');
  const auto derive = [](std::string_view text, std::string_view with, PasswordCost cost) {
    return *argon2id(Secret(text), with, cost, 32);
  };
  const Secret first = derive("passphrase", salt, {19456, 2});
  EXPECT_TRUE(first.equals(derive("passphrase", salt, {19456, 2})));
  EXPECT_FALSE(first.equals(derive("passphrasf", salt, {19456, 2})));
  EXPECT_FALSE(first.equals(derive("passphrase", std::string(kPasswordSaltBytes, 't'), {19456, 2})));
  EXPECT_FALSE(first.equals(derive("passphrase", salt, {19456, 3})));
  EXPECT_FALSE(first.equals(derive("passphrase", salt, {20480, 2})));
}

TEST(Kdf, Argon2idRefusesCostsThatAreTooCheapOrCouldStopTheMachine) {
  const std::string salt(kPasswordSaltBytes, 's');
  for (const PasswordCost cost :
       {PasswordCost{19455, 2}, {19456, 1}, {1024 * 1024 + 1, 2}, {19456, 65}, {UINT32_MAX, UINT32_MAX}})
    EXPECT_EQ(argon2id(Secret("p"), salt, cost, 32).status().reason(), "invalid_cost");
  EXPECT_EQ(argon2id(Secret("p"), "short", {19456, 2}, 32).status().reason(), "invalid_length");
}

TEST(Aead, RefusesKeysAndNoncesOfAnotherSize) {
  const Secret key(std::string(32, 'k'));
  const std::string nonce(12, 'n');
  EXPECT_TRUE(chacha20_poly1305_seal(key, nonce, "", Secret("x")).ok());
  EXPECT_EQ(chacha20_poly1305_seal(Secret("k"), nonce, "", Secret("x")).status().reason(), "invalid_length");
  EXPECT_EQ(chacha20_poly1305_open(key, "n", "", std::string(16, 'x')).status().reason(), "invalid_length");
  EXPECT_EQ(chacha20_poly1305_open(key, nonce, "", "short").status().reason(), "not_authentic");
  EXPECT_EQ(aes_gcm_open(key, "", "", std::string(16, 'x')).status().reason(), "invalid_length");
  EXPECT_EQ(aes_gcm_open(Secret("k"), nonce, "", std::string(16, 'x')).status().reason(), "invalid_length");
  EXPECT_EQ(aes_gcm_open(key, nonce, "", "short").status().reason(), "not_authentic");
}

RC_GTEST_PROP(AeadProperty, WhatWasSealedOpensAndNoFlippedBitDoes,
              (const std::string& text, const std::string& aad)) {
  const Secret key(std::string(32, 'k'));
  const std::string nonce(12, 'n');
  std::string sealed = *chacha20_poly1305_seal(key, nonce, aad, Secret(text));
  RC_ASSERT(chacha20_poly1305_open(key, nonce, aad, sealed)->equals(Secret(text)));
  RC_ASSERT(!chacha20_poly1305_open(key, nonce, aad + "x", sealed).ok());
  const auto bit = *rc::gen::inRange<size_t>(0, sealed.size() * 8);
  sealed[bit / 8] = static_cast<char>(sealed[bit / 8] ^ (1 << bit % 8));
  RC_ASSERT(chacha20_poly1305_open(key, nonce, aad, sealed).status().reason() == "not_authentic");
}

}  // namespace
}  // namespace tau::crypto
