// The making of codes.
#include "memory/vector_code.h"

#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <cstring>

namespace tau::memory {
namespace {

// The inverse of the cosine between a row and its signs, which is 1.25 for most: with 14 bits behind the
// point.
uint16_t gain_of(const int8_t* row, size_t padded) {
  int64_t sum = 0;
  int64_t squares = 0;
  for (size_t i = 0; i < padded; ++i) {
    sum += std::abs(row[i]);
    squares += row[i] * row[i];
  }
  if (sum == 0) return 0;
  const double length = std::sqrt(static_cast<double>(squares)) * std::sqrt(static_cast<double>(padded));
  const auto gain = std::lrint(length / static_cast<double>(sum) * (1 << kGainBits));
  return static_cast<uint16_t>(std::min<long>(gain, INT16_MAX));
}

}  // namespace

void write_code(const int8_t* row, size_t padded, size_t index, VectorLine* blocks) {
  auto* block = reinterpret_cast<uint8_t*>(blocks + index / kBlockDocs * block_lines(padded));
  const size_t doc = index % kBlockDocs;
  const int shift = doc < 16 ? 0 : 4;
  uint8_t* out = block + doc % 16;
  for (size_t i = 0; i < padded; i += 4, out += 16) {
    const int signs = (row[i] > 0) | (row[i + 1] > 0) << 1 | (row[i + 2] > 0) << 2 | (row[i + 3] > 0) << 3;
    *out = static_cast<uint8_t>(*out | signs << shift);
  }
  const uint16_t gain = gain_of(row, padded);
  std::memcpy(block + gains_offset(padded) + doc * sizeof gain, &gain, sizeof gain);
}

}  // namespace tau::memory
