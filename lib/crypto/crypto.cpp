// The primitives of crypto.h over libsodium, and xxHash for what no attacker is to be kept from.
#include "crypto/crypto.h"

#include <sodium.h>
#define XXH_INLINE_ALL  // header only: nothing is linked
#include <xxhash.h>

#include <algorithm>
#include <cstdlib>
#include <mutex>
#include <new>
#include <optional>
#include <utility>

#include "crypto/sodium_init.h"

namespace tau::crypto {
namespace {

const unsigned char* as_bytes(std::string_view text) {
  return reinterpret_cast<const unsigned char*>(text.data());
}

crypto_generichash_blake2b_state* as_state(unsigned char* storage) {
  return std::launder(reinterpret_cast<crypto_generichash_blake2b_state*>(storage));
}

std::string to_hex(const unsigned char* bytes, size_t size) {
  std::string out(size * 2 + 1, '\0');  // sodium writes a terminating NUL
  sodium_bin2hex(out.data(), out.size(), bytes, size);
  out.pop_back();
  return out;
}

std::string to_base64(std::string_view bytes, int variant) {
  std::string out(sodium_base64_encoded_len(bytes.size(), variant), '\0');
  sodium_bin2base64(out.data(), out.size(), as_bytes(bytes), bytes.size(), variant);
  out.pop_back();  // the terminating NUL
  return out;
}

std::optional<std::string> from_base64(std::string_view text, int variant) {
  // libsodium 1.0.18 takes bytes from 0x80 on for the last digit.
  if (std::any_of(text.begin(), text.end(), [](char c) { return static_cast<unsigned char>(c) >= 0x80; }))
    return std::nullopt;
  std::string out(text.size() / 4 * 3 + 2, '\0');
  size_t size = 0;
  const char* end = nullptr;
  const int rc = sodium_base642bin(reinterpret_cast<unsigned char*>(out.data()), out.size(), text.data(),
                                   text.size(), nullptr, &size, &end, variant);
  if (rc != 0 || end != text.data() + text.size()) return std::nullopt;
  out.resize(size);
  return out;
}

}  // namespace

void init_sodium() {
  static std::once_flag once;
  std::call_once(once, [] {
    if (sodium_init() < 0) std::abort();
  });
}

Digest blake2b(std::string_view data) {
  // Where every hash begins: made once, which saves a tenth of the cost of hashing a short text.
  static const crypto_generichash_blake2b_state beginning = [] {
    init_sodium();
    crypto_generichash_blake2b_state state;
    crypto_generichash_blake2b_init(&state, nullptr, 0, sizeof(Digest));
    return state;
  }();
  crypto_generichash_blake2b_state state = beginning;
  crypto_generichash_blake2b_update(&state, as_bytes(data), data.size());
  Digest out;
  crypto_generichash_blake2b_final(&state, out.data(), out.size());
  return out;
}

Blake2b::Blake2b() {
  static_assert(sizeof(crypto_generichash_blake2b_state) == sizeof(state_));
  static_assert(alignof(crypto_generichash_blake2b_state) <= 64);
  init_sodium();
  new (state_) crypto_generichash_blake2b_state;
  crypto_generichash_blake2b_init(as_state(state_), nullptr, 0, sizeof(Digest));
}

void Blake2b::update(std::string_view data) {
  crypto_generichash_blake2b_update(as_state(state_), as_bytes(data), data.size());
}

Digest Blake2b::finish() {
  Digest out;
  crypto_generichash_blake2b_final(as_state(state_), out.data(), out.size());
  crypto_generichash_blake2b_init(as_state(state_), nullptr, 0, sizeof(Digest));
  return out;
}

uint64_t checksum64(std::string_view data, uint64_t seed) {
  return XXH3_64bits_withSeed(data.data(), data.size(), seed);
}

uint64_t keyed_hash64(std::string_view data, const HashKey& key) {
  static_assert(crypto_shorthash_BYTES == sizeof(uint64_t) && crypto_shorthash_KEYBYTES == sizeof(HashKey));
  unsigned char out[sizeof(uint64_t)];
  crypto_shorthash(out, as_bytes(data), data.size(), key.data());
  uint64_t value = 0;
  for (const unsigned char byte : out) value = value << 8 | byte;
  return value;
}

std::string hex(const Digest& digest) { return to_hex(digest.data(), digest.size()); }

std::string hex(std::string_view bytes) { return to_hex(as_bytes(bytes), bytes.size()); }

StatusOr<std::string> from_hex(std::string_view text) {
  std::string out(text.size() / 2, '\0');
  size_t size = 0;
  const char* end = nullptr;
  const int rc = sodium_hex2bin(reinterpret_cast<unsigned char*>(out.data()), out.size(), text.data(),
                                text.size(), nullptr, &size, &end);
  if (rc != 0 || end != text.data() + text.size()) {
    return invalid_argument("invalid_hex", "expected an even number of hexadecimal digits and nothing else");
  }
  return out;
}

std::string base64_encode(std::string_view bytes) { return to_base64(bytes, sodium_base64_VARIANT_ORIGINAL); }

StatusOr<std::string> base64_decode(std::string_view text) {
  if (auto bytes = from_base64(text, sodium_base64_VARIANT_ORIGINAL)) return *std::move(bytes);
  return invalid_argument("invalid_base64", "expected base 64 with padding (RFC 4648 section 4)");
}

std::string base64url_encode(std::string_view bytes) {
  return to_base64(bytes, sodium_base64_VARIANT_URLSAFE_NO_PADDING);
}

StatusOr<std::string> base64url_decode(std::string_view text) {
  if (auto bytes = from_base64(text, sodium_base64_VARIANT_URLSAFE_NO_PADDING)) return *std::move(bytes);
  return invalid_argument("invalid_base64", "expected base 64 for URLs without padding (RFC 4648 section 5)");
}

}  // namespace tau::crypto
