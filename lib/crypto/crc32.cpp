// CRC-32 as zlib and AWS event streams have it: by carry-less multiplication where the processor has it, else
// by tables. Folding is that of V. Gopal and others, "Fast CRC Computation for Generic Polynomials Using
// PCLMULQDQ Instruction" (Intel, 2009), with the constants of this polynomial.
#include <array>

#include "crypto/crypto.h"

#if defined(__x86_64__)
#include <immintrin.h>
#endif

namespace tau::crypto {
namespace {

// What sixteen bytes at once do to a CRC-32: table k is that of a byte with k more behind it.
using CrcTables = std::array<std::array<uint32_t, 256>, 16>;
const CrcTables& crc_tables() {
  static const CrcTables made = [] {
    CrcTables tables{};
    for (uint32_t n = 0; n < 256; ++n) {
      uint32_t crc = n;
      for (int bit = 0; bit < 8; ++bit) crc = crc >> 1 ^ (crc & 1 ? 0xedb88320U : 0U);
      tables[0][n] = crc;
    }
    for (size_t k = 1; k < tables.size(); ++k)
      for (size_t n = 0; n < 256; ++n)
        tables[k][n] = tables[k - 1][n] >> 8 ^ tables[0][tables[k - 1][n] & 0xff];
    return tables;
  }();
  return made;
}

// Goes on with a register that is not inverted.
uint32_t by_tables(const unsigned char* p, size_t size, uint32_t crc) {
  const CrcTables& tables = crc_tables();
  const auto word = [&](size_t at) {
    return uint32_t{p[at]} | uint32_t{p[at + 1]} << 8 | uint32_t{p[at + 2]} << 16 | uint32_t{p[at + 3]} << 24;
  };
  // Four bytes with `behind` more behind them.
  const auto four = [&](uint32_t w, size_t behind) {
    return tables[behind + 3][w & 0xff] ^ tables[behind + 2][w >> 8 & 0xff] ^
           tables[behind + 1][w >> 16 & 0xff] ^ tables[behind][w >> 24];
  };
  for (; size >= 16; p += 16, size -= 16)
    crc = four(crc ^ word(0), 12) ^ four(word(4), 8) ^ four(word(8), 4) ^ four(word(12), 0);
  for (; size >= 8; p += 8, size -= 8) crc = four(crc ^ word(0), 4) ^ four(word(4), 0);
  if (size >= 4) {
    crc = four(crc ^ word(0), 0);
    p += 4;
    size -= 4;
  }
  for (; size > 0; ++p, --size) crc = crc >> 8 ^ tables[0][(crc ^ *p) & 0xff];
  return crc;
}

#if defined(__x86_64__)
constexpr size_t kLane = 16;
constexpr size_t kLeastFolded = 4 * kLane;

bool can_fold() {
  static const bool known = __builtin_cpu_supports("pclmul") != 0 && __builtin_cpu_supports("sse4.1") != 0;
  return known;
}

// A lane moved as far forward as `by` says, onto `next`.
__attribute__((target("pclmul,sse4.1"))) __m128i folded(__m128i lane, __m128i by, __m128i next) {
  const __m128i low = _mm_clmulepi64_si128(lane, by, 0x00);
  const __m128i high = _mm_clmulepi64_si128(lane, by, 0x11);
  return _mm_xor_si128(_mm_xor_si128(low, high), next);
}

// Of at least 64 bytes; `size` is a multiple of 16.
__attribute__((target("pclmul,sse4.1"))) uint32_t by_folding(const unsigned char* p, size_t size,
                                                             uint32_t crc) {
  const auto load = [](const unsigned char* at) {
    return _mm_loadu_si128(reinterpret_cast<const __m128i*>(at));
  };
  const __m128i by_four = _mm_set_epi64x(0x1c6e41596, 0x154442bd4);
  const __m128i by_one = _mm_set_epi64x(0x0ccaa009e, 0x1751997d0);
  const __m128i to_32 = _mm_set_epi64x(0, 0x163cd6124);
  const __m128i barrett = _mm_set_epi64x(0x1f7011641, 0x1db710641);
  const __m128i low_word = _mm_setr_epi32(-1, 0, -1, 0);
  __m128i lanes[4] = {_mm_xor_si128(load(p), _mm_cvtsi32_si128(static_cast<int>(crc))), load(p + kLane),
                      load(p + 2 * kLane), load(p + 3 * kLane)};
  p += 4 * kLane;
  size -= 4 * kLane;
  for (; size >= 4 * kLane; p += 4 * kLane, size -= 4 * kLane)
    for (size_t i = 0; i < 4; ++i) lanes[i] = folded(lanes[i], by_four, load(p + i * kLane));
  __m128i x = lanes[0];
  for (size_t i = 1; i < 4; ++i) x = folded(x, by_one, lanes[i]);
  for (; size >= kLane; p += kLane, size -= kLane) x = folded(x, by_one, load(p));
  // 128 bits to 64, to 32, and the remainder.
  x = _mm_xor_si128(_mm_srli_si128(x, 8), _mm_clmulepi64_si128(x, by_one, 0x10));
  x = _mm_xor_si128(_mm_srli_si128(x, 4), _mm_clmulepi64_si128(_mm_and_si128(x, low_word), to_32, 0x00));
  __m128i quotient = _mm_clmulepi64_si128(_mm_and_si128(x, low_word), barrett, 0x10);
  quotient = _mm_clmulepi64_si128(_mm_and_si128(quotient, low_word), barrett, 0x00);
  return static_cast<uint32_t>(_mm_extract_epi32(_mm_xor_si128(x, quotient), 1));
}
#endif

}  // namespace

uint32_t crc32(std::string_view data, uint32_t seed) {
  const auto* p = reinterpret_cast<const unsigned char*>(data.data());
  size_t size = data.size();
  uint32_t crc = ~seed;
#if defined(__x86_64__)
  if (size >= kLeastFolded && can_fold()) {
    const size_t whole = size - size % kLane;
    crc = by_folding(p, whole, crc);
    p += whole;
    size -= whole;
  }
#endif
  return ~by_tables(p, size, crc);
}

}  // namespace tau::crypto
