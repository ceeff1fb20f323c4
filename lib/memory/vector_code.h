// Codes of rows: the sign of each component in one bit, laid out for the scan of 32 documents at a time, and
// a gain that makes a row's sum of weights an estimate of its cosine (Gao and Long 2024, RaBitQ).
#pragma once

#include <cstddef>
#include <cstdint>

#include "memory/vector_kernels.h"

namespace tau::memory {

// Bits behind the point of a gain.
inline constexpr int kGainBits = 14;

// Of a row that stands at `index` of a span, into its block, where it has no code yet.
void write_code(const int8_t* row, size_t padded, size_t index, VectorLine* blocks);

// Where the gains of a block stand, as uint16_t.
constexpr size_t gains_offset(size_t padded) { return padded * 4; }

}  // namespace tau::memory
