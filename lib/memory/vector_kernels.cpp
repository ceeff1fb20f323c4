// Dot products of bytes and sums of weights by codes: plain, and with AVX2 or AVX-512 where the CPU has it.
#include "memory/vector_kernels.h"

#include <algorithm>
#include <cstring>

#if defined(__x86_64__)
#include <immintrin.h>
#endif

namespace tau::memory {
namespace {

constexpr size_t kAhead = 16;  // rows that are fetched before they are needed
constexpr size_t kFineAhead = 48;
constexpr size_t kBlockAhead = 4096;
constexpr size_t kHalf = kBlockDocs / 2;

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

void plain_sums(const uint8_t* block, const CodeQuery& query, uint16_t* sums) {
  std::memset(sums, 0, kBlockDocs * sizeof *sums);
  for (size_t group = 0; group < query.padded / 4; ++group) {
    const uint8_t* codes = block + 16 * group;
    const uint8_t* weights = query.weights + 16 * group;
    for (size_t j = 0; j < kHalf; ++j) {
      sums[j] = static_cast<uint16_t>(sums[j] + weights[codes[j] & 15]);
      sums[j + kHalf] = static_cast<uint16_t>(sums[j + kHalf] + weights[codes[j] >> 4]);
    }
  }
}

void plain_estimate(const VectorLine* blocks, size_t count, const CodeQuery& query, int16_t bar,
                    const uint32_t* eligible, int16_t* estimates, uint32_t* above) {
  for (size_t b = 0; b < count; ++b) {
    above[b] = 0;
    if (eligible[b] == 0) continue;
    const auto* block = reinterpret_cast<const uint8_t*>(blocks + b * block_lines(query.padded));
    uint16_t sums[kBlockDocs];
    uint16_t gains[kBlockDocs];
    plain_sums(block, query, sums);
    std::memcpy(gains, block + gains_offset(query.padded), sizeof gains);
    for (size_t j = 0; j < kBlockDocs; ++j) {
      const int32_t product = (sums[j] - query.middle) * gains[j];
      const auto estimate = static_cast<int16_t>((product + (1 << kGainBits)) >> (kGainBits + 1));
      estimates[b * kBlockDocs + j] = estimate;
      above[b] |= static_cast<uint32_t>(estimate > bar) << j;
    }
    above[b] &= eligible[b];
  }
}

// The sums of all halves of a byte: sixteen for each four weights.
std::vector<int16_t> sums_of_fours(const int8_t* weights, size_t padded) {
  std::vector<int16_t> sums(padded * 4);
  for (size_t four = 0; four < padded / 4; ++four)
    for (size_t bits = 0; bits < 16; ++bits)
      for (size_t i = 0; i < 4; ++i)
        if ((bits >> i & 1) != 0)
          sums[16 * four + bits] = static_cast<int16_t>(sums[16 * four + bits] + weights[4 * four + i]);
  return sums;
}

void fetch_code(const uint64_t* codes, size_t words, const uint32_t* which, size_t i, size_t count) {
  if (i >= count) return;
  for (size_t word = 0; word < words; word += 8) __builtin_prefetch(codes + which[i] * words + word);
}

void plain_fine(const uint64_t* codes, size_t padded, const int8_t* weights, const uint32_t* which,
                size_t count, int32_t* out) {
  const std::vector<int16_t> sums = sums_of_fours(weights, padded);
  const size_t words = padded / 64;
  for (size_t i = 0; i < count; ++i) {
    fetch_code(codes, words, which, i + kFineAhead, count);
    const uint64_t* const code = codes + which[i] * words;
    int32_t sum = 0;
    for (size_t word = 0; word < words; ++word)
      for (size_t half = 0; half < 16; ++half)
        sum += sums[16 * (16 * word + half) + (code[word] >> 4 * half & 15)];
    out[i] = sum;
  }
}

#if defined(__x86_64__)
#define TAU_AVX2 __attribute__((target("avx2")))

TAU_AVX2 inline __m256i load(const void* from) {
  return _mm256_loadu_si256(static_cast<const __m256i*>(from));
}

// The sums of four times eight numbers.
TAU_AVX2 inline __m128i sums_of(__m256i a, __m256i b, __m256i c, __m256i d) {
  const __m256i sums = _mm256_hadd_epi32(_mm256_hadd_epi32(a, b), _mm256_hadd_epi32(c, d));
  return _mm_add_epi32(_mm256_castsi256_si128(sums), _mm256_extracti128_si256(sums, 1));
}

TAU_AVX2 inline __m256i product(const int8_t* row, __m256i values) {
  const __m256i bytes = _mm256_cvtepi8_epi16(_mm_loadu_si128(reinterpret_cast<const __m128i*>(row)));
  return _mm256_madd_epi16(bytes, values);
}

TAU_AVX2 int32_t avx2_dot(const int8_t* row, size_t padded, const int16_t* query) {
  __m256i a = _mm256_setzero_si256();
  __m256i b = a;
  for (size_t j = 0; j < padded; j += 32) {
    a = _mm256_add_epi32(a, product(row + j, load(query + j)));
    b = _mm256_add_epi32(b, product(row + j + 16, load(query + j + 16)));
  }
  a = _mm256_add_epi32(a, b);
  return _mm_cvtsi128_si32(sums_of(a, a, a, a));
}

TAU_AVX2 void avx2_dots(const int8_t* rows, size_t padded, const int16_t* query, const uint32_t* which,
                        size_t count, int32_t* out) {
  const auto row = [&](size_t i) { return rows + which[i < count ? i : count - 1] * padded; };
  size_t i = 0;
  for (; i + 4 <= count; i += 4) {
    const int8_t* const four[4] = {row(i), row(i + 1), row(i + 2), row(i + 3)};
    const int8_t* const later[4] = {row(i + kAhead), row(i + kAhead + 1), row(i + kAhead + 2),
                                    row(i + kAhead + 3)};
    __m256i a = _mm256_setzero_si256();
    __m256i b = a;
    __m256i c = a;
    __m256i d = a;
    for (size_t j = 0; j < padded; j += 64) {
      for (const int8_t* next : later) __builtin_prefetch(next + j);
      for (size_t e = j; e < j + 64; e += 16) {
        const __m256i values = load(query + e);
        a = _mm256_add_epi32(a, product(four[0] + e, values));
        b = _mm256_add_epi32(b, product(four[1] + e, values));
        c = _mm256_add_epi32(c, product(four[2] + e, values));
        d = _mm256_add_epi32(d, product(four[3] + e, values));
      }
    }
    _mm_storeu_si128(reinterpret_cast<__m128i*>(out + i), sums_of(a, b, c, d));
  }
  for (; i < count; ++i) out[i] = avx2_dot(row(i), padded, query);
}

// Sums of sixteen documents, those of even and of odd numbers apart. The upper bytes spill into the even
// ones' way and are taken out at the end.
struct Sums {
  __m256i even;
  __m256i odd;
};

TAU_AVX2 inline void add_bytes(Sums* sums, __m256i bytes) {
  sums->even = _mm256_add_epi16(sums->even, bytes);
  sums->odd = _mm256_add_epi16(sums->odd, _mm256_srli_epi16(bytes, 8));
}

// In the order of the documents.
TAU_AVX2 inline __m256i ordered(const Sums& sums) {
  const __m256i even = _mm256_sub_epi16(sums.even, _mm256_slli_epi16(sums.odd, 8));
  // Of both lanes, which went through different groups.
  const __m128i e = _mm_add_epi16(_mm256_castsi256_si128(even), _mm256_extracti128_si256(even, 1));
  const __m128i o = _mm_add_epi16(_mm256_castsi256_si128(sums.odd), _mm256_extracti128_si256(sums.odd, 1));
  return _mm256_set_m128i(_mm_unpackhi_epi16(e, o), _mm_unpacklo_epi16(e, o));
}

TAU_AVX2 void avx2_estimate(const VectorLine* blocks, size_t count, const CodeQuery& query, int16_t bar,
                            const uint32_t* eligible, int16_t* estimates, uint32_t* above) {
  const __m256i low_half = _mm256_set1_epi8(15);
  const __m256i middle = _mm256_set1_epi16(query.middle);
  const __m256i bars = _mm256_set1_epi16(bar);
  for (size_t b = 0; b < count; ++b) {
    above[b] = 0;
    if (eligible[b] == 0) continue;
    const auto* block = reinterpret_cast<const uint8_t*>(blocks + b * block_lines(query.padded));
    Sums first{_mm256_setzero_si256(), _mm256_setzero_si256()};
    Sums second = first;
    for (size_t at = 0; at < 4 * query.padded; at += 128) {
      __m256i low = _mm256_setzero_si256();
      __m256i high = low;
      for (size_t i = at; i < at + 128; i += 32) {  // four weights fit in a byte
        const __m256i codes = load(block + i);
        if (i % 64 == 0) __builtin_prefetch(block + i + kBlockAhead);
        const __m256i weights = load(query.weights + i);
        low = _mm256_add_epi8(low, _mm256_shuffle_epi8(weights, _mm256_and_si256(codes, low_half)));
        const __m256i upper = _mm256_and_si256(_mm256_srli_epi16(codes, 4), low_half);
        high = _mm256_add_epi8(high, _mm256_shuffle_epi8(weights, upper));
      }
      add_bytes(&first, low);
      add_bytes(&second, high);
    }
    const uint8_t* gains = block + gains_offset(query.padded);
    const __m256i a = _mm256_mulhrs_epi16(_mm256_sub_epi16(ordered(first), middle), load(gains));
    const __m256i z = _mm256_mulhrs_epi16(_mm256_sub_epi16(ordered(second), middle), load(gains + 32));
    _mm256_storeu_si256(reinterpret_cast<__m256i*>(estimates + b * kBlockDocs), a);
    _mm256_storeu_si256(reinterpret_cast<__m256i*>(estimates + b * kBlockDocs + kHalf), z);
    const __m256i both = _mm256_packs_epi16(_mm256_cmpgt_epi16(a, bars), _mm256_cmpgt_epi16(z, bars));
    const int bits = _mm256_movemask_epi8(_mm256_permute4x64_epi64(both, 0xd8));
    above[b] = static_cast<uint32_t>(bits) & eligible[b];
  }
}

// The weights whose bits are set, of thirty-two, in sums of four.
TAU_AVX2 inline __m256i chosen(const uint8_t* bits, __m256i weights) {
  const __m256i byte_of = _mm256_setr_epi8(0, 0, 0, 0, 0, 0, 0, 0, 1, 1, 1, 1, 1, 1, 1, 1,  //
                                           2, 2, 2, 2, 2, 2, 2, 2, 3, 3, 3, 3, 3, 3, 3, 3);
  const __m256i bit_of = _mm256_set1_epi64x(static_cast<int64_t>(0x8040'2010'0804'0201));
  int32_t word;
  std::memcpy(&word, bits, sizeof word);
  const __m256i spread = _mm256_and_si256(_mm256_shuffle_epi8(_mm256_set1_epi32(word), byte_of), bit_of);
  const __m256i taken = _mm256_and_si256(_mm256_cmpeq_epi8(spread, bit_of), weights);
  return _mm256_madd_epi16(_mm256_maddubs_epi16(_mm256_set1_epi8(1), taken), _mm256_set1_epi16(1));
}

TAU_AVX2 void avx2_fine(const uint64_t* codes, size_t padded, const int8_t* weights, const uint32_t* which,
                        size_t count, int32_t* out) {
  const size_t words = padded / 64;
  const auto* const bytes = reinterpret_cast<const uint8_t*>(codes);
  for (size_t i = 0; i < count; i += 4) {
    const uint8_t* four[4];  // the last one again where there are fewer
    for (size_t j = 0; j < 4; ++j) {
      fetch_code(codes, words, which, i + j + kFineAhead, count);
      four[j] = bytes + 8 * words * which[i + j < count ? i + j : count - 1];
    }
    __m256i a = _mm256_setzero_si256();
    __m256i b = a;
    __m256i c = a;
    __m256i d = a;
    for (size_t at = 0; at < padded; at += 32) {
      const __m256i values = load(weights + at);
      a = _mm256_add_epi32(a, chosen(four[0] + at / 8, values));
      b = _mm256_add_epi32(b, chosen(four[1] + at / 8, values));
      c = _mm256_add_epi32(c, chosen(four[2] + at / 8, values));
      d = _mm256_add_epi32(d, chosen(four[3] + at / 8, values));
    }
    int32_t sums[4];
    _mm_storeu_si128(reinterpret_cast<__m128i*>(sums), sums_of(a, b, c, d));
    std::memcpy(out + i, sums, std::min<size_t>(4, count - i) * sizeof *out);
  }
}

#define TAU_AVX512 __attribute__((target("avx2,avx512f,avx512bw,avx512vl,avx512vnni")))

// With a mask that leaves all in: compilers warn of the forms without one.
template <int kWhich>
TAU_AVX512 inline __m256i half_of(__m512i x) {
  return _mm512_maskz_extracti64x4_epi64(0xff, x, kWhich);
}

TAU_AVX512 inline __m512i wide(const int8_t* row) {
  return _mm512_cvtepi8_epi16(_mm256_loadu_si256(reinterpret_cast<const __m256i*>(row)));
}

TAU_AVX512 void avx512_dots(const int8_t* rows, size_t padded, const int16_t* query, const uint32_t* which,
                            size_t count, int32_t* out) {
  for (size_t i = 0; i < count; ++i) {
    const int8_t* const row = rows + which[i] * padded;
    const int8_t* const later = rows + which[i + kAhead < count ? i + kAhead : count - 1] * padded;
    __m512i a = _mm512_setzero_si512();
    __m512i b = a;
    for (size_t j = 0; j < padded; j += 64) {
      __builtin_prefetch(later + j);
      a = _mm512_dpwssd_epi32(a, wide(row + j), _mm512_loadu_si512(query + j));
      b = _mm512_dpwssd_epi32(b, wide(row + j + 32), _mm512_loadu_si512(query + j + 32));
    }
    a = _mm512_add_epi32(a, b);
    const __m256i eight = _mm256_add_epi32(half_of<0>(a), half_of<1>(a));
    out[i] = _mm_cvtsi128_si32(sums_of(eight, eight, eight, eight));
  }
}

// As avx2_estimate, four groups at a time.
struct WideSums {
  __m512i even;
  __m512i odd;
};

TAU_AVX512 inline void add_bytes(WideSums* sums, __m512i bytes) {
  sums->even = _mm512_add_epi16(sums->even, bytes);
  sums->odd = _mm512_add_epi16(sums->odd, _mm512_srli_epi16(bytes, 8));
}

TAU_AVX512 inline __m256i halves(__m512i sums) {
  return _mm256_add_epi16(half_of<0>(sums), half_of<1>(sums));
}

TAU_AVX512 void avx512_estimate(const VectorLine* blocks, size_t count, const CodeQuery& query, int16_t bar,
                                const uint32_t* eligible, int16_t* estimates, uint32_t* above) {
  const __m512i low_half = _mm512_set1_epi8(15);
  const __m256i middle = _mm256_set1_epi16(query.middle);
  const __m256i bars = _mm256_set1_epi16(bar);
  for (size_t b = 0; b < count; ++b) {
    above[b] = 0;
    if (eligible[b] == 0) continue;
    const auto* block = reinterpret_cast<const uint8_t*>(blocks + b * block_lines(query.padded));
    WideSums first{_mm512_setzero_si512(), _mm512_setzero_si512()};
    WideSums second = first;
    for (size_t at = 0; at < 4 * query.padded; at += 256) {
      __m512i low = _mm512_setzero_si512();
      __m512i high = low;
      for (size_t i = at; i < at + 256; i += 64) {  // four weights fit in a byte
        const __m512i codes = _mm512_loadu_si512(block + i);
        __builtin_prefetch(block + i + kBlockAhead);
        const __m512i weights = _mm512_loadu_si512(query.weights + i);
        low = _mm512_add_epi8(low, _mm512_shuffle_epi8(weights, _mm512_and_si512(codes, low_half)));
        const __m512i upper = _mm512_and_si512(_mm512_srli_epi16(codes, 4), low_half);
        high = _mm512_add_epi8(high, _mm512_shuffle_epi8(weights, upper));
      }
      add_bytes(&first, low);
      add_bytes(&second, high);
    }
    const uint8_t* gains = block + gains_offset(query.padded);
    const __m256i x = ordered({halves(first.even), halves(first.odd)});
    const __m256i y = ordered({halves(second.even), halves(second.odd)});
    const __m256i a = _mm256_mulhrs_epi16(_mm256_sub_epi16(x, middle), load(gains));
    const __m256i z = _mm256_mulhrs_epi16(_mm256_sub_epi16(y, middle), load(gains + 32));
    _mm256_storeu_si256(reinterpret_cast<__m256i*>(estimates + b * kBlockDocs), a);
    _mm256_storeu_si256(reinterpret_cast<__m256i*>(estimates + b * kBlockDocs + kHalf), z);
    const uint32_t bits =
        uint32_t{_mm256_cmpgt_epi16_mask(z, bars)} << kHalf | _mm256_cmpgt_epi16_mask(a, bars);
    above[b] = bits & eligible[b];
  }
}

TAU_AVX512 inline __m256i folded(__m512i sums) {
  return _mm256_add_epi32(half_of<0>(sums), half_of<1>(sums));
}

TAU_AVX512 void avx512_fine(const uint64_t* codes, size_t padded, const int8_t* weights,
                            const uint32_t* which, size_t count, int32_t* out) {
  const size_t words = padded / 64;
  const __m512i ones = _mm512_set1_epi8(1);
  const auto code = [&](size_t i) { return codes + words * which[i < count ? i : count - 1]; };
  for (size_t i = 0; i < count; i += 4) {  // the last one again where there are fewer
    for (size_t j = 0; j < 4; ++j) fetch_code(codes, words, which, i + j + kFineAhead, count);
    const uint64_t* const four[4] = {code(i), code(i + 1), code(i + 2), code(i + 3)};
    __m512i a = _mm512_setzero_si512();
    __m512i b = a;
    __m512i c = a;
    __m512i d = a;
    for (size_t word = 0; word < words; ++word) {
      const __m512i values = _mm512_loadu_si512(weights + 64 * word);
      a = _mm512_dpbusd_epi32(a, _mm512_maskz_mov_epi8(four[0][word], ones), values);
      b = _mm512_dpbusd_epi32(b, _mm512_maskz_mov_epi8(four[1][word], ones), values);
      c = _mm512_dpbusd_epi32(c, _mm512_maskz_mov_epi8(four[2][word], ones), values);
      d = _mm512_dpbusd_epi32(d, _mm512_maskz_mov_epi8(four[3][word], ones), values);
    }
    int32_t sums[4];
    _mm_storeu_si128(reinterpret_cast<__m128i*>(sums), sums_of(folded(a), folded(b), folded(c), folded(d)));
    std::memcpy(out + i, sums, std::min<size_t>(4, count - i) * sizeof *out);
  }
}
#endif

}  // namespace

const VectorKernels& portable_vector_kernels() {
  static constexpr VectorKernels kKernels{plain_dots, plain_estimate, plain_fine};
  return kKernels;
}

std::vector<const VectorKernels*> all_vector_kernels() {
  std::vector<const VectorKernels*> all = {&portable_vector_kernels()};
#if defined(__x86_64__)
  static constexpr VectorKernels kAvx2{avx2_dots, avx2_estimate, avx2_fine};
  static constexpr VectorKernels kAvx512{avx512_dots, avx512_estimate, avx512_fine};
  if (__builtin_cpu_supports("avx2") == 0) return all;
  all.push_back(&kAvx2);
  if (__builtin_cpu_supports("avx512bw") != 0 && __builtin_cpu_supports("avx512vl") != 0 &&
      __builtin_cpu_supports("avx512vnni") != 0)
    all.push_back(&kAvx512);
#endif
  return all;
}

const VectorKernels& vector_kernels() {
  static const VectorKernels* const fastest = all_vector_kernels().back();
  return *fastest;
}

}  // namespace tau::memory
