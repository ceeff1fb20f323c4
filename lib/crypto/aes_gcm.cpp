// AES-GCM, to read only, without tables: FIPS 197 and NIST SP 800-38D by their algebra, so that time and
// memory accesses are the same whatever the key. It costs tens of microseconds a block and reads files of
// kilobytes.
#include <array>
#include <cstdint>
#include <cstring>

#include "crypto/aead.h"

namespace tau::crypto {
namespace {

using Block = std::array<uint8_t, 16>;

// The product in GF(2^8) modulo x^8 + x^4 + x^3 + x + 1.
uint8_t times(uint8_t a, uint8_t b) {
  unsigned product = 0;
  unsigned shifted = a;
  for (unsigned bit = 0; bit < 8; ++bit) {
    product ^= shifted & (0u - ((b >> bit) & 1u));
    shifted = (shifted << 1) ^ (0x11bu & (0u - ((shifted >> 7) & 1u)));
  }
  return static_cast<uint8_t>(product);
}

uint8_t square(uint8_t a) { return times(a, a); }

uint8_t rotate(uint8_t a, unsigned by) { return static_cast<uint8_t>(a << by | a >> (8 - by)); }

// The S-box: the inverse, which is the 254th power, then an affine map (FIPS 197, section 5.1.1).
uint8_t substitute(uint8_t a) {
  const uint8_t a2 = square(a);
  const uint8_t a3 = times(a2, a);
  const uint8_t a12 = square(square(a3));
  const uint8_t a15 = times(a12, a3);
  const uint8_t a240 = square(square(square(square(a15))));
  const uint8_t inverse = times(times(a240, a12), a2);
  return static_cast<uint8_t>(inverse ^ rotate(inverse, 1) ^ rotate(inverse, 2) ^ rotate(inverse, 3) ^
                              rotate(inverse, 4) ^ 0x63);
}

// The forward cipher; its key schedule is wiped.
class Aes {
 public:
  explicit Aes(std::string_view key) : rounds_(key.size() / 4 + 6) {
    const size_t key_words = key.size() / 4;
    std::memcpy(schedule_.data(), key.data(), key.size());
    uint8_t rcon = 1;
    for (size_t i = key_words; i < 4 * (rounds_ + 1); ++i) {
      std::array<uint8_t, 4> word;
      std::memcpy(word.data(), &schedule_[4 * (i - 1)], 4);
      if (i % key_words == 0) {
        word = {substitute(word[1]), substitute(word[2]), substitute(word[3]), substitute(word[0])};
        word[0] = static_cast<uint8_t>(word[0] ^ rcon);
        rcon = times(rcon, 2);
      } else if (key_words == 8 && i % 8 == 4) {
        for (uint8_t& byte : word) byte = substitute(byte);
      }
      for (size_t b = 0; b < 4; ++b)
        schedule_[4 * i + b] = static_cast<uint8_t>(schedule_[4 * (i - key_words) + b] ^ word[b]);
      secure_wipe(word.data(), word.size());
    }
  }
  ~Aes() { secure_wipe(schedule_.data(), schedule_.size()); }
  Aes(const Aes&) = delete;
  Aes& operator=(const Aes&) = delete;

  Block encrypt(Block state) const {
    add_round_key(state, 0);
    for (size_t round = 1; round <= rounds_; ++round) {
      Block shifted;
      for (size_t i = 0; i < 16; ++i) shifted[i] = substitute(state[(i + 4 * (i % 4)) % 16]);
      state = shifted;
      if (round < rounds_) mix_columns(state);
      add_round_key(state, round);
      secure_wipe(shifted.data(), shifted.size());
    }
    return state;
  }

 private:
  void add_round_key(Block& state, size_t round) const {
    for (size_t i = 0; i < 16; ++i) state[i] = static_cast<uint8_t>(state[i] ^ schedule_[16 * round + i]);
  }
  static void mix_columns(Block& state) {
    for (size_t c = 0; c < 16; c += 4) {
      const std::array<uint8_t, 4> in = {state[c], state[c + 1], state[c + 2], state[c + 3]};
      for (size_t r = 0; r < 4; ++r)
        state[c + r] = static_cast<uint8_t>(times(in[r], 2) ^ times(in[(r + 1) % 4], 3) ^ in[(r + 2) % 4] ^
                                            in[(r + 3) % 4]);
    }
  }

  size_t rounds_;
  std::array<uint8_t, 16 * 15> schedule_ = {};
};

// GHASH (SP 800-38D, section 6.4): bits of a block count from the left.
class Ghash {
 public:
  explicit Ghash(const Block& h) : h_(h) {}
  ~Ghash() { secure_wipe(h_.data(), h_.size()); }
  Ghash(const Ghash&) = delete;
  Ghash& operator=(const Ghash&) = delete;

