// Random signs and Hadamard transforms, in blocks that overlap.
#include "memory/vector_rotation.h"

#include <bit>
#include <cstdint>

namespace tau::memory {
namespace {

constexpr size_t kRounds = 2;  // over both blocks, where one does not cover all
constexpr uint64_t kSeed = 0x7461752d726f7431;

// Sixty-four signs: splitmix64 of where they stand.
uint64_t signs(size_t pass, size_t word) {
  uint64_t x = kSeed + 0x9e3779b97f4a7c15 * (pass * 1024 + word + 1);
  x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9;
  x = (x ^ (x >> 27)) * 0x94d049bb133111eb;
  return x ^ (x >> 31);
}

void flip(float* x, size_t n, size_t pass) {
  for (size_t i = 0; i < n; i += 64) {
    const uint64_t word = signs(pass, i / 64);
    for (size_t j = 0; j < 64; ++j) {
      const auto bit = static_cast<uint32_t>(word >> j & 1) << 31;
      x[i + j] = std::bit_cast<float>(std::bit_cast<uint32_t>(x[i + j]) ^ bit);
    }
  }
}

void hadamard(float* x, size_t n) {
  for (size_t half = 1; half < n; half *= 2)
    for (size_t i = 0; i < n; i += 2 * half)
      for (size_t j = i; j < i + half; ++j) {
        const float a = x[j];
        const float b = x[j + half];
        x[j] = a + b;
        x[j + half] = a - b;
      }
}

// Two transforms make a factor of n, a power of two: dividing by it is exact.
void scale(float* x, size_t n) {
  const float by = 1.0F / static_cast<float>(n);
  for (size_t i = 0; i < n; ++i) x[i] *= by;
}

struct Blocks {
  size_t size;   // the largest power of two
  size_t count;  // of times that one is turned
  size_t offset(size_t i, size_t n) const { return i % 2 == 0 ? 0 : n - size; }
};

Blocks blocks_of(size_t padded) {
  const size_t size = std::bit_floor(padded);
  return {size, size == padded ? 1 : 2 * kRounds};
}

}  // namespace

void rotate(float* vector, size_t padded) {
  const Blocks blocks = blocks_of(padded);
  for (size_t i = 0; i < blocks.count; ++i) {
    float* x = vector + blocks.offset(i, padded);
    for (size_t pass = 2 * i; pass < 2 * i + 2; ++pass) {
      flip(x, blocks.size, pass);
      hadamard(x, blocks.size);
    }
    scale(x, blocks.size);
  }
}

void rotate_back(float* vector, size_t padded) {
  const Blocks blocks = blocks_of(padded);
  for (size_t i = blocks.count; i-- > 0;) {
    float* x = vector + blocks.offset(i, padded);
    for (size_t pass = 2 * i + 2; pass-- > 2 * i;) {
      hadamard(x, blocks.size);
      flip(x, blocks.size, pass);
    }
    scale(x, blocks.size);
  }
}

}  // namespace tau::memory
