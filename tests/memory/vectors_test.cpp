// Vectors: what is found is what comparing with every row finds, whatever the layout, the CPU and the filter.
#include "memory/vectors.h"

#include <gtest/gtest.h>
#include <rapidcheck.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <random>

#include "memory/segment_file.h"

namespace tau::memory {
namespace {

using Floats = std::vector<float>;

Floats gaussian(std::mt19937_64& random, size_t dimensions) {
  std::normal_distribution<float> normal;
  Floats out(dimensions);
  for (float& value : out) value = normal(random);
  return out;
}

double cosine_of(const Floats& a, const Floats& b) {
  double dot = 0, aa = 0, bb = 0;
  for (size_t i = 0; i < a.size(); ++i) {
    dot += static_cast<double>(a[i]) * static_cast<double>(b[i]);
    aa += static_cast<double>(a[i]) * static_cast<double>(a[i]);
    bb += static_cast<double>(b[i]) * static_cast<double>(b[i]);
  }
  return dot / std::sqrt(aa * bb);
}

std::string quantised(const Floats& vector) { return *quantise(vector.data(), vector.size()); }
VectorQuery query_of(const Floats& vector) { return *VectorQuery::make(vector.data(), vector.size()); }

// Each third document has no vector.
Vectors some_vectors(std::mt19937_64& random, size_t dimensions, Doc count) {
  Vectors out(dimensions);
  for (Doc doc = 0; doc < count; ++doc) {
    const Floats x = gaussian(random, dimensions);
    EXPECT_TRUE(out.add(doc, doc % 3 == 2 ? std::string() : quantised(x)).ok());
  }
  return out;
}

std::vector<VectorHit> by_hand(const Vectors& vectors, const VectorQuery& query, size_t k,
                               const DocSet& allowed) {
  std::vector<VectorHit> hits;
  for (Doc doc = 0; doc < vectors.size(); ++doc)
    if (allowed.contains(doc) && vectors.has(doc)) hits.push_back({doc, vectors.similarity(doc, query)});
  std::stable_sort(hits.begin(), hits.end(), [](const auto& a, const auto& b) { return a.score > b.score; });
  hits.resize(std::min(k, hits.size()));
  return hits;
}

Vectors saved(const Vectors& vectors, const Renumber& renumber, size_t dimensions) {
  auto writer = SegmentWriter::create("");
  EXPECT_TRUE(writer.ok());
  vectors.save(*writer, renumber);
  SegmentHeader header;
  header.key.dimensions = static_cast<uint32_t>(dimensions);
  for (const Doc doc : renumber) header.documents += doc != kNoDoc;
  EXPECT_TRUE(writer->finish(header).ok());
  auto view = writer->view();
  EXPECT_TRUE(view.ok());
  auto opened = Vectors::open(*view, dimensions);
  EXPECT_TRUE(opened.ok()) << opened.status().to_string();
  return std::move(*opened);
}

TEST(Quantise, KeepsDirections) {
  std::mt19937_64 random(1);
  for (const size_t dimensions : {1, 2, 63, 64, 65, 100, 256, 300, 384, 768, 1024, 1536, 3072, 8192}) {
    const Floats x = gaussian(random, dimensions);
    Floats back(dimensions);
    const std::string bytes = quantised(x);
    EXPECT_EQ(bytes.size(), vector_bytes(dimensions));
    ASSERT_TRUE(dequantise(bytes, dimensions, back.data()).ok());
    EXPECT_GT(cosine_of(x, back), 1 - 1e-4) << dimensions;
    double squares = 0;
    for (const float value : back) squares += static_cast<double>(value) * static_cast<double>(value);
    EXPECT_NEAR(squares, 1, 1e-3) << dimensions;
    EXPECT_NEAR(*cosine(bytes, bytes), 1, 1e-6);
  }
}

TEST(Quantise, RefusesWhatIsNoVector) {
  Floats x(8, 1.0F);
  EXPECT_EQ(quantise(x.data(), 0).status().reason(), "vector_dimensions");
  EXPECT_EQ(quantise(x.data(), kMaxVectorDimensions + 1).status().reason(), "vector_dimensions");
  for (const float bad : {std::numeric_limits<float>::quiet_NaN(), std::numeric_limits<float>::infinity(),
                          -std::numeric_limits<float>::infinity()}) {
    x[5] = bad;
    EXPECT_EQ(quantise(x.data(), 8).status().reason(), "vector_not_finite");
    EXPECT_EQ(VectorQuery::make(x.data(), 8).status().reason(), "vector_not_finite");
    Vectors vectors(8);
    EXPECT_EQ(vectors.add(0, x.data()).code(), Code::kInvalidArgument);
    EXPECT_EQ(vectors.size(), 0U);
  }
}

TEST(Vectors, FindWhatComparingWithAllFinds) {
  rc::check([] {
    std::mt19937_64 random(*rc::gen::arbitrary<uint64_t>());
    const size_t dimensions = *rc::gen::element<size_t>(1, 7, 64, 96, 256);
    const Doc count = *rc::gen::inRange<Doc>(0, 2500);
    const Vectors vectors = some_vectors(random, dimensions, count);
    DocSet allowed(count);
    const uint64_t part = *rc::gen::inRange<uint64_t>(1, 20);
    for (Doc doc = 0; doc < count; ++doc)
      if (random() % part == 0) allowed.add(doc);
    const VectorQuery query = query_of(gaussian(random, dimensions));
    const size_t k = *rc::gen::inRange<size_t>(0, 300);
    RC_ASSERT(vectors.top(query, k, allowed) == by_hand(vectors, query, k, allowed));
  });
}

TEST(Vectors, BaseAndDeltaAreAsOne) {
  std::mt19937_64 random(3);
  const size_t dimensions = 100;
  const Vectors all = some_vectors(random, dimensions, 2000);
  std::mt19937_64 again(3);
  Vectors first = some_vectors(again, dimensions, 777);
  Renumber same(777);
  for (Doc doc = 0; doc < 777; ++doc) same[doc] = doc;
  Vectors both = saved(first, same, dimensions);
  EXPECT_EQ(both.count(), first.count());
  for (Doc doc = 777; doc < 2000; ++doc) ASSERT_TRUE(both.add(doc, all.bytes(doc)).ok());
  EXPECT_EQ(both.count(), all.count());
  const VectorQuery query = query_of(gaussian(random, dimensions));
  const DocSet everything(2000, true);
  EXPECT_EQ(both.top(query, 50, everything), all.top(query, 50, everything));
  for (Doc doc = 0; doc < 2000; ++doc) ASSERT_EQ(both.bytes(doc), all.bytes(doc));
}

}  // namespace
}  // namespace tau::memory