  // Whole blocks; the last one is filled with zeros.
  void add(std::string_view data) {
    for (size_t at = 0; at < data.size(); at += 16) {
      for (size_t i = 0; i < 16 && at + i < data.size(); ++i)
        y_[i] = static_cast<uint8_t>(y_[i] ^ static_cast<uint8_t>(data[at + i]));
      multiply();
    }
  }
  void add_lengths(uint64_t first_bytes, uint64_t second_bytes) {
    for (size_t i = 0; i < 8; ++i) {
      y_[i] = static_cast<uint8_t>(y_[i] ^ static_cast<uint8_t>(first_bytes * 8 >> (56 - 8 * i)));
      y_[8 + i] = static_cast<uint8_t>(y_[8 + i] ^ static_cast<uint8_t>(second_bytes * 8 >> (56 - 8 * i)));
    }
    multiply();
  }
  const Block& value() const { return y_; }

 private:
  void multiply() {
    Block product = {};
    Block shifted = h_;
    for (size_t bit = 0; bit < 128; ++bit) {
      const unsigned take = 0u - ((y_[bit / 8] >> (7 - bit % 8)) & 1u);
      for (size_t i = 0; i < 16; ++i) product[i] = static_cast<uint8_t>(product[i] ^ (shifted[i] & take));
      const unsigned reduce = 0u - (shifted[15] & 1u);
      for (size_t i = 15; i > 0; --i)
        shifted[i] = static_cast<uint8_t>(shifted[i] >> 1 | shifted[i - 1] << 7);
      shifted[0] = static_cast<uint8_t>(shifted[0] >> 1 ^ (0xe1u & reduce));
    }
    y_ = product;
    secure_wipe(shifted.data(), shifted.size());
  }

  Block h_;
  Block y_ = {};
};

Block first_counter(const Block& h, std::string_view nonce) {
  Block counter = {};
  if (nonce.size() == 12) {
    std::memcpy(counter.data(), nonce.data(), nonce.size());
    counter[15] = 1;
    return counter;
  }
  Ghash hash(h);
  hash.add(nonce);
  hash.add_lengths(0, nonce.size());
  return hash.value();
}

void increment(Block& counter) {
  for (size_t i = 15; i >= 12 && ++counter[i] == 0; --i) {}
}

bool tag_matches(const Aes& aes, const Block& h, const Block& counter, std::string_view aad,
                 std::string_view body, std::string_view tag) {
  Ghash hash(h);
  hash.add(aad);
  hash.add(body);
  hash.add_lengths(aad.size(), body.size());
  Block expected = aes.encrypt(counter);
  for (size_t i = 0; i < 16; ++i) expected[i] = static_cast<uint8_t>(expected[i] ^ hash.value()[i]);
  const bool matches =
      constant_time_equal({reinterpret_cast<const char*>(expected.data()), expected.size()}, tag);
  secure_wipe(expected.data(), expected.size());
  return matches;
}

}  // namespace

StatusOr<Secret> aes_gcm_open(const Secret& key, std::string_view nonce, std::string_view aad,
                              std::string_view sealed) {
  if ((key.size() != 16 && key.size() != 24 && key.size() != 32) || nonce.empty())
    return invalid_argument("invalid_length", "AES-GCM takes a key of 16, 24 or 32 bytes and a nonce");
  const Status forged = data_loss("not_authentic", "the sealed bytes are not authentic under this key");
  if (sealed.size() < kAeadTagBytes) return forged;
  const std::string_view body = sealed.substr(0, sealed.size() - kAeadTagBytes);
  return key.reveal([&](std::string_view k) -> StatusOr<Secret> {
    const Aes aes(k);
    Block h = aes.encrypt({});
    Block counter = first_counter(h, nonce);
    const bool authentic = tag_matches(aes, h, counter, aad, body, sealed.substr(body.size()));
    secure_wipe(h.data(), h.size());
    if (!authentic) return forged;
    return Secret::generate(body.size(), [&](std::span<char> to) {
      for (size_t at = 0; at < to.size(); at += 16) {
        increment(counter);
        Block pad = aes.encrypt(counter);
        for (size_t i = 0; i < 16 && at + i < to.size(); ++i)
          to[at + i] = static_cast<char>(static_cast<uint8_t>(body[at + i]) ^ pad[i]);
        secure_wipe(pad.data(), pad.size());
      }
    });
  });
}

}  // namespace tau::crypto
