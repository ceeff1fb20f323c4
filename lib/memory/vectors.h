// The vectors of a shard's documents: a base, mapped from the sidecar, and a delta in memory. A search scores
// rows of eight bits a component; where there are many it first picks candidates by their signs, one bit a
// component, and of these the likely ones by a second bit.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/base.h"
#include "memory/doc_set.h"
#include "memory/segment_file.h"
#include "memory/vector_quantise.h"  // IWYU pragma: export
#include "memory/vector_query.h"     // IWYU pragma: export
#include "memory/vector_top.h"       // IWYU pragma: export

namespace tau::memory {

// Many may read at once; who adds is alone.
class Vectors {
 public:
  // Of a space without vectors, 0 dimensions.
  Vectors() = default;
  explicit Vectors(size_t dimensions);  // up to kMaxVectorDimensions

  // Of a view with as many dimensions, whose documents it covers. DATA_LOSS "index_damaged".
  static StatusOr<Vectors> open(const SegmentView& view, size_t dimensions);
  // Base and delta, without those that are out.
  void save(SegmentWriter& writer, const Renumber& renumber) const;

  // The vector of a new document, as quantise() makes it; empty: it has none. Documents come in ascending
  // order; one that is left out has none. INVALID_ARGUMENT "vector_bytes", "vector_order".
  Status add(Doc doc, std::string_view bytes);
  // The same of a vector that is not quantised.
  Status add(Doc doc, const float* vector);
  // It has none any more.
  void remove(Doc doc);

  size_t dimensions() const { return dimensions_; }
  Doc size() const { return has_.size(); }
  Doc count() const { return count_; }                    // of documents that have one
  bool has(Doc doc) const { return has_.contains(doc); }  // a vector of 0 is none
  std::string bytes(Doc doc) const;                       // as they were added; empty where it has none

  // Says that its vector is about to be looked at.
  void prefetch(Doc doc) const;
  // Cosines; 0 where there is no vector, or it is of another space.
  float similarity(Doc doc, const VectorQuery& query) const;
  float similarity(Doc a, Doc b) const;

  // The nearest k of the allowed, by score downwards, then by document upwards. Every one of them is scored
  // where there are at most effort.scored; else those that are candidates by their signs, the same ones for
  // each k up to kDeepest. Beyond that every one is scored.
  static constexpr size_t kDeepest = 256;
  std::vector<VectorHit> top(const VectorQuery& query, size_t k, const DocSet& allowed,
                             const VectorEffort& effort = {}) const;

  // Anonymous memory, and what is mapped.
  size_t memory_bytes() const;
  size_t mapped_bytes() const;

 private:
  // So many documents of the delta share their buffers: growing never copies more.
  static constexpr size_t kChunkDocs = 1024;
  struct Chunk {
    std::vector<VectorLine> rows;
    std::vector<VectorLine> blocks;
    std::vector<uint64_t> fine;
    std::vector<float> factors;
  };

  size_t padded() const { return padded_dimensions(dimensions_); }
  const int8_t* row(Doc doc) const;  // of one that has a vector
  const uint64_t* fine_code(Doc doc) const;
  float factor(Doc doc) const;
  void put(Doc doc, std::string_view bytes, float factor);
  Status read_base(const SegmentView& view);
  std::vector<VectorSpan> spans() const;

  size_t dimensions_ = 0;
  DocSet has_;
  Doc count_ = 0;
  VectorSpan base_;
  SegmentView view_;  // keeps the mapping of the base
  std::vector<Chunk> delta_;
};

}  // namespace tau::memory
