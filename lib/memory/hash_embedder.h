// The embedder that needs no model: words and parts of words, hashed. It knows nothing of meaning; it finds
// what is misspelt or inflected in ways that stems do not cover. Private to memory.
//
// Each word gives a feature for its stem and one for each 3 to 5 characters of it; each feature adds to two
// components, with signs that have nothing to do with which components they are (Weinberger et al. 2009).
// Counts are whole numbers, so a text has the same vector on every machine.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>
#include <vector>

#include "memory/embedder.h"

namespace tau::memory {

class HashEmbedder final : public Embedder {
 public:
  static constexpr size_t kDimensions = 256;
  static constexpr size_t kMaxBytes = 1 << 20;  // of a text

  std::string_view id() const override { return "hash-1"; }
  size_t dimensions() const override { return kDimensions; }
  Status embed(const std::vector<std::string_view>& texts, Purpose purpose, float* out) const override;
  Status embed_query(std::string_view text, const TermWeights& weights, float* out) const override;
  // Of texts without a common word: 0.02 in the mean, for parts of words are common, and as random directions
  // have it.
  double unrelated_cosine() const override { return 0.15; }
  double unrelated_deviation() const override { return 0.065; }
  // Words that are found as they stand say more than these vectors.
  double usual_weight() const override { return 0.07; }
  bool by_spelling() const override { return true; }
};

}  // namespace tau::memory
