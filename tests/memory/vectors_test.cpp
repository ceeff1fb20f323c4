// Vectors of a shard: what is found is what comparing with every row finds, whatever the layout and the
// filter.
#include "memory/vectors.h"

#include <gtest/gtest.h>
#include <rapidcheck.h>

#include <algorithm>
#include <limits>
#include <random>

#include "memory/segment_file.h"
#include "vector_samples.h"

namespace tau::memory {
namespace {

std::vector<VectorHit> by_hand(const Vectors& vectors, const VectorQuery& query, size_t k,
                               const DocSet& allowed) {
  std::vector<VectorHit> hits;
  for (Doc doc = 0; doc < vectors.size(); ++doc)
    if (allowed.contains(doc) && vectors.has(doc)) hits.push_back({doc, vectors.similarity(doc, query)});
  std::stable_sort(hits.begin(), hits.end(), [](const auto& a, const auto& b) { return a.score > b.score; });
  hits.resize(std::min(k, hits.size()));
  return hits;
}

// Each third document has no vector.
Vectors some_vectors(std::mt19937_64& random, size_t dimensions, Doc count) {
  Vectors out(dimensions);
  for (Doc doc = 0; doc < count; ++doc) {
    const Floats x = gaussian(random, dimensions);
    EXPECT_TRUE(out.add(doc, doc % 3 == 2 ? std::string() : quantised(x)).ok());
  }
  return out;
}

DocSet some_documents(std::mt19937_64& random, Doc count, uint64_t one_of) {
  DocSet out(count);
  for (Doc doc = 0; doc < count; ++doc)
    if (random() % one_of == 0) out.add(doc);
  return out;
}

Renumber without(const Vectors& vectors, const DocSet& dropped) {
  Renumber out(vectors.size(), kNoDoc);
  Doc next = 0;
  for (Doc doc = 0; doc < vectors.size(); ++doc)
    if (!dropped.contains(doc)) out[doc] = next++;
  return out;
}

StatusOr<SegmentView> written(const Vectors& vectors, const Renumber& renumber) {
  auto writer = SegmentWriter::create("");
  EXPECT_TRUE(writer.ok());
  vectors.save(*writer, renumber);
  SegmentHeader header;
  header.key.dimensions = static_cast<uint32_t>(vectors.dimensions());
  for (const Doc doc : renumber) header.documents += doc != kNoDoc ? 1 : 0;
  EXPECT_TRUE(writer->finish(header).ok());
  return writer->view();
}

Vectors reopened(const Vectors& vectors, const Renumber& renumber) {
  const auto view = written(vectors, renumber);
  EXPECT_TRUE(view.ok());
  auto opened = Vectors::open(*view, vectors.dimensions());
  EXPECT_TRUE(opened.ok()) << opened.status().to_string();
  return *std::move(opened);
}

TEST(Vectors, FindWhatComparingWithAllFinds) {
  rc::check([] {
    std::mt19937_64 random(*rc::gen::arbitrary<uint64_t>());
    const auto dimensions = *rc::gen::element<size_t>(1, 7, 64, 96, 256);
    const auto count = *rc::gen::inRange<Doc>(0, 2500);
    const Vectors vectors = some_vectors(random, dimensions, count);
    const DocSet allowed = some_documents(random, count, *rc::gen::inRange<uint64_t>(1, 20));
    const VectorQuery query = query_of(gaussian(random, dimensions));
    const auto k = *rc::gen::inRange<size_t>(0, 300);
    RC_ASSERT(vectors.top(query, k, allowed) == by_hand(vectors, query, k, allowed));
  });
}

TEST(Vectors, BaseAndDeltaAreAsOneWithoutThoseThatAreOut) {
  rc::check([] {
    std::mt19937_64 random(*rc::gen::arbitrary<uint64_t>());
    const auto dimensions = *rc::gen::element<size_t>(3, 64, 100, 384);
    const auto before_save = *rc::gen::inRange<Doc>(0, 1500);
    const auto after = *rc::gen::inRange<Doc>(0, 1500);
    const DocSet dropped = some_documents(random, before_save, *rc::gen::inRange<uint64_t>(1, 6));
    Vectors first(dimensions);
    Vectors expected(dimensions);
    Doc next = 0;
    for (Doc doc = 0; doc < before_save; ++doc) {
      const std::string bytes = random() % 4 == 0 ? std::string() : quantised(gaussian(random, dimensions));
      RC_ASSERT(first.add(doc, bytes).ok());
      if (!dropped.contains(doc)) RC_ASSERT(expected.add(next++, bytes).ok());
    }
    Vectors both = reopened(first, without(first, dropped));
    RC_ASSERT(both.size() == next);
    for (Doc doc = next; doc < next + after; ++doc) {
      const std::string bytes = random() % 4 == 0 ? std::string() : quantised(gaussian(random, dimensions));
      RC_ASSERT(both.add(doc, bytes).ok());
      RC_ASSERT(expected.add(doc, bytes).ok());
    }
    RC_ASSERT(both.count() == expected.count());
    const VectorQuery query = query_of(gaussian(random, dimensions));
    const DocSet allowed = some_documents(random, next + after, 2);
    RC_ASSERT(both.top(query, 40, allowed) == expected.top(query, 40, allowed));
    for (Doc doc = 0; doc < next + after; ++doc) RC_ASSERT(both.bytes(doc) == expected.bytes(doc));
    const Vectors again = reopened(both, without(both, DocSet(both.size())));
    RC_ASSERT(again.top(query, 40, allowed) == expected.top(query, 40, allowed));
  });
}

TEST(Vectors, OfDocumentsThatWereRemovedAreNotFound) {
  std::mt19937_64 random(5);
  Vectors vectors = some_vectors(random, 64, 300);
  const VectorQuery query = *VectorQuery::of_bytes(vectors.bytes(42), 64);
  const DocSet all(300, true);
  ASSERT_EQ(vectors.top(query, 1, all).front().doc, 42U);
  EXPECT_NEAR(vectors.top(query, 1, all).front().score, 1, 1e-6);
  const Doc count = vectors.count();
  vectors.remove(42);
  vectors.remove(42);
  EXPECT_EQ(vectors.count(), count - 1);
  EXPECT_FALSE(vectors.has(42));
  EXPECT_EQ(vectors.bytes(42), "");
  EXPECT_EQ(vectors.similarity(42, query), 0);
  for (const VectorHit& hit : vectors.top(query, 300, all)) EXPECT_NE(hit.doc, 42U);
  const Vectors again = reopened(vectors, without(vectors, DocSet(300)));
  EXPECT_FALSE(again.has(42));
  EXPECT_EQ(again.count(), count - 1);
}

TEST(Vectors, OfEqualScoreComeInTheOrderOfDocuments) {
  Vectors vectors(16);
  const std::string bytes = quantised(Floats(16, 1.0F));
  for (Doc doc = 0; doc < 500; ++doc) ASSERT_TRUE(vectors.add(doc, bytes).ok());
  const auto hits = vectors.top(query_of(Floats(16, 2.0F)), 7, DocSet(500, true));
  ASSERT_EQ(hits.size(), 7U);
  for (Doc doc = 0; doc < 7; ++doc) EXPECT_EQ(hits[doc].doc, doc);
}

TEST(Vectors, MayBeFewOrNone) {
  const VectorQuery query = query_of(Floats(8, 1.0F));
  Vectors none(8);
  EXPECT_TRUE(none.top(query, 5, DocSet(0)).empty());
  EXPECT_TRUE(none.top(query, 5, DocSet(100, true)).empty());
  EXPECT_EQ(reopened(none, {}).size(), 0U);

  Vectors one(8);
  ASSERT_TRUE(one.add(0, quantised(Floats(8, -1.0F))).ok());
  const auto hits = one.top(query, 5, DocSet(1, true));
  ASSERT_EQ(hits.size(), 1U);
  EXPECT_NEAR(hits[0].score, -1, 1e-4) << "the nearest there is, however far";
  EXPECT_TRUE(one.top(query, 0, DocSet(1, true)).empty());
  EXPECT_TRUE(one.top(query, 5, DocSet(1)).empty());
  EXPECT_TRUE(one.top(query_of(Floats(9, 1.0F)), 5, DocSet(1, true)).empty()) << "of another space";

  Vectors without_space;
  ASSERT_TRUE(without_space.add(3, "").ok());
  EXPECT_EQ(without_space.size(), 4U);
  EXPECT_EQ(without_space.add(4, quantised(Floats(8, 1.0F))).reason(), "vector_bytes");
  EXPECT_EQ(reopened(without_space, {0, 1, 2, 3}).size(), 4U);
}

TEST(Vectors, AVectorOfZeroIsNone) {
  Vectors vectors(8);
  ASSERT_TRUE(vectors.add(0, Floats(8, 0.0F).data()).ok());
  ASSERT_TRUE(vectors.add(1, Floats(8, 1.0F).data()).ok());
  EXPECT_FALSE(vectors.has(0));
  EXPECT_EQ(vectors.count(), 1U);
  const VectorQuery zero = query_of(Floats(8, 0.0F));
  EXPECT_TRUE(zero.zero());
  EXPECT_TRUE(vectors.top(zero, 5, DocSet(2, true)).empty());
  EXPECT_EQ(vectors.similarity(1, zero), 0);
  EXPECT_EQ(vectors.similarity(0, 1), 0);
}

TEST(Vectors, RefuseWhatIsNoRowAndStoreNothingOfIt) {
  Vectors vectors(8);
  std::string bytes = quantised(Floats(8, 1.0F));
  ASSERT_TRUE(vectors.add(2, bytes).ok());
  EXPECT_EQ(vectors.add(2, bytes).reason(), "vector_order");
  EXPECT_EQ(vectors.add(kNoDoc, bytes).reason(), "vector_order");
  EXPECT_EQ(vectors.add(3, bytes.substr(1)).reason(), "vector_bytes");
  EXPECT_EQ(vectors.add(3, bytes + "x").reason(), "vector_bytes");
  bytes[0] = static_cast<char>(bytes[0] ^ 1);
  EXPECT_EQ(vectors.add(3, bytes).reason(), "vector_bytes") << "the factor does not fit any more";
  Floats bad(8, 1.0F);
  bad[7] = std::numeric_limits<float>::quiet_NaN();
  EXPECT_EQ(vectors.add(3, bad.data()).reason(), "vector_not_finite");
  EXPECT_EQ(vectors.size(), 3U);
  EXPECT_EQ(vectors.count(), 1U);
}

TEST(Vectors, AreNotReadFromASidecarOfAnotherKind) {
  std::mt19937_64 random(9);
  const Vectors vectors = some_vectors(random, 64, 100);
  const auto view = written(vectors, without(vectors, DocSet(100)));
  ASSERT_TRUE(view.ok());
  EXPECT_EQ(Vectors::open(*view, 65).status().reason(), "index_damaged");
  EXPECT_EQ(Vectors::open(SegmentView(), 64).status().reason(), "index_damaged");
}

}  // namespace
}  // namespace tau::memory
