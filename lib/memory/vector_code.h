// Codes of rows: the sign of each component in one bit, laid out for the scan of 32 documents at a time, and
// a gain that makes a row's sum of weights an estimate of its cosine (Gao and Long 2024, RaBitQ).
#pragma once

#include <cstddef>
#include <cstdint>

#include "memory/vector_kernels.h"

namespace tau::memory {

// Of a row that stands at `index` of a span, into its block, where it has no code yet.
void write_code(const int8_t* row, size_t padded, size_t index, VectorLine* blocks);

}  // namespace tau::memory
