// The making of fine codes.
#include "memory/vector_fine.h"

#include <array>
#include <cmath>
#include <cstdlib>

namespace tau::memory {
namespace {

constexpr int32_t kMagnitudes = 129;  // 0 to 128

// Components of a larger magnitude are large, and so many of this one.
struct Cut {
  int32_t magnitude = 0;
  int32_t count = 0;
};

Cut cut_of(const int8_t* row, size_t padded) {
  std::array<int32_t, kMagnitudes> counts{};
  int32_t sum = 0;
  for (size_t i = 0; i < padded; ++i) {
    ++counts[static_cast<size_t>(std::abs(row[i]))];
    sum += std::abs(row[i]);
  }
  auto left = static_cast<int32_t>(std::lrint(kLargeShare * sum));
  for (int32_t magnitude = kMagnitudes - 1; magnitude > 0; --magnitude) {
    const int32_t all = counts[static_cast<size_t>(magnitude)];
    if (all * magnitude >= left) return {magnitude, (left + magnitude / 2) / magnitude};
    left -= all * magnitude;
  }
  return {};
}

}  // namespace

void write_fine_code(const int8_t* row, size_t padded, uint64_t* out) {
  Cut cut = cut_of(row, padded);
  for (size_t word = 0; word < fine_words(padded); ++word) {
    uint64_t bits = 0;
    for (size_t i = 0; i < 64; ++i) {
      const int32_t value = row[64 * word + i];
      const int32_t magnitude = std::abs(value);
      const bool large = magnitude > cut.magnitude || (magnitude == cut.magnitude && cut.count-- > 0);
      bits |= static_cast<uint64_t>(large == (value > 0)) << i;
    }
    out[word] = bits;
  }
}

}  // namespace tau::memory
