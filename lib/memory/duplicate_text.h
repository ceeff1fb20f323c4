// What two texts must share to say the same: the form in which texts are compared before one of them may go.
// Cautious on purpose: a duplicate that stays costs a line, a statement that goes is lost.
#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace tau::memory {

struct TextForm {
  std::string plain;                // all words, lower case, single spaces, without punctuation at their ends
  std::vector<std::string> words;   // of these the ones that say something; an ending -s is taken off
  std::vector<std::string> guards;  // numbers, dates, names, negations and words of direction, in order
  std::vector<std::string>
      capitals;  // words with a capital, lower case, also where a sentence begins; sorted
};

// Any bytes. English is what it knows negations and dates of; in other languages every word says something.
TextForm form_of(std::string_view text);

// Hashes of five characters in a row of `plain`, sorted, each once; of a shorter text one.
std::vector<uint64_t> shingles_of(const TextForm& form);
// Shared of all: Jaccard's index of two sorted lists without repetition. Two empty ones are equal.
double overlap(const std::vector<uint64_t>& a, const std::vector<uint64_t>& b);
double word_overlap(const TextForm& a, const TextForm& b);

// One says what the other says, in the same order, with at most one word in ten more.
inline constexpr size_t kWordsForOneMore = 10;
bool words_agree(const TextForm& a, const TextForm& b);
// No word with a capital is in one of them only.
bool capitals_agree(const TextForm& a, const TextForm& b);

inline constexpr size_t kBands = 12;
inline constexpr size_t kBandRows = 6;

// Small fingerprints of a form, to find candidates with; they prove nothing.
struct TextPrint {
  uint64_t plain = 0;
  uint64_t words = 0;
  uint64_t word_count = 0;
  uint64_t guards = 0;
  uint64_t simhash = 0;                  // Manku, Jain, Das Sarma, WWW 2007
  std::array<uint32_t, kBands> bands{};  // MinHash by one permutation, twelve bands of six
};
TextPrint print_of(const TextForm& form);

uint64_t hash_of(std::string_view text, uint64_t seed = 0);

}  // namespace tau::memory
