// A signer with Ed25519 by OpenSSL: another implementation than the product's and the verifier's.
#pragma once

#include <openssl/evp.h>

#include <memory>
#include <string>
#include <string_view>

#include "observe/observe.h"

namespace tau::observe {

class Ed25519Signer final : public Signer, public HeadKeys {
 public:
  explicit Ed25519Signer(char filling) {
    const std::string seed(32, filling);
    key_.reset(::EVP_PKEY_new_raw_private_key(EVP_PKEY_ED25519, nullptr,
                                              reinterpret_cast<const unsigned char*>(seed.data()), 32));
  }

  std::string_view algorithm() const override { return "ed25519"; }
  std::string key_id() const override { return "test-key"; }
  StatusOr<std::string> sign(std::string_view bytes) override {
    std::string out(64, '\0');
    size_t size = out.size();
    const Context context(::EVP_MD_CTX_new());
    if (::EVP_DigestSignInit(context.get(), nullptr, nullptr, nullptr, key_.get()) != 1 ||
        ::EVP_DigestSign(context.get(), reinterpret_cast<unsigned char*>(out.data()), &size,
                         reinterpret_cast<const unsigned char*>(bytes.data()), bytes.size()) != 1)
      return internal_error("openssl", "cannot sign");
    return out;
  }
  Status check(std::string_view algorithm_name, std::string_view /*key_id*/, std::string_view bytes,
               std::string_view signature) const override {
    if (algorithm_name != algorithm()) return Status(Code::kUnauthenticated, "unknown_key", "another key");
    const Context context(::EVP_MD_CTX_new());
    const bool good =
        ::EVP_DigestVerifyInit(context.get(), nullptr, nullptr, nullptr, key_.get()) == 1 &&
        ::EVP_DigestVerify(context.get(), reinterpret_cast<const unsigned char*>(signature.data()),
                           signature.size(), reinterpret_cast<const unsigned char*>(bytes.data()),
                           bytes.size()) == 1;
    return good ? ok_status() : Status(Code::kUnauthenticated, "bad_signature", "wrong");
  }
  std::string public_key() const {
    std::string out(32, '\0');
    size_t size = out.size();
    ::EVP_PKEY_get_raw_public_key(key_.get(), reinterpret_cast<unsigned char*>(out.data()), &size);
    return out;
  }

 private:
  struct Free {
    void operator()(EVP_PKEY* key) const { ::EVP_PKEY_free(key); }
    void operator()(EVP_MD_CTX* context) const { ::EVP_MD_CTX_free(context); }
  };
  using Context = std::unique_ptr<EVP_MD_CTX, Free>;
  std::unique_ptr<EVP_PKEY, Free> key_;
};

}  // namespace tau::observe
