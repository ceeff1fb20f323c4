// The float part of the kernels, eight lanes at a time. Compiled once for every instruction set: all is
// inlined into functions that say which. Neither order nor contraction differs between them. Private to
// model_kernels.
#pragma once

#include <cmath>
#include <cstddef>
#include <cstdint>
#include <cstring>

#include "memory/model_kernels.h"

#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wpsabi"

namespace tau::memory {

using Floats = float __attribute__((vector_size(32)));
using Ints = int32_t __attribute__((vector_size(32)));
#define TAU_INLINE __attribute__((always_inline)) inline
// Before a loop of a few steps over an array: without it the array lies in memory and not in registers.
#if defined(__clang__)
#define TAU_UNROLL _Pragma("clang loop unroll(full)")
#else
#define TAU_UNROLL _Pragma("GCC unroll 8")
#endif

TAU_INLINE void load(const float* at, Floats& out) { std::memcpy(&out, at, sizeof(out)); }
TAU_INLINE void store(const Floats& value, float* at) { std::memcpy(at, &value, sizeof(value)); }
TAU_INLINE void fill(float value, Floats& out) { out = Floats{} + value; }

TAU_INLINE float sum_lanes(const Floats& v) {
  return ((v[0] + v[4]) + (v[1] + v[5])) + ((v[2] + v[6]) + (v[3] + v[7]));
}

// The nearest whole number, ties to even, of |x| < 2^22.
TAU_INLINE void round_lanes(Floats& x) {
  constexpr float kMagic = 12582912.0F;  // 1.5 * 2^23: its lowest bit is worth 1
  x = (x + kMagic) - kMagic;
}

// e^x for x <= 0, relative error below 1e-7; below -87 it is about 1e-38.
TAU_INLINE void exp_lanes(Floats& x) {
  Floats lowest;
  fill(-87.0F, lowest);
  x = x < lowest ? lowest : x;
  Floats n = x * 1.44269504088896341F;
  round_lanes(n);
  const Floats r = (x - n * 0.693359375F) - n * -2.12194440e-4F;
  // Minimax polynomial of Cephes' expf.
  Floats p = r * 1.9875691500e-4F + 1.3981999507e-3F;
  p = p * r + 8.3334519073e-3F;
  p = p * r + 4.1665795894e-2F;
  p = p * r + 1.6666665459e-1F;
  p = p * r + 5.0000001201e-1F;
  p = (p * (r * r) + r) + 1.0F;
  const Ints power = (__builtin_convertvector(n, Ints) + 127) << 23;
  Floats scale;
  std::memcpy(&scale, &power, sizeof(scale));
  x = p * scale;
}

// x * Phi(x) with erf of Abramowitz and Stegun 7.1.26 (absolute error 1.5e-7).
TAU_INLINE void gelu_lanes(Floats& x) {
  const Floats zero = {};
  const Floats a = (x < zero ? -x : x) * 0.70710678118654752F;
  const Floats t = 1.0F / (a * 0.3275911F + 1.0F);
  Floats e = -(a * a);
  exp_lanes(e);
  Floats p = t * 1.061405429F + -1.453152027F;
  p = p * t + 1.421413741F;
  p = p * t + -0.284496736F;
  p = p * t + 0.254829592F;
  const Floats erf = 1.0F - (p * t) * e;
  const Floats both = x < zero ? -erf : erf;
  x = (x * 0.5F) * (both + 1.0F);
}

TAU_INLINE void gelu_body(float* values, size_t count) {
  for (size_t i = 0; i < count; i += kLanes) {
    Floats x;
    load(values + i, x);
    gelu_lanes(x);
    store(x, values + i);
  }
}

TAU_INLINE void normalise_body(float* in, const float* add, size_t rows, size_t columns, size_t add_stride,
                               const float* weight, const float* bias, float epsilon) {
  const auto n = static_cast<float>(columns);
  for (size_t r = 0; r < rows; ++r) {
    float* row = in + r * columns;
    Floats sum = {};
    Floats x;
    Floats y;
    for (size_t i = 0; i < columns; i += kLanes) {
      load(row + i, x);
      if (add != nullptr) {
        load(add + r * add_stride + i, y);
        x = x + y;
        store(x, row + i);
      }
      sum = sum + x;
    }
    const float mean = sum_lanes(sum) / n;
    sum = Floats{};
    for (size_t i = 0; i < columns; i += kLanes) {
      load(row + i, x);
      x = x - mean;
      sum = sum + x * x;
    }
    const float scale = 1.0F / std::sqrt(sum_lanes(sum) / n + epsilon);
    Floats w;
    for (size_t i = 0; i < columns; i += kLanes) {
      load(row + i, x);
      load(weight + i, w);
      load(bias + i, y);
      x = ((x - mean) * scale) * w + y;
      store(x, row + i);
    }
  }
}

// Scores of eight keys or more at a time: one sum waits for the last addition, others need not.
template <size_t kBlocks>
TAU_INLINE void score_keys(const float* query, const float* keys, size_t padded, size_t width,
                           float* scores) {
  Floats sums[kBlocks] = {};
  for (size_t d = 0; d < width; ++d) {
    Floats k;
    TAU_UNROLL
    for (size_t b = 0; b < kBlocks; ++b) {
      load(keys + d * padded + b * kLanes, k);
      sums[b] = sums[b] + k * query[d];
    }
  }
  TAU_UNROLL
  for (size_t b = 0; b < kBlocks; ++b) store(sums[b], scores + b * kLanes);
}

// The same of what values add up to, by their scores.
template <size_t kBlocks>
TAU_INLINE void add_values(const float* values, size_t tokens, size_t stride, const float* scores,
                           float scale, float* out) {
  Floats totals[kBlocks] = {};
  for (size_t j = 0; j < tokens; ++j) {
    Floats v;
    TAU_UNROLL
    for (size_t b = 0; b < kBlocks; ++b) {
      load(values + j * stride + b * kLanes, v);
      totals[b] = totals[b] + v * scores[j];
    }
  }
  TAU_UNROLL
  for (size_t b = 0; b < kBlocks; ++b) store(totals[b] * scale, out + b * kLanes);
}

// One head: scores of a query against all keys, softmax, sum of values. `keys` is [width][padded], `scores`
// padded.
TAU_INLINE void attend_query(const float* query, const float* keys, const float* values, size_t tokens,
                             size_t padded, size_t stride, size_t width, float* scores, float* out) {
  Floats most;
  fill(-1e30F, most);
  size_t key = 0;
  for (; key + 4 * kLanes <= padded; key += 4 * kLanes)
    score_keys<4>(query, keys + key, padded, width, scores + key);
  for (; key < padded; key += kLanes) score_keys<1>(query, keys + key, padded, width, scores + key);
  for (size_t j = tokens; j < padded; ++j) scores[j] = -1e30F;
  Floats s;
  for (size_t j = 0; j < padded; j += kLanes) {
    load(scores + j, s);
    most = s > most ? s : most;
  }
  float top = most[0];
  for (size_t i = 1; i < kLanes; ++i) top = most[i] > top ? most[i] : top;
  Floats sum = {};
  for (size_t j = 0; j < padded; j += kLanes) {
    load(scores + j, s);
    s = s - top;
    exp_lanes(s);
    store(s, scores + j);
    sum = sum + s;
  }
  const float scale = 1.0F / sum_lanes(sum);
  size_t d = 0;
  for (; d + 4 * kLanes <= width; d += 4 * kLanes)
    add_values<4>(values + d, tokens, stride, scores, scale, out + d);
  for (; d < width; d += kLanes) add_values<1>(values + d, tokens, stride, scores, scale, out + d);
}

TAU_INLINE void attend_body(const float* qkv, size_t tokens, size_t stride, size_t heads, size_t width,
                            float* scratch, float* out) {
  const size_t padded = round_up(tokens, kLanes);
  const size_t hidden = heads * width;
  const float scale = 1.0F / std::sqrt(static_cast<float>(width));
  float* keys = scratch;
  float* scores = keys + width * padded;
  float* query = scores + padded;
  for (size_t h = 0; h < heads; ++h) {
    const float* key = qkv + hidden + h * width;
    for (size_t d = 0; d < width; ++d) {
      for (size_t j = 0; j < padded; ++j) keys[d * padded + j] = j < tokens ? key[j * stride + d] : 0;
    }
    for (size_t i = 0; i < tokens; ++i) {
      for (size_t d = 0; d < width; ++d) query[d] = qkv[i * stride + h * width + d] * scale;
      attend_query(query, keys, qkv + 2 * hidden + h * width, tokens, padded, stride, width, scores,
                   out + i * hidden + h * width);
    }
  }
}

// The largest of |values|, or the least and the largest of values and 0.
TAU_INLINE void range_of(const float* in, size_t count, float* least, float* largest) {
  Floats low = {};
  Floats high = {};
  Floats x;
  for (size_t i = 0; i < count; i += kLanes) {
    load(in + i, x);
    low = x < low ? x : low;
    high = x > high ? x : high;
  }
  *least = 0;
  *largest = 0;
  for (size_t i = 0; i < kLanes; ++i) {
    *least = low[i] < *least ? low[i] : *least;
    *largest = high[i] > *largest ? high[i] : *largest;
  }
}

// out = round(in * by) + zero, within [least, 127].
TAU_INLINE void quantise_by(const float* in, size_t count, float by, float zero, float least, int8_t* out) {
  Floats x;
  Floats low;
  Floats high;
  fill(least, low);
  fill(127.0F, high);
  for (size_t i = 0; i < count; i += kLanes) {
    load(in + i, x);
    x = x * by;
    round_lanes(x);
    x = x + zero;
    x = x < low ? low : x;
    x = x > high ? high : x;
    const Ints n = __builtin_convertvector(x, Ints);
    for (size_t j = 0; j < kLanes; ++j) out[i + j] = static_cast<int8_t>(n[j]);
  }
}

TAU_INLINE bool usable_range(float range) { return range > 1e-30F && range < 1e30F; }

// A row of any values; its scale, and what stands for 0.
TAU_INLINE float quantise_body(const float* in, size_t count, int8_t* out, int32_t* zero) {
  float least = 0;
  float largest = 0;
  range_of(in, count, &least, &largest);
  const float range = largest - least;
  if (!usable_range(range)) {
    std::memset(out, 0, count);
    *zero = 0;
    return 0.0F;
  }
  const float by = 255.0F / range;
  const float place = std::nearbyint(-128.0F - least * by);
  quantise_by(in, count, by, place, -128.0F, out);
  *zero = static_cast<int32_t>(place);
  return range / 255.0F;
}

// From sums of integers to floats.
TAU_INLINE void finish_lanes(const Ints& sums, float row_scale, const float* scales, const float* biases,
                             float* out) {
  Floats scale;
  Floats bias;
  load(scales, scale);
  load(biases, bias);
  const Floats x = __builtin_convertvector(sums, Floats);
  store((x * scale) * row_scale + bias, out);
}

}  // namespace tau::memory

#pragma GCC diagnostic pop
