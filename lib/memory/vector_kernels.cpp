// Dot products of bytes: plain, and with AVX2 where the CPU has it.
#include "memory/vector_kernels.h"

#if defined(__x86_64__)
#include <immintrin.h>
#endif

namespace tau::memory {
namespace {

constexpr size_t kAhead = 4;  // rows that are fetched before they are needed

void fetch(const int8_t* row, size_t padded) {
  for (size_t i = 0; i < padded; i += 64) __builtin_prefetch(row + i);
}

void plain_dots(const int8_t* rows, size_t padded, const int16_t* query, const uint32_t* which, size_t count,
                int32_t* out) {
  for (size_t i = 0; i < count; ++i) {
    if (i + kAhead < count) fetch(rows + which[i + kAhead] * padded, padded);
    const int8_t* row = rows + which[i] * padded;
    int32_t sum = 0;
    for (size_t j = 0; j < padded; ++j) sum += row[j] * query[j];
    out[i] = sum;
  }
}

#if defined(__x86_64__)
__attribute__((target("avx2"))) int32_t sum_of(__m256i x) {
  const __m128i four = _mm_add_epi32(_mm256_castsi256_si128(x), _mm256_extracti128_si256(x, 1));
  const __m128i two = _mm_add_epi32(four, _mm_shuffle_epi32(four, 0x4e));
  return _mm_cvtsi128_si32(_mm_add_epi32(two, _mm_shuffle_epi32(two, 0xb1)));
}

__attribute__((target("avx2"))) __m256i product(const int8_t* row, const int16_t* values) {
  const __m256i bytes = _mm256_cvtepi8_epi16(_mm_loadu_si128(reinterpret_cast<const __m128i*>(row)));
  return _mm256_madd_epi16(bytes, _mm256_loadu_si256(reinterpret_cast<const __m256i*>(values)));
}

__attribute__((target("avx2"))) void avx2_dots(const int8_t* rows, size_t padded, const int16_t* query,
                                               const uint32_t* which, size_t count, int32_t* out) {
  for (size_t i = 0; i < count; ++i) {
    if (i + kAhead < count) fetch(rows + which[i + kAhead] * padded, padded);
    const int8_t* row = rows + which[i] * padded;
    __m256i even = _mm256_setzero_si256();
    __m256i odd = _mm256_setzero_si256();
    for (size_t j = 0; j < padded; j += 32) {
      even = _mm256_add_epi32(even, product(row + j, query + j));
      odd = _mm256_add_epi32(odd, product(row + j + 16, query + j + 16));
    }
    out[i] = sum_of(_mm256_add_epi32(even, odd));
  }
}
#endif

}  // namespace

const VectorKernels& portable_vector_kernels() {
  static constexpr VectorKernels kKernels{plain_dots};
  return kKernels;
}

const VectorKernels& vector_kernels() {
#if defined(__x86_64__)
  static constexpr VectorKernels kAvx2{avx2_dots};
  static const bool has_avx2 = __builtin_cpu_supports("avx2") != 0;
  if (has_avx2) return kAvx2;
#endif
  return portable_vector_kernels();
}

}  // namespace tau::memory
