// What a text is found by: terms, which are hashes of stems. Private to memory.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "memory/token_reader.h"
#include "store/store.h"

namespace tau::memory {

// Changes whenever the same text may give other terms: indexes of another version are built again.
inline constexpr uint32_t kAnalysisVersion = 1;

struct TermCount {
  uint64_t term = 0;
  uint32_t count = 0;
  bool operator==(const TermCount&) const = default;
};

// A word that says something, as it is searched.
struct Stem {
  Token token;
  std::string_view text;  // lives until the next word
  uint64_t term = 0;
};

// Linear in the text, whatever it is made of; keeps nothing.
class Analyzer {
 public:
  // Terms in the order of the words; words that are in every text (stop words) are left out.
  void analyze(std::string_view text, std::vector<uint64_t>* terms) const;
  // The term of what is a name as it stands: a tag.
  static uint64_t tag_term(std::string_view tag);
};

// Words of a text, stop words left out, stems made.
class StemReader {
 public:
  explicit StemReader(std::string_view text) : text_(text), tokens_(text) {}
  bool next(Stem* stem);

 private:
  bool is_month_may(const Token& token) const;

  std::string_view text_;
  TokenReader tokens_;
  char buffer_[TokenReader::kMaxBytes + 16] = {};
};

// Each term once, ascending.
void count_terms(std::vector<uint64_t>& terms, std::vector<TermCount>* counts);

// Words of a day: "8 May 2023 monday".
std::string date_words(int64_t time_ms);

// All that a memory is found by: its text, the words of its day, its tags.
void document_terms(const store::MemoryRow& row, std::vector<TermCount>* counts);

}  // namespace tau::memory
