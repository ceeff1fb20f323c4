// Rounding of queries and the weights of sign codes: integers all the way, so that every CPU ranks alike.
#include "memory/vector_query.h"

#include <algorithm>
#include <cmath>
#include <cstdlib>

#include "memory/vector_fine.h"
#include "memory/vector_quantise.h"

namespace tau::memory {
namespace {

// The largest component: as large as fits, and no dot product with bytes overflows.
int32_t largest_value(size_t padded) {
  return std::min<int32_t>(INT16_MAX, static_cast<int32_t>(INT32_MAX / (128 * padded)));
}

constexpr size_t kMaxSum = 60'000;

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

void VectorQuery::weigh() {
  const size_t groups = padded() / 4;
  weights_.assign(groups * 16, 0);
  int32_t widest = 1;
  std::vector<int32_t> widths(groups);
  for (size_t g = 0; g < groups; ++g) {
    for (size_t i = 0; i < 4; ++i) widths[g] += std::abs(int32_t{values_[4 * g + i]});
    widest = std::max(widest, widths[g]);
  }
  // A sum of weights fits in 16 bits, and so does its distance from the middle with a sign.
  const auto most = std::min<int32_t>(kMaxWeight, static_cast<int32_t>(kMaxSum / groups));
  int32_t twice_middle = 0;
  int32_t largest_sum = 0;
  for (size_t g = 0; g < groups; ++g) {
    uint8_t* weights = &weights_[16 * g];
    for (size_t code = 0; code < 16; ++code) {
      int32_t sum = widths[g];
      for (size_t i = 0; i < 4; ++i) {
        const int32_t value = values_[4 * g + i];
        sum += (code >> i & 1) != 0 ? value : -value;
      }
      // Of 0…2 * widest to 0…most, to the nearest; 8 * 32,767 * 63 fits.
      weights[code] = static_cast<uint8_t>(static_cast<uint32_t>(sum * most + widest) /
                                           static_cast<uint32_t>(2 * widest));
    }
    twice_middle += weights[0] + weights[15];
    largest_sum += *std::max_element(weights, weights + 16);
  }
  middle_ = twice_middle / 2;
  reach_ = std::max(middle_, largest_sum - middle_);
  // A weight is worth 2 * widest / most of the query's values; kernels halve what a gain makes of it.
  const double per_value = inverse_length_ / std::sqrt(static_cast<double>(padded()));
  if (!zero()) estimate_unit_ = per_value * 4 * widest / most;
  weigh_finely();
}

// As finely as bytes can tell, in a unit of which a unit of estimates is a whole number.
void VectorQuery::weigh_finely() {
  fine_weights_.assign(padded(), 0);
  if (zero()) return;
  int32_t largest = 1;
  for (const int16_t value : values_) largest = std::max(largest, std::abs(int32_t{value}));
  const double per_value =
      inverse_length_ / std::sqrt(static_cast<double>(padded())) * (kFinePart / kSignsPart);
  const double units = per_value * largest / estimate_unit_;  // of estimates, in the largest weight
  fine_scale_ = std::max(1, static_cast<int32_t>(INT8_MAX / units));
  const double by =
      std::min(per_value / estimate_unit_ * fine_scale_, static_cast<double>(INT8_MAX) / largest);
  for (size_t i = 0; i < padded(); ++i) {
    fine_weights_[i] = static_cast<int8_t>(std::lrint(by * values_[i]));
    fine_total_ += fine_weights_[i];
  }
  const double unit = kSignsPart * estimate_unit_ / fine_scale_ * (1 << kFineBits);
  fine_factor_ = static_cast<int32_t>(std::lrint(unit * (1 << kFineFactorBits)));
}

}  // namespace tau::memory
