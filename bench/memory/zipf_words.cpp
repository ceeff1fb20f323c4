// A vocabulary whose frequencies fall with the rank, as Zipf found them.
#include "zipf_words.h"

#include <algorithm>

namespace tau::bench {

ZipfWords::ZipfWords() {
  double sum = 0;
  for (size_t rank = 1; rank <= kVocabulary; ++rank) shares_.push_back(sum += 1 / static_cast<double>(rank));
}

std::string ZipfWords::any(std::mt19937_64& random, size_t first) const {
  const double low = first == 0 ? 0 : shares_[first - 1];
  const double at = std::uniform_real_distribution<double>(low, shares_.back())(random);
  return word(static_cast<size_t>(std::lower_bound(shares_.begin(), shares_.end(), at) - shares_.begin()));
}

std::string ZipfWords::text(std::mt19937_64& random) const {
  std::string text;
  for (size_t n = 12 + random() % 37; n > 0; --n) text += any(random) + " ";
  return text;
}

std::string ZipfWords::query(std::mt19937_64& random, size_t words) const {
  std::string text;
  for (size_t n = 0; n < words; ++n) text += any(random, kStopWords) + " ";
  return text;
}

// Letters alone: "ka", "kb", …; no stem cuts them.
std::string ZipfWords::word(size_t rank) {
  std::string text;
  for (; rank > 0 || text.size() < 3; rank /= 15) text.push_back("bcdfghjklmpqrtv"[rank % 15]);
  return text + "ko";
}

}  // namespace tau::bench
