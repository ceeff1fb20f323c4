// Fine codes of rows: a second bit a component. It tells large components from small ones, and together with
// the sign, of which codes are made, it halves the error of an estimate. Fine codes stand one behind the
// other, for only those of documents that are likely are looked at.
#pragma once

#include <cstddef>
#include <cstdint>

#include "memory/vector_rotation.h"

namespace tau::memory {

constexpr size_t fine_words(size_t padded) { return padded / 64; }

// A row is like two times its signs and once the signs of its fine code. The large components are those that
// have this share of the sum of all magnitudes: where rows are cut like this the large and the small ones are
// in the mean as 3 to 1, as suits components that are spread as a rotation spreads them (Max 1960), and signs
// and fine code have the same weight in each row.
inline constexpr double kLargeShare = 0.619;
// A bit is 1 where a component is positive and large, and where it is not positive and small.
void write_fine_code(const int8_t* row, size_t padded, uint64_t* out);

// How much the estimate by the signs counts in one by both, and how much the sum of components of a query
// of length 1 by the signs of the fine code, times the root of the number of components.
inline constexpr double kSignsPart = 2 / (2 + (2 * kLargeShare - 1));
inline constexpr double kMeanMagnitude = 0.79788;  // the root of 2 / pi: that of rotated components
inline constexpr double kFinePart = kSignsPart / (2 * kMeanMagnitude);

}  // namespace tau::memory
