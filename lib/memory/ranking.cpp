// The formulas of ranking.
#include "memory/ranking.h"

#include <algorithm>
#include <cmath>

namespace tau::memory {
namespace {

// Words that a turn of a conversation has, and an abstract; the middle is in between by ratio.
constexpr double kMiddleLength = 40;
constexpr double kSteepness = 2;
constexpr double kQueryCountSaturation = 8;  // k3
// How much more vectors of meaning weigh in long texts, and what vectors of spelling take where nearly no
// word is known: little of that where few are unknown, for names are, too, that are spelt right.
constexpr double kMoreInLong = 0.7;
constexpr double kMisspelt = 0.2;

// 0 to 1: a logistic curve over the logarithm of the length: x^s / (1 + x^s).
double long_share(double average_length) {
  const double ratio = std::pow(std::max(average_length, 1.0) / kMiddleLength, kSteepness);
  return ratio / (1 + ratio);
}

}  // namespace

Bm25::Bm25(double k1, double b, double average_length)
    : most_(static_cast<float>(k1 + 1)),
      fixed_(static_cast<float>(k1 * (1 - b))),
      by_length_(static_cast<float>(k1 * b / std::max(average_length, 1.0))) {}

Bm25 Bm25::of(double average_length) {
  const double share = long_share(average_length);
  return {0.9 + 0.5 * share, 0.4 + 0.35 * share, average_length};
}

double inverse_document_frequency(int64_t documents, int64_t with_term) {
  const auto n = static_cast<double>(std::max<int64_t>(documents, with_term));
  const auto df = static_cast<double>(std::max<int64_t>(with_term, 0));
  return std::log(1 + (n - df + 0.5) / (df + 0.5));
}

bool is_common(int64_t with_term, int64_t documents) {
  constexpr int64_t kMostWithTerm = 2'000;
  constexpr int64_t kShareWithTerm = 64;
  return with_term > std::max(kMostWithTerm, documents / kShareWithTerm);
}

double query_term_weight(uint32_t count) {
  return count * (kQueryCountSaturation + 1) / (count + kQueryCountSaturation);
}

double vector_score(double cosine, double unrelated) {
  unrelated = std::clamp(unrelated, 0.0, 0.95);
  return std::clamp((cosine - unrelated) / (1 - unrelated), 0.0, 1.0);
}

namespace {

// How many deviations above the mean a normal variable is with this probability, below one half
// (Abramowitz, Stegun 26.2.23).
double normal_quantile(double probability) {
  const double t = std::sqrt(-2 * std::log(probability));
  return t -
         (2.515517 + t * (0.802853 + t * 0.010328)) / (1 + t * (1.432788 + t * (0.189269 + t * 0.001308)));
}

}  // namespace

double least_cosine(double unrelated, double deviation, int64_t documents) {
  constexpr double kQueries = 0.1;  // that find one by chance
  constexpr double kWithin = 2;     // deviations that `unrelated` is above the mean
  const double deviations = normal_quantile(kQueries / static_cast<double>(std::max<int64_t>(documents, 1)));
  return unrelated + deviation * std::max(0.0, deviations - kWithin);
}

double weight_of_vectors(double usual, bool by_spelling, double unknown, double average_length) {
  if (usual <= 0 || usual >= 1) return std::clamp(usual, 0.0, 1.0);
  if (unknown >= 1) return 1;
  if (by_spelling) return usual + (1 - usual) * kMisspelt * unknown * unknown;
  return std::min(1.0, usual * (1 + kMoreInLong * long_share(average_length) * (1 - unknown)));
}

double reciprocal_rank(size_t rank) {
  return (kRankConstant + 1.0) / (kRankConstant + 1.0 + static_cast<double>(rank));
}

}  // namespace tau::memory
