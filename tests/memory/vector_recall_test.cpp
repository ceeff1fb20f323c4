// Search by codes, where documents are many: how much of the exact answer it finds, and what it must not
// depend on. Three kinds of vectors: in clusters, of a few latent dimensions, and hashed words.
#include <gtest/gtest.h>

#include <algorithm>
#include <functional>
#include <numeric>
#include <random>

#include "memory/vectors.h"
#include "vector_samples.h"

namespace tau::memory {
namespace {

constexpr Doc kDocs = 10'000;
constexpr size_t kDimensions = 256;
// As many candidates of these as the usual effort has of some hundred thousand.
const VectorEffort kEffort{.scored = 1'000, .candidates = Vectors::kDeepest};
constexpr size_t kQueries = 20;

using Maker = std::function<Floats(std::mt19937_64&)>;

Maker clustered() {
  std::mt19937_64 random(21);
  std::vector<Floats> centres(kDocs / 200);
  for (Floats& centre : centres) centre = gaussian(random, kDimensions);
  return [centres](std::mt19937_64& any) {
    Floats out = centres[any() % centres.size()];
    const Floats away = gaussian(any, kDimensions);
    for (size_t i = 0; i < kDimensions; ++i) out[i] += 0.5F * away[i];
    return out;
  };
}

Maker diffuse() {
  constexpr size_t kLatent = 48;
  std::mt19937_64 random(22);
  std::vector<Floats> axes(kLatent);
  for (Floats& axis : axes) axis = gaussian(random, kDimensions);
  return [axes](std::mt19937_64& any) {
    const Floats weights = gaussian(any, kLatent);
    Floats out(kDimensions);
    for (size_t j = 0; j < kLatent; ++j)
      for (size_t i = 0; i < kDimensions; ++i)
        out[i] += weights[j] / std::sqrt(static_cast<float>(j + 1)) * axes[j][i];
    return out;
  };
}

// A dozen words of a vocabulary in which some are much more frequent than others, two components each.
Maker hashed() {
  return [](std::mt19937_64& any) {
    std::uniform_real_distribution<float> part(0, 1);
    Floats out(kDimensions);
    for (int i = 0; i < 12; ++i) {
      const auto word = static_cast<uint64_t>(std::exp(part(any) * std::log(20'000.0F)));
      std::mt19937_64 hash(word);
      for (int slot = 0; slot < 2; ++slot) {
        const uint64_t h = hash();
        out[h % kDimensions] += ((h >> 32 & 1) != 0 ? 1.0F : -1.0F) * std::log(static_cast<float>(word) + 1);
      }
    }
    return out;
  };
}

struct Corpus {
  std::vector<Floats> rows;
  std::vector<Floats> queries;
  Vectors vectors{kDimensions};
};

Corpus corpus_of(const Maker& make) {
  std::mt19937_64 random(31);
  Corpus out;
  for (Doc doc = 0; doc < kDocs; ++doc) {
    out.rows.push_back(make(random));
    EXPECT_TRUE(out.vectors.add(doc, out.rows.back().data()).ok());
  }
  for (size_t i = 0; i < kQueries; ++i) out.queries.push_back(make(random));
  return out;
}

// The score of the tenth by floats: what has at least this much belongs to the first ten, ties included.
double tenth_by_floats(const Corpus& corpus, const Floats& query) {
  std::vector<double> scores;
  for (const Floats& row : corpus.rows) scores.push_back(cosine_of(row, query));
  std::nth_element(scores.begin(), scores.begin() + 9, scores.end(), std::greater<>());
  return scores[9];
}

double recall_of_ten(const Corpus& corpus) {
  size_t found = 0;
  for (const Floats& query : corpus.queries) {
    const double tenth = tenth_by_floats(corpus, query);
    for (const VectorHit& hit : corpus.vectors.top(query_of(query), 10, DocSet(kDocs, true), kEffort))
      found += cosine_of(corpus.rows[hit.doc], query) >= tenth - 1e-9 ? 1 : 0;
  }
  return static_cast<double>(found) / (10 * kQueries);
}

double agreement_with_rows(const Corpus& corpus, size_t k) {
  size_t same = 0;
  const DocSet all(kDocs, true);
  for (const Floats& floats : corpus.queries) {
    const VectorQuery query = query_of(floats);
    const auto found = corpus.vectors.top(query, k, all, kEffort);
    for (const VectorHit& hit : corpus.vectors.top(query, k, all))
      same += std::find(found.begin(), found.end(), hit) != found.end() ? 1 : 0;
  }
  return static_cast<double>(same) / static_cast<double>(k * kQueries);
}

TEST(VectorRecall, OfTenIsThatOfFloats) {
  for (const Maker& make : {clustered(), diffuse(), hashed()}) {
    const Corpus corpus = corpus_of(make);
    EXPECT_GE(recall_of_ten(corpus), 0.98);
    EXPECT_GE(agreement_with_rows(corpus, 10), 0.995);
  }
}

TEST(VectorRecall, CodesDependOnNothingButVectors) {
  const Corpus corpus = corpus_of(diffuse());
  DocSet most(kDocs, true);
  for (Doc doc = 7; doc < kDocs; doc += 50) most.remove(doc);
  VectorEffort portable = kEffort;
  portable.kernels = &portable_vector_kernels();
  ASSERT_GT(most.count(), kEffort.scored);
  for (const Floats& floats : corpus.queries) {
    const VectorQuery query = query_of(floats);
    const auto hits = corpus.vectors.top(query, Vectors::kDeepest, most, kEffort);
    ASSERT_EQ(hits.size(), Vectors::kDeepest);
    EXPECT_TRUE(std::is_sorted(hits.begin(), hits.end(), before));
    EXPECT_EQ(corpus.vectors.top(query, Vectors::kDeepest, most, portable), hits);
    for (const size_t k : {1, 2, 10, 99})
      EXPECT_EQ(corpus.vectors.top(query, k, most, kEffort),
                std::vector<VectorHit>(hits.begin(), hits.begin() + static_cast<long>(k)));
    for (const VectorHit& hit : hits) {
      EXPECT_TRUE(most.contains(hit.doc));
      EXPECT_EQ(hit.score, corpus.vectors.similarity(hit.doc, query));
    }
  }
}

// One block of sixteen says where the bar may be. It is wrong where those blocks hold all of the best, or
// none of them: what is found is the same.
TEST(VectorRecall, DoesNotDependOnWhereTheBestStand) {
  const Corpus corpus = corpus_of(diffuse());
  const VectorQuery query = query_of(corpus.queries[0]);
  std::vector<size_t> best(kDocs);
  std::iota(best.begin(), best.end(), size_t{0});
  std::sort(best.begin(), best.end(), [&](size_t a, size_t b) {
    return cosine_of(corpus.rows[a], corpus.queries[0]) > cosine_of(corpus.rows[b], corpus.queries[0]);
  });
  std::vector<Doc> sampled;
  std::vector<Doc> others;
  for (Doc doc = 0; doc < kDocs; ++doc) (doc / 32 % 16 == 0 ? sampled : others).push_back(doc);
  const auto scores_of = [&](const Vectors& vectors) {
    std::vector<float> scores;
    for (const VectorHit& hit : vectors.top(query, Vectors::kDeepest, DocSet(kDocs, true), kEffort))
      scores.push_back(hit.score);
    return scores;
  };
  const std::vector<float> expected = scores_of(corpus.vectors);
  for (const bool best_are_sampled : {true, false}) {
    std::vector<Doc> places = best_are_sampled ? sampled : others;
    const std::vector<Doc>& rest = best_are_sampled ? others : sampled;
    places.insert(places.end(), rest.begin(), rest.end());
    std::vector<size_t> row_at(kDocs);
    for (size_t i = 0; i < kDocs; ++i) row_at[places[i]] = best[i];
    Vectors vectors(kDimensions);
    for (Doc doc = 0; doc < kDocs; ++doc) ASSERT_TRUE(vectors.add(doc, corpus.rows[row_at[doc]].data()).ok());
    EXPECT_EQ(scores_of(vectors), expected);
  }
}

TEST(VectorRecall, DeepAnswersScoreEveryRow) {
  const Corpus corpus = corpus_of(clustered());
  const VectorQuery query = query_of(corpus.queries[0]);
  const DocSet all(kDocs, true);
  EXPECT_EQ(corpus.vectors.top(query, Vectors::kDeepest + 1, all, kEffort),
            corpus.vectors.top(query, Vectors::kDeepest + 1, all));
}

TEST(VectorRecall, FewAllowedOfManyAreAllScored) {
  const Corpus corpus = corpus_of(hashed());
  std::mt19937_64 random(41);
  for (const uint64_t one_of : {12, 50, 5'000}) {
    DocSet some(kDocs);
    for (Doc doc = 0; doc < kDocs; ++doc)
      if (random() % one_of == 0) some.add(doc);
    for (const Floats& floats : corpus.queries) {
      const VectorQuery query = query_of(floats);
      std::vector<VectorHit> expected;
      some.each([&](Doc doc) { expected.push_back({doc, corpus.vectors.similarity(doc, query)}); });
      std::sort(expected.begin(), expected.end(), before);
      expected.resize(std::min<size_t>(expected.size(), 10));
      EXPECT_EQ(corpus.vectors.top(query, 10, some, kEffort), expected);
    }
  }
}

}  // namespace
}  // namespace tau::memory
