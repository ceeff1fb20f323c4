// What the score of a memory is made of. Pure.
//
//   words    = BM25 over the words of the query, over the most that these words could bring: 0 to 1
//   vectors  = (cosine - that of unrelated texts) / (1 - that): 0 to 1
//   own      = (1 - w) * words + w * vectors              (or ranks instead, by option)
//              w is one number for all memories: see weight_of_vectors()
//   context  = own + sum over its neighbours in the thread of kNeighbour[distance] * own
//   thread   = kThread * best context of its thread
//              + kWhole * ((1 - w) * how much its thread says of the query + w * best vectors of its thread)
//   sum      = context + thread + graph weight * what relations bring
//   score    = sum / the most that a sum can be * (1 + importance + recency) / (1 + kMaxBoost)
//
// The scale is fixed: it does not depend on what else is there, nor on whether there are relations.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>

#include "memory/types.h"

namespace tau::memory {

enum class Fusion : uint8_t {
  kConvex,          // a weighted sum of the two scores
  kReciprocalRank,  // a weighted sum of 61 / (60 + rank): a document that is in one list only has one part
};

// Okapi BM25 (Robertson, Zaragoza 2009). Short texts want term counts to saturate early and length to matter
// little, long ones the contrary: between kShort and kLong words the constants go smoothly from one to the
// other.
class Bm25 {
 public:
  Bm25(double k1, double b, double average_length);
  // With constants that suit texts of this length.
  static Bm25 of(double average_length);

  // What a term of weight 1 brings: 0 to most().
  float score(uint32_t count, uint32_t length) const {
    const auto times = static_cast<float>(count);
    return most_ * times / (times + (fixed_ + by_length_ * static_cast<float>(length)));
  }
  float most() const { return most_; }

 private:
  float most_;       // k1 + 1
  float fixed_;      // k1 * (1 - b)
  float by_length_;  // k1 * b / average length
};
// Robertson–Spärck Jones, never below 0.
double inverse_document_frequency(int64_t documents, int64_t with_term);
// A word that so many memories have says little of the best ones, and going through all of them takes long.
bool is_common(int64_t with_term, int64_t documents);
// How much a word counts that is in a query more than once.
double query_term_weight(uint32_t count);

inline constexpr std::array<double, 3> kNeighbour = {1, 0.3, 0.15};  // by distance in the thread
inline constexpr double kThread = 0.3;
inline constexpr double kWhole = 0.2;
// Of the score of the best one: what has no word of the query, is not alike and is not related needs as much.
inline constexpr double kLeastShare = 0.05;
inline constexpr double kMaxBoost = 0.3;
inline constexpr double kMaxGraphWeight = 1;
inline constexpr int kRankConstant = 60;
// The most that context can be, of an own score of 1 all around.
inline constexpr double kMaxContext = kNeighbour[0] + 2 * kNeighbour[1] + 2 * kNeighbour[2];

struct ScoreParts {
  // Shares of the score; they add up to it.
  double words = 0;
  double vectors = 0;
  double neighbours = 0;
  double thread = 0;
  double graph = 0;
  double importance = 0;
  double recency = 0;
  double sum() const { return words + vectors + neighbours + thread + graph + importance + recency; }
};

// `cosine` over that of unrelated texts, 0 to 1.
double vector_score(double cosine, double unrelated);
// Below it likeness alone says nothing: of so many texts that have nothing to do with a query, one in ten
// queries finds one that is more alike. `unrelated` is two deviations above the mean of such cosines.
double least_cosine(double unrelated, double deviation, int64_t documents);
// How much vectors weigh in a search where nobody said. `usual` is what suits short texts. In a long text a
// word of the query stands by accident more easily, so there vectors of meaning weigh more. Of `unknown`, the
// share of the query's words that no memory has (by weight), vectors of spelling take a part: they find what
// is misspelt. Where no word is known words cannot bring anything, and vectors weigh all.
double weight_of_vectors(double usual, bool by_spelling, double unknown, double average_length);
double reciprocal_rank(size_t rank);  // of ranks from 0: 1 to 0

}  // namespace tau::memory
