// Vectors in eight bits a component, as the store keeps them and the sidecar maps them: rotated, rounded to
// -127…127, and the factor that makes the row one of length 1.
//
// The bytes of a vector of d dimensions: padded_dimensions(d) signed bytes and a float, little-endian. A
// vector that is 0 is all zeros. The cosine of two rows is an integer and two factors: the same bits
// everywhere.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "base/base.h"
#include "memory/vector_rotation.h"

namespace tau::memory {

constexpr size_t vector_bytes(size_t dimensions) { return padded_dimensions(dimensions) + sizeof(float); }

// INVALID_ARGUMENT "vector_dimensions" beyond 1…kMaxVectorDimensions, "vector_not_finite" where a number is
// none. Its length does not matter, only its direction is kept.
StatusOr<std::string> quantise(const float* vector, size_t dimensions);
// A vector of length 1 (or 0): within about 0.7 % of the one that was quantised.
Status dequantise(std::string_view bytes, size_t dimensions, float* out);
// INVALID_ARGUMENT "vector_bytes": they are not what quantise() makes in this many dimensions.
Status check_vector_bytes(std::string_view bytes, size_t dimensions);
// Of two vectors of one space, -1 to 1; 0 where one is 0. INVALID_ARGUMENT when their sizes differ.
StatusOr<float> cosine(std::string_view a, std::string_view b);

// The same of two rows and their factors.
float cosine_of_rows(const int8_t* a, float a_factor, const int8_t* b, float b_factor, size_t padded);
// The factor of a row: 1 over its length, 0 for a row of zeros.
float row_factor(const int8_t* row, size_t padded);
// Dimensions and numbers as quantise() wants them.
Status check_vector(const float* vector, size_t dimensions);
// Brings a checked vector to `out`, of padded_dimensions(): scaled so that nothing overflows, and rotated.
// False, and zeros, when it is 0.
bool prepare_vector(const float* vector, size_t dimensions, float* out);

}  // namespace tau::memory
