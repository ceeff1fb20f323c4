// What a search compares rows with: one vector, rotated and rounded finely, and the tables by which a code of
// signs is weighed against it. Made once a search, whatever shards it goes through.
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

 private:
  VectorQuery() = default;
  void weigh();

  size_t dimensions_ = 0;
  std::vector<int16_t> values_;
  double inverse_length_ = 0;
  std::vector<uint8_t> weights_;
  int32_t middle_ = 0;
  int32_t reach_ = 0;
  double estimate_unit_ = 1;
};

}  // namespace tau::memory
