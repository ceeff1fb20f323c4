// The embedder without a model: directions, lengths, bad input.
#include "memory/hash_embedder.h"

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include <array>
#include <cmath>
#include <string>
#include <vector>

#include "memory/text_analysis.h"

namespace tau::memory {
namespace {

using Vector = std::array<float, HashEmbedder::kDimensions>;

Vector embed(std::string_view text) {
  Vector vector{};
  EXPECT_TRUE(HashEmbedder().embed({text}, Purpose::kDocument, vector.data()).ok());
  return vector;
}
double dot(const Vector& a, const Vector& b) {
  double sum = 0;
  for (size_t i = 0; i < a.size(); ++i) sum += static_cast<double>(a[i]) * static_cast<double>(b[i]);
  return sum;
}
// So many words that no other text has.
std::string words(int seed, int count) {
  std::string text;
  uint64_t state = static_cast<uint64_t>(seed) * 0x9e3779b97f4a7c15 + 1;
  for (int i = 0; i < count; ++i) {
    for (int c = 0; c < 9; ++c) {
      state = state * 6364136223846793005 + 1442695040888963407;
      text.push_back(static_cast<char>('a' + (state >> 33) % 26));
    }
    text.push_back(' ');
  }
  return text;
}

TEST(HashEmbedder, TextsWithoutACommonWordAreAtRightAngles) {
  for (const int count : {30, 300, 4000}) {
    constexpr int kTexts = 24;
    std::vector<Vector> vectors;
    for (int i = 0; i < 2 * kTexts; ++i) vectors.push_back(embed(words(i, count)));
    double sum = 0;
    for (int i = 0; i < kTexts; ++i)
      for (int j = kTexts; j < 2 * kTexts; ++j)
        sum += std::abs(dot(vectors[static_cast<size_t>(i)], vectors[static_cast<size_t>(j)]));
    EXPECT_LE(sum / (kTexts * kTexts), 0.055) << count;  // of random directions in 256 dimensions: 0.05
  }
}

TEST(HashEmbedder, MisspeltWordsAreAlike) {
  EXPECT_GT(dot(embed("restaurant"), embed("restaurnt")), 0.4);
  EXPECT_GT(dot(embed("colour of the kitchen"), embed("kitchens coloured")), 0.4);
  EXPECT_LT(dot(embed("restaurant"), embed("philosophy")), 0.25);
  EXPECT_NEAR(dot(embed("The Kitchen!"), embed("kitchen")), 1, 1e-5);
}

TEST(HashEmbedder, RareWordsOfAQueryWeighMore) {
  class Weights final : public TermWeights {
   public:
    explicit Weights(uint64_t rare) : rare_(rare) {}
    double weight(uint64_t term) const override { return term == rare_ ? 5 : 0.5; }

   private:
    uint64_t rare_;
  };
  std::vector<uint64_t> rare;
  Analyzer().analyze("zebra", &rare);
  Vector query{};
  ASSERT_TRUE(HashEmbedder().embed_query("zebra house", Weights(rare.at(0)), query.data()).ok());
  EXPECT_GT(dot(query, embed("zebra")), dot(query, embed("house")) + 0.5);
}

TEST(HashEmbedder, NothingToEmbedIsZero) {
  for (const std::string_view text : {"", "the of and", "\xff\xfe", "!!! …"})
    EXPECT_EQ(dot(embed(text), embed(text)), 0) << text;
}

RC_GTEST_PROP(HashEmbedderProperty, VectorsHaveLengthOneWhateverTheBytes, (const std::string& bytes)) {
  const Vector vector = embed(bytes);
  const double length = dot(vector, vector);
  RC_ASSERT(length == 0 || std::abs(length - 1) < 1e-5);
}

TEST(HashEmbedder, TheBatchDoesNotMatterNorDoesSize) {
  std::string large = words(3, 5'000);
  Vector alone = embed(large);
  std::vector<float> both(2 * HashEmbedder::kDimensions);
  ASSERT_TRUE(HashEmbedder().embed({"other", large}, Purpose::kDocument, both.data()).ok());
  EXPECT_TRUE(std::equal(alone.begin(), alone.end(), both.begin() + HashEmbedder::kDimensions));
}

// Pins the space: other numbers are another space, and need another name.
TEST(HashEmbedder, TheSpaceIsTheOneThatItsNameSays) {
  const Vector vector = embed("The quick brown fox jumps over the lazy dog, 42 times.");
  uint64_t hash = 0;
  for (const float value : vector)
    hash = hash * 1099511628211ULL + static_cast<uint64_t>(std::llround(value * 1e4) + 20'000);
  EXPECT_EQ(HashEmbedder().id(), "hash-1");
  EXPECT_EQ(hash, 10285108891738984598U);
}

}  // namespace
}  // namespace tau::memory
