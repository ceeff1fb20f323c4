// Words of the best memories, which the query did not name (relevance models, RM3: Lavrenko, Croft 2001).
// Private to memory.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "memory/embedder.h"

namespace tau::memory {

inline constexpr size_t kFeedbackTexts = 6;
inline constexpr size_t kFeedbackTerms = 25;
// How much they count together: a third of what the words of the query do.
inline constexpr double kFeedbackShare = 1.0 / 3;

struct FeedbackText {
  std::string text;
  double score = 0;
};
struct WeightedTerm {
  uint64_t term = 0;
  double weight = 0;
};

// At most kFeedbackTerms, ascending, with weights that add up to 1: those of the texts that are frequent in
// them and rare elsewhere. `weights` says 0 for what is to be left out.
std::vector<WeightedTerm> feedback_terms(const std::vector<FeedbackText>& texts, const TermWeights& weights);

}  // namespace tau::memory
