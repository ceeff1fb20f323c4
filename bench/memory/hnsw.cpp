// The one file that sees hnswlib.
#include "hnsw.h"

#if __has_include(<hnswlib/hnswlib.h>)
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wall"
#pragma GCC diagnostic ignored "-Wextra"
#include <hnswlib/hnswlib.h>
#pragma GCC diagnostic pop

namespace tau::bench {
namespace {

class Graph final : public Hnsw {
 public:
  explicit Graph(const VectorData& data) : space_(data.dimensions), index_(&space_, data.count(), 16, 100) {
    for (size_t i = 0; i < data.count(); ++i) index_.addPoint(data.row(i), i);
  }
  void set_ef(size_t ef) override { index_.setEf(ef); }
  std::vector<uint32_t> ten(const float* query) const override {
    std::vector<uint32_t> out;
    for (auto found = index_.searchKnn(query, 10); !found.empty(); found.pop())
      out.push_back(static_cast<uint32_t>(found.top().second));
    return out;
  }
  double bytes_per_row() const override {
    // Level 0 in one block, the others apart: one of 16 nodes has one of 4 + 4 * M bytes more a level.
    const double upper = static_cast<double>(index_.size_links_per_element_ + sizeof(void*)) / 15;
    return static_cast<double>(index_.size_data_per_element_) + upper + sizeof(void*);
  }

 private:
  hnswlib::InnerProductSpace space_;
  // Searching is const by meaning, not by declaration.
  mutable hnswlib::HierarchicalNSW<float> index_;
};

}  // namespace

std::unique_ptr<Hnsw> Hnsw::build(const VectorData& data) { return std::make_unique<Graph>(data); }

}  // namespace tau::bench
#else
namespace tau::bench {

std::unique_ptr<Hnsw> Hnsw::build(const VectorData&) { return nullptr; }

}  // namespace tau::bench
#endif
