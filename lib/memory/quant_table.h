// Rows of numbers, one for each piece of a vocabulary, as 8-bit integers with a scale a row.
#pragma once

#include <cstdint>
#include <string_view>
#include <vector>

#include "base/base.h"
#include "memory/safetensors.h"

namespace tau::memory {

// The file says the scales of a tensor of integers in a tensor of its own, named so.
inline constexpr std::string_view kScaleSuffix = ".tau_scale";

class QuantTable {
 public:
  // A tensor of rows x columns; of floats, or of integers with or without scales (then 1). Only the first
  // `kept` columns are kept. DATA_LOSS "invalid_model" names the tensor.
  static StatusOr<QuantTable> load(const Safetensors& weights, std::string_view name, size_t rows,
                                   size_t columns, size_t kept);

  size_t rows() const { return scales_.size(); }
  size_t columns() const { return columns_; }
  const int8_t* row(size_t r) const { return bytes_.data() + r * columns_; }
  float scale(size_t r) const { return scales_[r]; }
  // out += row * by
  void add_row(size_t r, float by, float* out) const;
  std::string_view bytes() const;
  std::string_view scale_bytes() const;

 private:
  size_t columns_ = 0;
  std::vector<int8_t> bytes_;
  std::vector<float> scales_;
};

// To length 1; all 0 stays.
void normalise(float* values, size_t count);

}  // namespace tau::memory
