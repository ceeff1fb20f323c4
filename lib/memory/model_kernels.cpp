// The kernels for each instruction set, and the choice among them.
#include "memory/model_kernels.h"

#include <algorithm>
#include <numeric>

#include "memory/model_float.h"

#if defined(__x86_64__)
#include <immintrin.h>
#endif

#pragma GCC diagnostic ignored "-Wpsabi"

namespace tau::memory {
namespace {

// Quantises rows and keeps what the products need of them.
template <float (*Row)(const float*, size_t, int8_t*, int32_t*)>
TAU_INLINE void quantise_rows(const float* in, size_t rows, size_t columns, size_t stride, QuantRows* out) {
  out->columns = columns;
  for (size_t r = 0; r < rows; ++r) {
    int8_t* bytes = out->bytes.data() + r * columns;
    int16_t* words = out->words.data() + r * columns;
    out->scales[r] = Row(in + r * stride, columns, bytes, &out->zeros[r]);
    int32_t sum = 0;
    for (size_t i = 0; i < columns; ++i) {
      words[i] = bytes[i];
      sum += bytes[i];
    }
    out->sums[r] = sum;
  }
}

TAU_INLINE void finish_tile(const int32_t* sums, const QuantRows& rows, size_t row, const QuantMatrix& matrix,
                            size_t first, size_t count, float* out) {
  const int32_t shift = 128 * rows.sums[row];  // weights are stored 128 too high
  for (size_t o = 0; o < count; o += kLanes) {
    Ints sum;
    Ints of_weights;
    std::memcpy(&sum, sums + o, sizeof(sum));
    std::memcpy(&of_weights, matrix.sums() + first + o, sizeof(of_weights));
    finish_lanes(sum - shift - of_weights * rows.zeros[row], rows.scales[row], matrix.scales() + first + o,
                 matrix.biases() + first + o, out + row * matrix.stride() + first + o);
  }
}

namespace scalar {

float quantise_one(const float* in, size_t count, int8_t* out, int32_t* zero) {
  return quantise_body(in, count, out, zero);
}

void quantise(const float* in, size_t rows, size_t columns, size_t stride, QuantRows* out) {
  quantise_rows<quantise_one>(in, rows, columns, stride, out);
}

void multiply(const QuantRows& rows, size_t count, const QuantMatrix& matrix, float* out) {
  const size_t ins = matrix.ins();
  for (size_t first = 0; first < matrix.stride(); first += kTile) {
    for (size_t r = 0; r < count; ++r) {
      const int8_t* row = rows.bytes.data() + r * ins;
      int32_t sums[kTile] = {};
      const uint8_t* at = matrix.tile(first);
      for (size_t k = 0; k < ins; k += 4) {
        for (size_t o = 0; o < kTile; ++o, at += 4)
          sums[o] += row[k] * at[0] + row[k + 1] * at[1] + row[k + 2] * at[2] + row[k + 3] * at[3];
      }
      finish_tile(sums, rows, r, matrix, first, kTile, out);
    }
  }
}

void normalise(float* in, const float* add, size_t rows, size_t columns, size_t add_stride,
               const float* weight, const float* bias, float epsilon) {
  normalise_body(in, add, rows, columns, add_stride, weight, bias, epsilon);
}
void gelu(float* values, size_t count) { gelu_body(values, count); }
void attend(const float* qkv, size_t tokens, size_t stride, size_t heads, size_t width, float* scratch,
            float* out) {
  attend_body(qkv, tokens, stride, heads, width, scratch, out);
}

constexpr Kernels kTable{quantise, multiply, normalise, gelu, attend};

}  // namespace scalar

#if defined(__x86_64__)
namespace avx2 {

#define TAU_AVX2 __attribute__((target("avx2")))

TAU_AVX2 float quantise_one(const float* in, size_t count, int8_t* out, int32_t* zero) {
  return quantise_body(in, count, out, zero);
}

TAU_AVX2 void quantise(const float* in, size_t rows, size_t columns, size_t stride, QuantRows* out) {
  quantise_rows<quantise_one>(in, rows, columns, stride, out);
}

constexpr size_t kOuts = 16;  // of one pass: four registers a row

// Each register holds the sums of even and odd pairs of inputs for four outputs.
template <size_t kRows>
TAU_AVX2 void multiply_rows(const QuantRows& rows, size_t row, const QuantMatrix& matrix, size_t first,
                            size_t part, float* out) {
  const size_t ins = matrix.ins();
  const int16_t* a = rows.words.data() + row * ins;
  const uint8_t* w = matrix.tile(first) + part * 4;
  __m256i sums[kRows][4];
  TAU_UNROLL
  for (size_t r = 0; r < kRows; ++r) {
    TAU_UNROLL
    for (size_t i = 0; i < 4; ++i) sums[r][i] = _mm256_setzero_si256();
  }
  for (size_t k = 0; k < ins; k += 4, w += kTile * 4) {
    __m256i weights[4];
    TAU_UNROLL
    for (size_t i = 0; i < 4; ++i)
      weights[i] = _mm256_cvtepu8_epi16(_mm_loadu_si128(reinterpret_cast<const __m128i*>(w + 16 * i)));
    TAU_UNROLL
    for (size_t r = 0; r < kRows; ++r) {
      long long four;
      std::memcpy(&four, a + r * ins + k, sizeof(four));
      const __m256i inputs = _mm256_set1_epi64x(four);
      TAU_UNROLL
      for (size_t i = 0; i < 4; ++i)
        sums[r][i] = _mm256_add_epi32(sums[r][i], _mm256_madd_epi16(inputs, weights[i]));
    }
  }
  TAU_UNROLL
  for (size_t r = 0; r < kRows; ++r) {
    alignas(32) int32_t whole[kOuts];
    TAU_UNROLL
    for (size_t i = 0; i < 4; i += 2) {
      const __m256i pairs = _mm256_hadd_epi32(sums[r][i], sums[r][i + 1]);  // outputs 0 1 4 5 2 3 6 7
      _mm256_store_si256(reinterpret_cast<__m256i*>(whole + 4 * i), _mm256_permute4x64_epi64(pairs, 0xd8));
    }
    finish_tile(whole, rows, row + r, matrix, first + part, kOuts, out);
  }
}

TAU_AVX2 void multiply(const QuantRows& rows, size_t count, const QuantMatrix& matrix, float* out) {
  for (size_t first = 0; first < matrix.stride(); first += kTile) {
    for (size_t part = 0; part < kTile; part += kOuts) {
      size_t r = 0;
      for (; r + 2 <= count; r += 2) multiply_rows<2>(rows, r, matrix, first, part, out);
      if (r < count) multiply_rows<1>(rows, r, matrix, first, part, out);
    }
  }
}

TAU_AVX2 void normalise(float* in, const float* add, size_t rows, size_t columns, size_t add_stride,
                        const float* weight, const float* bias, float epsilon) {
  normalise_body(in, add, rows, columns, add_stride, weight, bias, epsilon);
}
TAU_AVX2 void gelu(float* values, size_t count) { gelu_body(values, count); }
TAU_AVX2 void attend(const float* qkv, size_t tokens, size_t stride, size_t heads, size_t width,
                     float* scratch, float* out) {
  attend_body(qkv, tokens, stride, heads, width, scratch, out);
}

constexpr Kernels kTable{quantise, multiply, normalise, gelu, attend};

}  // namespace avx2

namespace vnni {

#define TAU_VNNI __attribute__((target("avx2,avx512f,avx512bw,avx512vl,avx512vnni")))

template <size_t kRows>
TAU_VNNI void multiply_rows(const QuantRows& rows, size_t row, const QuantMatrix& matrix, size_t first,
                            float* out) {
  const size_t ins = matrix.ins();
  const int8_t* a = rows.bytes.data() + row * ins;
  const uint8_t* w = matrix.tile(first);
  __m512i sums[kRows][4];
  TAU_UNROLL
  for (size_t r = 0; r < kRows; ++r) {
    TAU_UNROLL
    for (size_t i = 0; i < 4; ++i) sums[r][i] = _mm512_setzero_si512();
  }
  for (size_t k = 0; k < ins; k += 4, w += kTile * 4) {
    __m512i weights[4];
    TAU_UNROLL
    for (size_t i = 0; i < 4; ++i) weights[i] = _mm512_loadu_si512(w + 64 * i);
    TAU_UNROLL
    for (size_t r = 0; r < kRows; ++r) {
      int32_t four;
      std::memcpy(&four, a + r * ins + k, sizeof(four));
      const __m512i inputs = _mm512_set1_epi32(four);
      TAU_UNROLL
      for (size_t i = 0; i < 4; ++i) sums[r][i] = _mm512_dpbusd_epi32(sums[r][i], weights[i], inputs);
    }
  }
  TAU_UNROLL
  for (size_t r = 0; r < kRows; ++r) {
    alignas(64) int32_t whole[kTile];
    TAU_UNROLL
    for (size_t i = 0; i < 4; ++i) _mm512_store_si512(whole + 16 * i, sums[r][i]);
    finish_tile(whole, rows, row + r, matrix, first, kTile, out);
  }
}

TAU_VNNI void multiply(const QuantRows& rows, size_t count, const QuantMatrix& matrix, float* out) {
  for (size_t first = 0; first < matrix.stride(); first += kTile) {
    size_t r = 0;
    for (; r + 6 <= count; r += 6) multiply_rows<6>(rows, r, matrix, first, out);
    for (; r + 2 <= count; r += 2) multiply_rows<2>(rows, r, matrix, first, out);
    if (r < count) multiply_rows<1>(rows, r, matrix, first, out);
  }
}

constexpr Kernels kTable{avx2::quantise, multiply, avx2::normalise, avx2::gelu, avx2::attend};

}  // namespace vnni
#endif

}  // namespace

Simd best_simd() {
#if defined(__x86_64__)
  static const Simd best = [] {
    if (__builtin_cpu_supports("avx2") == 0) return Simd::kScalar;
    const bool wide = __builtin_cpu_supports("avx512bw") != 0 && __builtin_cpu_supports("avx512vl") != 0 &&
                      __builtin_cpu_supports("avx512vnni") != 0;
    return wide ? Simd::kVnni : Simd::kAvx2;
  }();
  return best;
#else
  return Simd::kScalar;
#endif
}

const Kernels& kernels(Simd simd) {
#if defined(__x86_64__)
  if (simd == Simd::kVnni) return vnni::kTable;
  if (simd == Simd::kAvx2) return avx2::kTable;
#endif
  (void)simd;
  return scalar::kTable;
}

size_t attend_scratch(size_t tokens, size_t width) {
  const size_t padded = round_up(tokens, kLanes);
  return width * padded + padded + width;
}

float quantise_row(const float* in, size_t count, int8_t* out) {
  std::vector<float> padded(round_up(count, kLanes));
  std::vector<int8_t> bytes(padded.size());
  std::copy_n(in, count, padded.data());
  float least = 0;
  float largest = 0;
  range_of(padded.data(), padded.size(), &least, &largest);
  const float most = std::max(-least, largest);
  const bool usable = usable_range(most);
  if (usable) quantise_by(padded.data(), padded.size(), 127.0F / most, 0.0F, -127.0F, bytes.data());
  std::copy_n(bytes.data(), count, out);
  return usable ? most / 127.0F : 0.0F;
}

void QuantRows::reserve(size_t rows, size_t most_columns) {
  bytes.resize(rows * most_columns);
  words.resize(rows * most_columns);
  scales.resize(rows);
  zeros.resize(rows);
  sums.resize(rows);
}

QuantMatrix::QuantMatrix(size_t outs, size_t ins)
    : outs_(outs),
      ins_(ins),
      packed_(stride() * ins, uint8_t{128}),
      scales_(stride()),
      biases_(stride()),
      sums_(stride()) {}

void QuantMatrix::set_row(size_t out, const int8_t* values, float scale, float bias) {
  uint8_t* tile = packed_.data() + out / kTile * kTile * ins_;
  for (size_t k = 0; k < ins_; ++k)
    tile[k / 4 * kTile * 4 + out % kTile * 4 + k % 4] = static_cast<uint8_t>(values[k] + 128);
  sums_[out] = std::accumulate(values, values + ins_, int32_t{0});
  scales_[out] = scale;
  biases_[out] = bias;
}

}  // namespace tau::memory
