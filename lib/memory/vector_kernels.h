// The two inner loops of vector search, for this CPU and without its help. Both give the same bits.
#pragma once

#include <cstddef>
#include <cstdint>

namespace tau::memory {

// Vector data is kept in whole cache lines.
struct alignas(64) VectorLine {
  uint8_t bytes[64];
};

// Codes stand in blocks of 32 documents: padded / 4 groups of 16 bytes, of which byte j holds the signs of
// four components of document j in its low half and of document j + 16 in its high half; then 32 gains.
inline constexpr size_t kBlockDocs = 32;
constexpr size_t block_lines(size_t padded) { return padded / 16 + 1; }
constexpr size_t row_lines(size_t padded) { return padded / 64; }

struct VectorKernels {
  // out[i] = the dot product of row which[i] with the query. Rows are `padded` bytes apart.
  void (*dots)(const int8_t* rows, size_t padded, const int16_t* query, const uint32_t* which, size_t count,
               int32_t* out);
};

const VectorKernels& portable_vector_kernels();
// The fastest that this CPU can run.
const VectorKernels& vector_kernels();

}  // namespace tau::memory
