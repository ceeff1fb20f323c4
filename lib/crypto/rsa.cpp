#include "crypto/rsa.h"

#include <dlfcn.h>

#include <memory>

namespace tau::crypto {
namespace {

constexpr int kRsa = 6;  // EVP_PKEY_RSA
// A passphrase is asked for nowhere: this one, of no characters, is wrong for every key that has one.
int no_passphrase(char*, int, int, void*) { return -1; }

// The functions of libcrypto 3 that are used, by their manual pages: BIO_new_mem_buf(3),
// PEM_read_bio_PrivateKey(3), EVP_PKEY_get_id(3), EVP_DigestSign(3), ERR_clear_error(3).
struct Crypto {
  void* (*memory_bio)(const void* bytes, int size) = nullptr;
  int (*free_bio)(void* bio) = nullptr;
  void* (*read_key)(void* bio, void** key, int (*passphrase)(char*, int, int, void*), void* data) = nullptr;
  void (*free_key)(void* key) = nullptr;
  int (*key_id)(const void* key) = nullptr;
  int (*key_bits)(const void* key) = nullptr;
  void* (*new_context)() = nullptr;
  void (*free_context)(void* context) = nullptr;
  const void* (*sha256)() = nullptr;
  int (*begin)(void* context, void** key_context, const void* digest, void* engine, void* key) = nullptr;
  int (*sign)(void* context, unsigned char* signature, size_t* size, const unsigned char* bytes,
              size_t count) = nullptr;
  void (*clear_errors)() = nullptr;
  bool whole = false;
};

template <class F>
bool find(void* library, const char* name, F& function) {
  function = reinterpret_cast<F>(dlsym(library, name));
  return function != nullptr;
}

// Stays mapped, as libcurl's TLS has it anyway.
const Crypto& libcrypto() {
  static const Crypto library = [] {
    Crypto c;
    void* const handle = dlopen("libcrypto.so.3", RTLD_NOW | RTLD_LOCAL);
    c.whole = handle != nullptr && find(handle, "BIO_new_mem_buf", c.memory_bio) &&
              find(handle, "BIO_free", c.free_bio) && find(handle, "PEM_read_bio_PrivateKey", c.read_key) &&
              find(handle, "EVP_PKEY_free", c.free_key) && find(handle, "EVP_PKEY_get_id", c.key_id) &&
              find(handle, "EVP_PKEY_get_bits", c.key_bits) &&
              find(handle, "EVP_MD_CTX_new", c.new_context) &&
              find(handle, "EVP_MD_CTX_free", c.free_context) && find(handle, "EVP_sha256", c.sha256) &&
              find(handle, "EVP_DigestSignInit", c.begin) && find(handle, "EVP_DigestSign", c.sign) &&
              find(handle, "ERR_clear_error", c.clear_errors);
    return c;
  }();
  return library;
}

Status bad_key() {
  return invalid_argument("invalid_rsa_key",
                          "the private key is no RSA key of 2048 to 8192 bits in PEM without a passphrase");
}

using Handle = std::unique_ptr<void, void (*)(void*)>;

Handle read_key(const Crypto& c, const Secret& pem) {
  return pem.reveal([&](std::string_view text) {
    const Handle bio(text.empty() || text.size() > (64u << 10)
                         ? nullptr
                         : c.memory_bio(text.data(), static_cast<int>(text.size())),
                     [](void* at) { libcrypto().free_bio(at); });
    void* const key = bio == nullptr ? nullptr : c.read_key(bio.get(), nullptr, &no_passphrase, nullptr);
    return Handle(key, [](void* at) { libcrypto().free_key(at); });
  });
}

StatusOr<std::string> sign(const Crypto& c, void* key, std::string_view message) {
  const Handle context(c.new_context(), [](void* at) { libcrypto().free_context(at); });
  size_t size = 0;
  std::string signature;
  const auto* const bytes = reinterpret_cast<const unsigned char*>(message.data());
  bool good = context != nullptr && c.begin(context.get(), nullptr, c.sha256(), nullptr, key) == 1 &&
              c.sign(context.get(), nullptr, &size, bytes, message.size()) == 1;
  if (good) {
    signature.resize(size);
    auto* const to = reinterpret_cast<unsigned char*>(signature.data());
    good = c.sign(context.get(), to, &size, bytes, message.size()) == 1;
  }
  if (!good) return internal_error("rsa_failed", "libcrypto did not sign");
  signature.resize(size);
  return signature;
}

}  // namespace

StatusOr<std::string> rsa_sign_sha256(const Secret& pem, std::string_view message) {
  const Crypto& c = libcrypto();
  if (!c.whole)
    return Status(Code::kUnimplemented, "rsa_unavailable",
                  "signing with an RSA key needs OpenSSL's libcrypto.so.3, which this machine lacks");
  const Handle key = read_key(c, pem);
  const bool fits = key != nullptr && c.key_id(key.get()) == kRsa && c.key_bits(key.get()) >= kMinRsaBits &&
                    c.key_bits(key.get()) <= kMaxRsaBits;
  StatusOr<std::string> made = fits ? sign(c, key.get(), message) : StatusOr<std::string>(bad_key());
  c.clear_errors();  // libcurl's TLS reads the thread's queue of errors
  return made;
}

}  // namespace tau::crypto
