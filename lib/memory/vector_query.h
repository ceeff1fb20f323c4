// What a search compares rows with: one vector, rotated and rounded finely, and the tables by which codes are
// weighed against it. Made once a search, whatever shards it goes through.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <string_view>
#include <vector>

#include "base/base.h"

namespace tau::memory {

class VectorQuery {
 public:
  // Errors as quantise() has them. A vector that is 0 is like nothing.
  static StatusOr<VectorQuery> make(const float* vector, size_t dimensions);
  // Of a vector as the store keeps it; errors as check_vector_bytes() has them.
  static StatusOr<VectorQuery> of_bytes(std::string_view bytes, size_t dimensions);

  size_t dimensions() const { return dimensions_; }
  size_t padded() const { return values_.size(); }
  bool zero() const { return inverse_length_ == 0; }

  // Its components; a dot product with a row does not overflow 32 bits.
  const int16_t* values() const { return values_.data(); }
  // The cosine of a row with this dot product and factor.
  float score(int32_t dot, float factor) const {
    const double cosine = static_cast<double>(dot) * static_cast<double>(factor) * inverse_length_;
    return static_cast<float>(std::clamp(cosine, -1.0, 1.0));
  }

  // For each four components, what each of the sixteen codes of their signs adds: 0 to kMaxWeight, halfway
  // where the query is 0.
  static constexpr int32_t kMaxWeight = 63;
  const uint8_t* weights() const { return weights_.data(); }
  // The sum of a code that is at a right angle to the query. No sum is further from it than reach().
  int32_t middle() const { return middle_; }
  int32_t reach() const { return reach_; }
  // The estimate, as kernels make it, of a document with this cosine.
  double estimate_of(double cosine) const { return cosine / estimate_unit_; }

  // What each component adds to the sum of a fine code where its bit is 1.
  const int8_t* fine_weights() const { return fine_weights_.data(); }
  // The estimate by signs and fine code, from that by the signs and that sum: a cosine with kFineBits behind
  // the point, within ±kFineReach.
  static constexpr int kFineBits = 12;
  static constexpr int32_t kFineReach = 2 << kFineBits;
  int16_t fine_estimate(int32_t estimate, int32_t fine_sum) const {
    const int64_t whole = int64_t{estimate * fine_scale_ + 2 * fine_sum - fine_total_} * fine_factor_;
    return static_cast<int16_t>(std::clamp<int64_t>(whole >> kFineFactorBits, -kFineReach, kFineReach));
  }

 private:
  VectorQuery() = default;
  void weigh();
  void weigh_finely();

  static constexpr int kFineFactorBits = 20;

  size_t dimensions_ = 0;
  std::vector<int16_t> values_;
  double inverse_length_ = 0;
  std::vector<uint8_t> weights_;
  int32_t middle_ = 0;
  int32_t reach_ = 0;
  double estimate_unit_ = 1;
  std::vector<int8_t> fine_weights_;
  int32_t fine_scale_ = 1;
  int32_t fine_total_ = 0;   // of all weights
  int32_t fine_factor_ = 0;  // what makes cosines of them, with kFineFactorBits behind the point
};

}  // namespace tau::memory
