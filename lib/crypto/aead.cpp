#include "crypto/aead.h"

#include <sodium.h>

#include "crypto/sodium_init.h"

namespace tau::crypto {
namespace {

const unsigned char* as_bytes(std::string_view text) {
  return reinterpret_cast<const unsigned char*>(text.data());
}

Status check_lengths(const Secret& key, std::string_view nonce) {
  if (key.size() == kAeadKeyBytes && nonce.size() == kAeadNonceBytes) return ok_status();
  return invalid_argument("invalid_length",
                          format("ChaCha20-Poly1305 takes a key of {} and a nonce of {} bytes, not {} and {}",
                                 kAeadKeyBytes, kAeadNonceBytes, key.size(), nonce.size()));
}

}  // namespace

StatusOr<std::string> chacha20_poly1305_seal(const Secret& key, std::string_view nonce, std::string_view aad,
                                             const Secret& plaintext) {
  TAU_RETURN_IF_ERROR(check_lengths(key, nonce));
  init_sodium();
  std::string out(plaintext.size() + kAeadTagBytes, '\0');
  key.reveal([&](std::string_view k) {
    plaintext.reveal([&](std::string_view text) {
      crypto_aead_chacha20poly1305_ietf_encrypt(reinterpret_cast<unsigned char*>(out.data()), nullptr,
                                                as_bytes(text), text.size(), as_bytes(aad), aad.size(),
                                                nullptr, as_bytes(nonce), as_bytes(k));
    });
  });
  return out;
}

StatusOr<Secret> chacha20_poly1305_open(const Secret& key, std::string_view nonce, std::string_view aad,
                                        std::string_view sealed) {
  TAU_RETURN_IF_ERROR(check_lengths(key, nonce));
  init_sodium();
  int rc = -1;
  const size_t size = sealed.size() < kAeadTagBytes ? 0 : sealed.size() - kAeadTagBytes;
  Secret out = Secret::generate(size, [&](std::span<char> to) {
    if (sealed.size() < kAeadTagBytes) return;
    key.reveal([&](std::string_view k) {
      rc = crypto_aead_chacha20poly1305_ietf_decrypt(reinterpret_cast<unsigned char*>(to.data()), nullptr,
                                                     nullptr, as_bytes(sealed), sealed.size(), as_bytes(aad),
                                                     aad.size(), as_bytes(nonce), as_bytes(k));
    });
  });
  if (rc != 0) return data_loss("not_authentic", "the sealed bytes are not authentic under this key");
  return out;
}

}  // namespace tau::crypto
