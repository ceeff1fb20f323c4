// Rounding of queries and the weights of sign codes: integers all the way, so that every CPU ranks alike.
#include "memory/vector_query.h"

#include <algorithm>
#include <cmath>
#include <cstdlib>

#include "memory/vector_quantise.h"

namespace tau::memory {
namespace {

// The largest component: as large as fits, and no dot product with bytes overflows.
int32_t largest_value(size_t padded) {
  return std::min<int32_t>(INT16_MAX, static_cast<int32_t>(INT32_MAX / (128 * padded)));
}

double inverse_length(const std::vector<int16_t>& values) {
  int64_t squares = 0;
  for (const int16_t value : values) squares += int32_t{value} * value;
  return squares == 0 ? 0 : 1.0 / std::sqrt(static_cast<double>(squares));
}

}  // namespace

StatusOr<VectorQuery> VectorQuery::make(const float* vector, size_t dimensions) {
  TAU_RETURN_IF_ERROR(check_vector(vector, dimensions));
  VectorQuery query;
  query.dimensions_ = dimensions;
  query.values_.resize(padded_dimensions(dimensions));
  std::vector<float> x(query.padded());
  if (prepare_vector(vector, dimensions, x.data())) {
    float top = 0;
    for (const float value : x) top = std::max(top, std::fabs(value));
    const float by = static_cast<float>(largest_value(query.padded())) / top;
    for (size_t i = 0; i < x.size(); ++i) query.values_[i] = static_cast<int16_t>(std::lrint(x[i] * by));
  }
  query.inverse_length_ = inverse_length(query.values_);
  query.weigh();
  return query;
}

StatusOr<VectorQuery> VectorQuery::of_bytes(std::string_view bytes, size_t dimensions) {
  TAU_RETURN_IF_ERROR(check_vector_bytes(bytes, dimensions));
  VectorQuery query;
  query.dimensions_ = dimensions;
  query.values_.resize(padded_dimensions(dimensions));
  for (size_t i = 0; i < query.padded(); ++i) query.values_[i] = static_cast<int8_t>(bytes[i]);
  query.inverse_length_ = inverse_length(query.values_);
  query.weigh();
  return query;
}

float VectorQuery::score(int32_t dot, float factor) const {
  const double cosine = static_cast<double>(dot) * static_cast<double>(factor) * inverse_length_;
  return static_cast<float>(std::clamp(cosine, -1.0, 1.0));
}

void VectorQuery::weigh() {
  const size_t groups = padded() / 4;
  weights_.assign(groups * 16, 0);
  int32_t widest = 1;
  std::vector<int32_t> widths(groups);
  for (size_t g = 0; g < groups; ++g) {
    for (size_t i = 0; i < 4; ++i) widths[g] += std::abs(int32_t{values_[4 * g + i]});
    widest = std::max(widest, widths[g]);
  }
  // The sum of all weights fits in 16 bits.
  const auto most = std::min<int32_t>(kMaxWeight, static_cast<int32_t>(UINT16_MAX / groups));
  int32_t twice_middle = 0;
  for (size_t g = 0; g < groups; ++g) {
    uint8_t* weights = &weights_[16 * g];
    for (size_t code = 0; code < 16; ++code) {
      int32_t sum = widths[g];
      for (size_t i = 0; i < 4; ++i) {
        const int32_t value = values_[4 * g + i];
        sum += (code >> i & 1) != 0 ? value : -value;
      }
      // Of 0…2 * widest to 0…most, to the nearest.
      weights[code] = static_cast<uint8_t>((int64_t{sum} * most + widest) / (2 * int64_t{widest}));
    }
    twice_middle += weights[0] + weights[15];
  }
  middle_ = twice_middle / 2;
}

}  // namespace tau::memory
