// Tables of rows: from tensors, and into sums.
#include "memory/quant_table.h"

#include <algorithm>
#include <cmath>
#include <string>

#include "memory/model_kernels.h"

namespace tau::memory {
namespace {

Status bad_number(std::string_view name) {
  return data_loss("invalid_model",
                   format("tensor \"{}\" of the model holds numbers that are not finite", name));
}

}  // namespace

StatusOr<QuantTable> QuantTable::load(const Safetensors& weights, std::string_view name, size_t rows,
                                      size_t columns, size_t kept) {
  TAU_ASSIGN_OR_RETURN(const Tensor* tensor, weights.numbers(name, {rows, columns}));
  QuantTable out;
  out.columns_ = kept;
  out.bytes_.resize(rows * kept);
  out.scales_.assign(rows, 1.0F);
  if (tensor->type == TensorType::kI8) {
    for (size_t r = 0; r < rows; ++r) {
      const char* from = tensor->bytes.data() + r * columns;
      // -128 would not fit the products.
      std::transform(from, from + kept, out.bytes_.data() + r * kept,
                     [](char c) { return std::max(static_cast<int8_t>(c), int8_t{-127}); });
    }
    const std::string scales = std::string(name) + std::string(kScaleSuffix);
    if (weights.find(scales) == nullptr) return out;
    TAU_ASSIGN_OR_RETURN(out.scales_, weights.floats(scales, {rows}));
    return out;
  }
  std::vector<float> values(columns);
  for (size_t r = 0; r < rows; ++r) {
    tensor->read(r * columns, kept, values.data());
    if (!std::all_of(values.begin(), values.end(), [](float x) { return std::isfinite(x); }))
      return bad_number(name);
    out.scales_[r] = quantise_row(values.data(), kept, out.bytes_.data() + r * kept);
  }
  return out;
}

void QuantTable::add_row(size_t r, float by, float* out) const {
  const int8_t* from = row(r);
  const float scale = scales_[r] * by;
  for (size_t i = 0; i < columns_; ++i) out[i] += static_cast<float>(from[i]) * scale;
}

std::string_view QuantTable::bytes() const {
  return {reinterpret_cast<const char*>(bytes_.data()), bytes_.size()};
}

std::string_view QuantTable::scale_bytes() const {
  return {reinterpret_cast<const char*>(scales_.data()), scales_.size() * sizeof(float)};
}

void normalise(float* values, size_t count) {
  double sum = 0;
  for (size_t i = 0; i < count; ++i) sum += static_cast<double>(values[i]) * static_cast<double>(values[i]);
  const double length = std::sqrt(sum);
  const bool usable = std::isfinite(length) && length > 1e-20;
  for (size_t i = 0; i < count; ++i)
    values[i] = usable ? static_cast<float>(static_cast<double>(values[i]) / length) : 0.0F;
}

}  // namespace tau::memory
