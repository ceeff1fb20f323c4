// Eight bits a component: rounding, its inverse, and the checks of what comes from outside.
#include "memory/vector_quantise.h"

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstring>
#include <vector>

#include "base/format.h"

namespace tau::memory {
namespace {

static_assert(std::endian::native == std::endian::little,
              "rows are kept in the order of this machine's bytes");

constexpr float kMaxStep = 127;

float largest(const float* x, size_t n) {
  float out = 0;
  for (size_t i = 0; i < n; ++i) out = std::max(out, std::fabs(x[i]));
  return out;
}

const int8_t* row_of(std::string_view bytes) { return reinterpret_cast<const int8_t*>(bytes.data()); }

float factor_of(std::string_view bytes) {
  float out = 0;
  std::memcpy(&out, bytes.data() + bytes.size() - sizeof out, sizeof out);
  return out;
}

}  // namespace

Status check_vector(const float* vector, size_t dimensions) {
  if (dimensions == 0 || dimensions > kMaxVectorDimensions)
    return invalid_argument("vector_dimensions", format("a vector has 1 to {} dimensions, this one has {}",
                                                        kMaxVectorDimensions, dimensions));
  for (size_t i = 0; i < dimensions; ++i)
    if (!std::isfinite(vector[i]))
      return invalid_argument("vector_not_finite", format("number {} of a vector is {}", i, vector[i]));
  return ok_status();
}

bool prepare_vector(const float* vector, size_t dimensions, float* out) {
  const size_t padded = padded_dimensions(dimensions);
  std::fill(out, out + padded, 0.0F);
  const float top = largest(vector, dimensions);
  if (top == 0) return false;
  // In double: the inverse of the smallest floats is no float.
  const double by = 1.0 / static_cast<double>(top);
  for (size_t i = 0; i < dimensions; ++i) out[i] = static_cast<float>(static_cast<double>(vector[i]) * by);
  rotate(out, padded);
  return true;
}

float row_factor(const int8_t* row, size_t padded) {
  int32_t squares = 0;
  for (size_t i = 0; i < padded; ++i) squares += row[i] * row[i];
  return squares == 0 ? 0.0F : static_cast<float>(1.0 / std::sqrt(static_cast<double>(squares)));
}

float cosine_of_rows(const int8_t* a, float a_factor, const int8_t* b, float b_factor, size_t padded) {
  int32_t dot = 0;
  for (size_t i = 0; i < padded; ++i) dot += a[i] * b[i];
  const double value =
      static_cast<double>(dot) * static_cast<double>(a_factor) * static_cast<double>(b_factor);
  return static_cast<float>(std::clamp(value, -1.0, 1.0));
}

StatusOr<std::string> quantise(const float* vector, size_t dimensions) {
  TAU_RETURN_IF_ERROR(check_vector(vector, dimensions));
  const size_t padded = padded_dimensions(dimensions);
  std::string bytes(padded + sizeof(float), '\0');
  std::vector<float> x(padded);
  if (!prepare_vector(vector, dimensions, x.data())) return bytes;
  const float by = kMaxStep / largest(x.data(), padded);
  for (size_t i = 0; i < padded; ++i) bytes[i] = static_cast<char>(std::lrint(x[i] * by));
  const float factor = row_factor(row_of(bytes), padded);
  std::memcpy(bytes.data() + padded, &factor, sizeof factor);
  return bytes;
}

Status check_vector_bytes(std::string_view bytes, size_t dimensions) {
  if (dimensions == 0 || dimensions > kMaxVectorDimensions || bytes.size() != vector_bytes(dimensions))
    return invalid_argument("vector_bytes", format("a vector of {} dimensions is kept in {} bytes, not in {}",
                                                   dimensions, vector_bytes(dimensions), bytes.size()));
  const size_t padded = padded_dimensions(dimensions);
  for (size_t i = 0; i < padded; ++i)
    if (row_of(bytes)[i] == INT8_MIN)
      return invalid_argument("vector_bytes", "a kept vector holds -128, which is never written");
  if (std::bit_cast<uint32_t>(factor_of(bytes)) != std::bit_cast<uint32_t>(row_factor(row_of(bytes), padded)))
    return invalid_argument("vector_bytes", "the factor of a kept vector does not fit its row");
  return ok_status();
}

Status dequantise(std::string_view bytes, size_t dimensions, float* out) {
  TAU_RETURN_IF_ERROR(check_vector_bytes(bytes, dimensions));
  const size_t padded = padded_dimensions(dimensions);
  const float factor = factor_of(bytes);
  std::vector<float> x(padded);
  for (size_t i = 0; i < padded; ++i) x[i] = static_cast<float>(row_of(bytes)[i]) * factor;
  rotate_back(x.data(), padded);
  std::copy_n(x.begin(), dimensions, out);
  return ok_status();
}

StatusOr<float> cosine(std::string_view a, std::string_view b) {
  if (a.size() != b.size() || a.size() <= sizeof(float) || a.size() > vector_bytes(kMaxVectorDimensions))
    return invalid_argument("vector_bytes",
                            format("vectors of {} and of {} bytes are of no one space", a.size(), b.size()));
  return cosine_of_rows(row_of(a), factor_of(a), row_of(b), factor_of(b), a.size() - sizeof(float));
}

}  // namespace tau::memory
