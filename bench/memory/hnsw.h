// hnswlib beside our own search, where its headers are installed.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <vector>

#include "vector_data.h"

namespace tau::bench {

class Hnsw {
 public:
  // Null when hnswlib is not installed. M 16, ef_construction 100, the inner product.
  static std::unique_ptr<Hnsw> build(const VectorData& data);
  virtual ~Hnsw() = default;
  virtual void set_ef(size_t ef) = 0;
  virtual std::vector<uint32_t> ten(const float* query) const = 0;
  virtual double bytes_per_row() const = 0;
};

}  // namespace tau::bench
