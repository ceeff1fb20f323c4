// The three inner loops of vector search, for this CPU and without its help. Both give the same bits.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

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

// Where the gains of a block stand, as uint16_t with kGainBits behind the point.
constexpr size_t gains_offset(size_t padded) { return padded * 4; }
inline constexpr int kGainBits = 14;

struct CodeQuery {
  size_t padded = 0;
  const uint8_t* weights = nullptr;  // 16 for each group
  int16_t middle = 0;
};

struct VectorKernels {
  // out[i] = the dot product of row which[i] with the query. Rows are `padded` bytes apart.
  void (*dots)(const int8_t* rows, size_t padded, const int16_t* query, const uint32_t* which, size_t count,
               int32_t* out);
  // Estimates of a run of blocks. estimates[32 * b + j] is of document j of block b: its sum of weights less
  // the middle, times its gain. Bit j of above[b] is set where it is more than `bar` and bit j of eligible[b]
  // is set. Blocks without an eligible document are passed over: their estimates are not written.
  void (*estimate)(const VectorLine* blocks, size_t count, const CodeQuery& query, int16_t bar,
                   const uint32_t* eligible, int16_t* estimates, uint32_t* above);
  // out[i] = the sum of the weights where fine code which[i] has a 1. There are `padded` weights, codes are
  // padded / 64 words apart.
  void (*fine)(const uint64_t* codes, size_t padded, const int8_t* weights, const uint32_t* which,
               size_t count, int32_t* out);
};

const VectorKernels& portable_vector_kernels();
// Those that this CPU can run, the fastest last.
std::vector<const VectorKernels*> all_vector_kernels();
// The fastest that this CPU can run.
const VectorKernels& vector_kernels();

}  // namespace tau::memory
