// Vectors to measure with: in clusters, without any, of made and of real texts; and what an exact scan of
// floats finds.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

namespace tau::bench {

struct VectorData {
  std::string name;
  size_t dimensions = 0;
  std::vector<float> rows;  // of length 1
  std::vector<float> queries;
  size_t count() const { return rows.size() / dimensions; }
  size_t query_count() const { return queries.size() / dimensions; }
  const float* row(size_t i) const { return &rows[i * dimensions]; }
  const float* query(size_t i) const { return &queries[i * dimensions]; }
};

// Clusters of two hundred in groups of fifty, spread over 24 directions of their group.
VectorData clustered_vectors(size_t count, size_t dimensions, size_t queries);
// Of 64 latent dimensions whose spread falls as 1 over the root of their number: nothing is alike.
VectorData diffuse_vectors(size_t count, size_t dimensions, size_t queries);
// Hashed words, weighted by rarity, of passages of the texts below `folder`, and of the queries there. No
// rows when there are no texts.
VectorData text_vectors(const std::string& folder, size_t count, size_t dimensions, size_t queries);

// The built-in embedder's, of 12 to 48 words of a Zipf vocabulary, and of queries of five words. All words
// have parts in common, so that the nearest hardly stand out.
VectorData zipf_vectors(size_t count, size_t queries);

struct FloatHit {
  float score = 0;
  uint32_t row = 0;
};
// The ten nearest, by floats, with whatever this CPU has for them.
std::vector<FloatHit> exact_ten(const VectorData& data, const float* query);
float float_dot(const float* a, const float* b, size_t dimensions);

}  // namespace tau::bench
