// A fixed rotation of vectors. It spreads what stands in few components over all of them, so that eight bits
// a component lose little and one bit, the sign, still tells a direction: without it sparse vectors would be
// lost.
//
// Rounds of random signs and a fast Walsh-Hadamard transform, over the first and the last power of two of the
// components (Ailon and Chazelle 2009). Nothing but additions and powers of two: every CPU gives the same
// bits.
#pragma once

#include <cstddef>

namespace tau::memory {

inline constexpr size_t kVectorAlignment = 64;  // components; a row fills whole cache lines
inline constexpr size_t kMaxVectorDimensions = 8192;

// Components of a rotated vector: the dimensions and zeros behind them.
constexpr size_t padded_dimensions(size_t dimensions) {
  return (dimensions + kVectorAlignment - 1) / kVectorAlignment * kVectorAlignment;
}

// In place; `padded` is a padded_dimensions(). Lengths and angles stay. What it makes is kept in databases:
// it never changes.
void rotate(float* vector, size_t padded);
void rotate_back(float* vector, size_t padded);

}  // namespace tau::memory
