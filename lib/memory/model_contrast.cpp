// A few sentences without a common subject, compared with each other.
#include "memory/model_contrast.h"

#include <algorithm>
#include <cmath>
#include <numeric>

namespace tau::memory {
namespace {

constexpr std::string_view kSentences[] = {
    "The train to the coast leaves at nine in the morning.",
    "She plays the violin in a small orchestra.",
    "Add two eggs and a cup of flour to the bowl.",
    "The server restarts when its configuration changes.",
    "He broke his arm while skiing last winter.",
    "Our neighbours have a new puppy.",
    "The council voted against the new tax.",
    "Copper conducts heat better than iron.",
    "They painted the kitchen yellow.",
    "The novel is about a family of fishermen.",
    "Interest rates rose for the third time this year.",
    "I forgot my passport at the hotel.",
};
// Above the mean; one more than elsewhere, for texts of one collection are more alike than these.
constexpr double kDeviations = 3;
constexpr double kMost = 0.9;  // a model that finds all texts so alike says nothing by it

}  // namespace

StatusOr<double> measure_unrelated_cosine(const Embedder& embedder) {
  const std::vector<std::string_view> texts(std::begin(kSentences), std::end(kSentences));
  const size_t dimensions = embedder.dimensions();
  std::vector<float> vectors(texts.size() * dimensions);
  TAU_RETURN_IF_ERROR(embedder.embed(texts, Purpose::kDocument, vectors.data()));
  double sum = 0, squares = 0, pairs = 0;
  for (size_t i = 0; i < texts.size(); ++i)
    for (size_t j = 0; j < i; ++j) {
      const float* const a = &vectors[i * dimensions];
      const double cosine = std::inner_product(a, a + dimensions, &vectors[j * dimensions], 0.0);
      sum += cosine;
      squares += cosine * cosine;
      ++pairs;
    }
  const double mean = sum / pairs;
  const double deviation = std::sqrt(std::max(0.0, squares / pairs - mean * mean));
  const double unrelated = std::max(0.0, mean + kDeviations * deviation);
  return unrelated <= kMost ? unrelated : 0;
}

}  // namespace tau::memory
