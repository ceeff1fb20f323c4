// The arithmetic of models: products of 8-bit integers, and what stands between them in floats. Every path
// gives the same bits: integer sums are exact, and float operations are done in one order, eight lanes at a
// time, never contracted.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

namespace tau::memory {

// What the processor has. kScalar runs anywhere.
enum class Simd : uint8_t { kScalar, kAvx2, kVnni };
Simd best_simd();

inline constexpr size_t kTile = 64;  // outputs that are computed together
inline constexpr size_t kLanes = 8;  // floats that are computed together
inline size_t round_up(size_t n, size_t to) { return (n + to - 1) / to * to; }

// One row of weights as integers of -127..127 and their scale.
float quantise_row(const float* in, size_t count, int8_t* out);

// A matrix of outs x ins as 8-bit integers with one scale for each output. Packed for the kernels.
class QuantMatrix {
 public:
  QuantMatrix() = default;
  // `ins` is a multiple of 4.
  QuantMatrix(size_t outs, size_t ins);
  void set_row(size_t out, const int8_t* values, float scale, float bias);

  size_t outs() const { return outs_; }
  size_t ins() const { return ins_; }
  size_t stride() const { return round_up(outs_, kTile); }
  const uint8_t* tile(size_t first_out) const { return packed_.data() + first_out * ins_; }
  const float* scales() const { return scales_.data(); }
  const float* biases() const { return biases_.data(); }
  const int32_t* sums() const { return sums_.data(); }  // of the weights of each output
  const std::vector<uint8_t>& packed() const { return packed_; }

 private:
  size_t outs_ = 0;
  size_t ins_ = 0;
  // For each tile of outputs, for each four inputs: four bytes an output. A weight w is stored as w + 128.
  std::vector<uint8_t> packed_;
  std::vector<float> scales_;
  std::vector<float> biases_;
  std::vector<int32_t> sums_;
};

// Rows of a product's left side as integers: x = (n - zero) * scale. The values of a row lie mostly on one
// side of 0, so zero has its place for each row.
struct QuantRows {
  size_t columns = 0;
  std::vector<int8_t> bytes;
  std::vector<int16_t> words;  // the same, for the path that has no products of bytes
  std::vector<float> scales;
  std::vector<int32_t> zeros;
  std::vector<int32_t> sums;

  void reserve(size_t rows, size_t columns);
};

struct Kernels {
  // rows.columns is set by the call; `in` has `stride` floats a row.
  void (*quantise)(const float* in, size_t rows, size_t columns, size_t stride, QuantRows* out);
  // out[r][o] = rows[r] . matrix[o] + bias[o]; `out` has matrix.stride() floats a row.
  void (*multiply)(const QuantRows& rows, size_t count, const QuantMatrix& matrix, float* out);
  // in += add, then to mean 0 and variance 1, times weight plus bias. Columns are a multiple of kLanes.
  void (*add_and_normalise)(float* in, const float* add, size_t rows, size_t columns, size_t add_stride,
                            const float* weight, const float* bias, float epsilon);
  void (*gelu)(float* values, size_t count);
  // Attention of one text: qkv has 3 * heads * width floats a row (queries, keys, values), width a multiple
  // of kLanes; out gets heads * width floats a row.
  void (*attend)(const float* qkv, size_t tokens, size_t stride, size_t heads, size_t width, float* scratch,
                 float* out);
};
const Kernels& kernels(Simd simd);
// Floats of scratch that attend() needs.
size_t attend_scratch(size_t tokens, size_t width);

}  // namespace tau::memory
