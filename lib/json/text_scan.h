// The inner loops over JSON text: where a string ends, where two texts part, what an integer is.
#pragma once

#include <bit>
#include <cstddef>
#include <cstdint>
#include <cstring>

namespace tau::json {

inline bool is_space(char c) { return c == ' ' || c == '\n' || c == '\r' || c == '\t'; }
inline bool is_digit(char c) { return c >= '0' && c <= '9'; }

// Sixteen bytes at once, in a form that both compilers know for every processor.
using Block = uint8_t __attribute__((vector_size(16)));

inline Block load_block(const char* p) {
  Block block;
  std::memcpy(&block, p, sizeof block);
  return block;
}

// The index of the first byte that is not zero; 16 when all are.
inline size_t first_set(Block block) {
  uint64_t words[2];
  std::memcpy(words, &block, sizeof words);
  const auto first = [](uint64_t word) {
    const int bits =
        std::endian::native == std::endian::little ? std::countr_zero(word) : std::countl_zero(word);
    return static_cast<size_t>(bits) / 8;
  };
  if (words[0] != 0) return first(words[0]);
  return words[1] != 0 ? 8 + first(words[1]) : sizeof(Block);
}

// What ends a run of plain text in a string: a quote, a backslash or a control character.
inline bool stops(char c) { return c == '"' || c == '\\' || static_cast<uint8_t>(c) < 0x20; }
inline Block stops(Block block) {
  return reinterpret_cast<Block>((block == '"') | (block == '\\') | (block < 0x20));
}

// The first such byte at or after `p`.
inline const char* string_stop(const char* p, const char* end) {
  while (end - p >= static_cast<ptrdiff_t>(sizeof(Block))) {
    const size_t n = first_set(stops(load_block(p)));
    p += n;
    if (n != sizeof(Block)) return p;
  }
  while (p != end && !stops(*p)) ++p;
  return p;
}

// How many of the first `size` bytes are the same.
inline size_t common_prefix(const char* a, const char* b, size_t size) {
  size_t n = 0;
  while (size - n >= sizeof(Block)) {
    const size_t same = first_set(reinterpret_cast<Block>(load_block(a + n) != load_block(b + n)));
    n += same;
    if (same != sizeof(Block)) return n;
  }
  while (n != size && a[n] == b[n]) ++n;
  return n;
}

// The end of the integer at `p`; `p` when there is none, or one so long that it may have no 64 bits.
inline const char* integer_end(const char* p, const char* end) {
  constexpr ptrdiff_t kMostDigits = 18;
  const char* q = p;
  if (q != end && *q == '-') ++q;
  const char* const digits = q;
  while (q != end && is_digit(*q)) ++q;
  const ptrdiff_t count = q - digits;
  if (count == 0 || count > kMostDigits || (*digits == '0' && count > 1)) return p;
  return q;
}

}  // namespace tau::json
