// Words as a language has them: few often, many seldom.
#pragma once

#include <cstddef>
#include <random>
#include <string>
#include <vector>

namespace tau::bench {

class ZipfWords {
 public:
  static constexpr size_t kVocabulary = 60'000;
  static constexpr size_t kStopWords = 50;  // the most frequent ones, which no query is made of

  ZipfWords();
  // Any word but the `first` most frequent ones.
  std::string any(std::mt19937_64& random, size_t first = 0) const;
  // 12 to 48 of them, each followed by a space.
  std::string text(std::mt19937_64& random) const;
  // So many, of those that a query is made of, each followed by a space.
  std::string query(std::mt19937_64& random, size_t words) const;

 private:
  static std::string word(size_t rank);
  std::vector<double> shares_;  // summed up
};

}  // namespace tau::bench
