// RSA signatures against OpenSSL's own headers: with keys that are made here, checked by its verifier.
#include <gtest/gtest.h>
#include <openssl/bio.h>
#include <openssl/ec.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/rsa.h>

#include <cstring>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "crypto/crypto.h"

namespace tau::crypto {
namespace {

using Key = std::unique_ptr<EVP_PKEY, void (*)(EVP_PKEY*)>;

Key rsa_key(unsigned bits) { return {EVP_RSA_gen(bits), EVP_PKEY_free}; }

Secret pem_of(EVP_PKEY* key, const char* passphrase = nullptr, bool old_form = false) {
  BIO* const bio = BIO_new(BIO_s_mem());
  const EVP_CIPHER* const cipher = passphrase != nullptr ? EVP_aes_256_cbc() : nullptr;
  const int size = passphrase != nullptr ? 4 : 0;
  const auto* const text = reinterpret_cast<const unsigned char*>(passphrase);
  if (old_form) {
    PEM_write_bio_PrivateKey_traditional(bio, key, cipher, text, size, nullptr, nullptr);
  } else {
    PEM_write_bio_PrivateKey(bio, key, cipher, text, size, nullptr, nullptr);
  }
  char* bytes = nullptr;
  const long length = BIO_get_mem_data(bio, &bytes);
  Secret pem(std::string_view(bytes, static_cast<size_t>(length)));
  BIO_free(bio);
  return pem;
}

bool verifies(EVP_PKEY* key, std::string_view signature, std::string_view message) {
  EVP_MD_CTX* const context = EVP_MD_CTX_new();
  EVP_DigestVerifyInit(context, nullptr, EVP_sha256(), nullptr, key);
  const int good =
      EVP_DigestVerify(context, reinterpret_cast<const unsigned char*>(signature.data()), signature.size(),
                       reinterpret_cast<const unsigned char*>(message.data()), message.size());
  EVP_MD_CTX_free(context);
  return good == 1;
}

TEST(Rsa, SignaturesAreWhatOpenSslVerifies) {
  for (const unsigned bits : {2048u, 3072u, 4096u}) {
    const Key key = rsa_key(bits);
    const Secret pem = pem_of(key.get());
    for (const std::string& message : {std::string(), std::string("a.b"), std::string(100'000, 'x')}) {
      const auto signature = rsa_sign_sha256(pem, message);
      ASSERT_TRUE(signature.ok()) << signature.status().to_string();
      EXPECT_EQ(signature->size(), bits / 8);
      EXPECT_TRUE(verifies(key.get(), *signature, message));
      EXPECT_FALSE(verifies(key.get(), *signature, message + "."));
      EXPECT_EQ(*rsa_sign_sha256(pem, message), *signature);  // PKCS #1 v1.5 has no randomness
    }
  }
}

TEST(Rsa, KeysOfTheOldFormAreTaken) {
  const Key key = rsa_key(2048);
  const auto signature = rsa_sign_sha256(pem_of(key.get(), nullptr, true), "m");
  ASSERT_TRUE(signature.ok());
  EXPECT_TRUE(verifies(key.get(), *signature, "m"));
}

TEST(Rsa, OtherKeysAndNoKeysAreRefused) {
  const Key weak = rsa_key(1024);
  const Key curve(EVP_EC_gen("P-256"), EVP_PKEY_free);
  const Key good = rsa_key(2048);
  std::vector<Secret> bad;
  bad.push_back(pem_of(weak.get()));
  bad.push_back(pem_of(curve.get()));
  bad.push_back(pem_of(good.get(), "word"));
  bad.push_back(pem_of(good.get(), "word", true));
  bad.emplace_back(std::string_view("no key"));
  bad.emplace_back();
  bad.emplace_back(std::string(100'000, 'A'));
  const Secret whole = pem_of(good.get());
  whole.reveal([&](std::string_view text) { bad.emplace_back(text.substr(0, text.size() / 2)); });
  for (const Secret& pem : bad) EXPECT_EQ(rsa_sign_sha256(pem, "m").status().reason(), "invalid_rsa_key");
  // libcurl's TLS takes what stands in the thread's queue of errors for its own.
  EXPECT_EQ(ERR_peek_error(), 0u);
}

TEST(Rsa, ThreadsSignAtOnce) {
  const Key key = rsa_key(2048);
  const Secret pem = pem_of(key.get());
  const std::string expected = *rsa_sign_sha256(pem, "m");
  std::vector<std::thread> threads;
  for (int i = 0; i < 4; ++i)
    threads.emplace_back([&] {
      for (int k = 0; k < 20; ++k) EXPECT_EQ(*rsa_sign_sha256(pem, "m"), expected);
    });
  for (std::thread& thread : threads) thread.join();
}

}  // namespace
}  // namespace tau::crypto
