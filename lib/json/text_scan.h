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

// Whether `size` bytes are the same. Mostly they are few, and a call would cost more than they do.
inline bool same_bytes(const char* a, const char* b, size_t size) {
  const auto differ = [&](size_t at) {
    uint64_t words[4];
    std::memcpy(words, a + at, 16);
    std::memcpy(words + 2, b + at, 16);
    return ((words[0] ^ words[2]) | (words[1] ^ words[3])) != 0;
  };
  if (size >= 16) {
    for (size_t at = 0; at + 16 < size; at += 16)
      if (differ(at)) return false;
    return !differ(size - 16);  // overlaps what was compared already
  }
  if (size >= 4) {
    const auto differ4 = [&](size_t at) {
      uint32_t words[2];
      std::memcpy(words, a + at, 4);
      std::memcpy(words + 1, b + at, 4);
      return words[0] ^ words[1];
    };
    const size_t middle = size >= 8 ? 4 : 0;
    const size_t late = size >= 8 ? size - 8 : 0;
    return (differ4(0) | differ4(middle) | differ4(late) | differ4(size - 4)) == 0;
  }
  for (size_t at = 0; at != size; ++at)
    if (a[at] != b[at]) return false;
  return true;
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

// Whether a byte may stand in a number.
inline bool is_of_number(char c) {
  return is_digit(c) || c == '-' || c == '+' || c == '.' || c == 'e' || c == 'E';
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
