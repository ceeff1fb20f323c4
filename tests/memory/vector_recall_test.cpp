// Search by codes, where documents are many: how much of the exact answer it finds, and what it must not
// depend on. Vectors in clusters, of a few latent dimensions, of hashed words, and of
// texts by the built-in embedder.
#include <gtest/gtest.h>

#include <algorithm>
#include <functional>
#include <numeric>
#include <random>
#include <string>
#include <unordered_map>

#include "memory/hash_embedder.h"
#include "memory/text_analysis.h"
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

// So many that a fixed number of candidates does not do.
constexpr Doc kTexts = 40'000;

// Texts whose words fall in frequency with their rank, as Zipf found them.
class ZipfTexts {
 public:
  ZipfTexts() {
    double sum = 0;
    for (size_t rank = 1; rank <= 60'000; ++rank) shares_.push_back(sum += 1 / static_cast<double>(rank));
  }
  std::string of(std::mt19937_64& random, size_t words, size_t without_first = 0) const {
    std::string out;
    const double low = without_first == 0 ? 0 : shares_[without_first - 1];
    for (; words > 0; --words) {
      const double at = std::uniform_real_distribution<double>(low, shares_.back())(random);
      auto rank = static_cast<size_t>(std::lower_bound(shares_.begin(), shares_.end(), at) - shares_.begin());
      std::string word;
      for (; rank > 0 || word.size() < 3; rank /= 15) word += "bcdfghjklmpqrtv"[rank % 15];
      out += word + "ko ";
    }
    return out;
  }

 private:
  std::vector<double> shares_;  // summed up
};

class Rarity final : public TermWeights {
 public:
  void count(const std::string& text) {
    std::vector<uint64_t> terms;
    Analyzer().analyze(text, &terms);
    std::sort(terms.begin(), terms.end());
    terms.erase(std::unique(terms.begin(), terms.end()), terms.end());
    for (const uint64_t term : terms) ++documents_[term];
  }
  double weight(uint64_t term) const override {
    const auto found = documents_.find(term);
    const double documents = found == documents_.end() ? 0 : found->second;
    return std::log(1 + (kTexts - documents + 0.5) / (documents + 0.5));
  }

 private:
  std::unordered_map<uint64_t, double> documents_;
};

// Vectors of the built-in embedder. All words have parts in common, so that every text is somewhat like a
// query, and the nearest ones hardly stand out.
Corpus corpus_of_texts() {
  std::mt19937_64 random(51);
  const ZipfTexts texts;
  const HashEmbedder embedder;
  Rarity rarity;
  Corpus out;
  Floats vector(kDimensions);
  for (Doc doc = 0; doc < kTexts; ++doc) {
    const std::string text = texts.of(random, 12 + random() % 37);
    rarity.count(text);
    EXPECT_TRUE(embedder.embed({text}, Purpose::kDocument, vector.data()).ok());
    EXPECT_TRUE(out.vectors.add(doc, vector.data()).ok());
  }
  for (size_t i = 0; i < 8 * kQueries; ++i) {
    const std::string query = texts.of(random, i % 2 == 0 ? 1 : 5, 50);
    EXPECT_TRUE(embedder.embed_query(query, rarity, vector.data()).ok());
    out.queries.push_back(vector);
  }
  return out;
}

double agreement_with_rows(const Corpus& corpus, size_t k) {
  size_t same = 0;
  const DocSet all(corpus.vectors.size(), true);
  for (const Floats& floats : corpus.queries) {
    const VectorQuery query = query_of(floats);
    const auto found = corpus.vectors.top(query, k, all, kEffort);
    for (const VectorHit& hit : corpus.vectors.top(query, k, all, {.scored = SIZE_MAX}))
      same += std::find(found.begin(), found.end(), hit) != found.end() ? 1 : 0;
  }
  return static_cast<double>(same) / static_cast<double>(k * corpus.queries.size());
}

TEST(VectorRecall, OfTenIsThatOfFloats) {
  for (const Maker& make : {clustered(), diffuse(), hashed()}) {
    const Corpus corpus = corpus_of(make);
    EXPECT_GE(recall_of_ten(corpus), 0.98);
    EXPECT_GE(agreement_with_rows(corpus, 10), 0.995);
  }
}

TEST(VectorRecall, OfShortQueriesIsThatOfAllRows) {
  EXPECT_GE(agreement_with_rows(corpus_of_texts(), 10), 0.99);
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

// One block of thirty-two says where the bar may be. It is wrong where those blocks hold all of the best, or
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
  for (Doc doc = 0; doc < kDocs; ++doc) (doc / 32 % 32 == 0 ? sampled : others).push_back(doc);
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
