// Vectors for tests, and what floats say of them.
#pragma once

#include <cmath>
#include <cstddef>
#include <random>
#include <string>
#include <vector>

#include "memory/vector_quantise.h"
#include "memory/vector_query.h"

namespace tau::memory {

using Floats = std::vector<float>;

inline Floats gaussian(std::mt19937_64& random, size_t dimensions) {
  std::normal_distribution<float> normal;
  Floats out(dimensions);
  for (float& value : out) value = normal(random);
  return out;
}

inline double dot_of(const Floats& a, const Floats& b) {
  double out = 0;
  for (size_t i = 0; i < a.size(); ++i) out += static_cast<double>(a[i]) * static_cast<double>(b[i]);
  return out;
}

inline double cosine_of(const Floats& a, const Floats& b) {
  return dot_of(a, b) / std::sqrt(dot_of(a, a) * dot_of(b, b));
}

inline std::string quantised(const Floats& vector) { return *quantise(vector.data(), vector.size()); }
inline VectorQuery query_of(const Floats& vector) { return *VectorQuery::make(vector.data(), vector.size()); }

}  // namespace tau::memory
