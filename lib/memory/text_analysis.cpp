// From texts to terms.
#include "memory/text_analysis.h"

#include <algorithm>
#include <array>
#include <cstring>

#include "crypto/crypto.h"
#include "memory/calendar.h"
#include "memory/english_words.h"
#include "memory/stemmer.h"

namespace tau::memory {
namespace {

constexpr uint64_t kTagSeed = 0x746167;  // a tag is another thing than a word of the same letters

bool is_english(std::string_view word) {
  return std::ranges::all_of(word, [](char c) { return c >= 'a' && c <= 'z'; });
}

}  // namespace

// "may" is an auxiliary, "May" is a month.
bool StemReader::is_month_may(const Token& token) const {
  return token.text == "may" && text_[token.begin] == 'M';
}

bool StemReader::next(Stem* stem) {
  while (tokens_.next(&stem->token)) {
    stem->text = stem->token.text;
    if (stem->token.kind == Token::Kind::kWord && is_english(stem->text)) {
      const auto instead = english_word(stem->text);
      if (instead && instead->empty() && !is_month_may(stem->token)) continue;
      const std::string_view word = instead && !instead->empty() ? *instead : stem->text;
      std::memcpy(buffer_, word.data(), word.size());
      stem->text = {buffer_, stem_english(buffer_, word.size())};
    }
    stem->term = crypto::checksum64(stem->text);
    return true;
  }
  return false;
}

void Analyzer::analyze(std::string_view text, std::vector<uint64_t>* terms) const {
  StemReader reader(text);
  for (Stem stem; reader.next(&stem);) terms->push_back(stem.term);
}

uint64_t Analyzer::tag_term(std::string_view tag) { return crypto::checksum64(tag, kTagSeed); }

void count_terms(std::vector<uint64_t>& terms, std::vector<TermCount>* counts) {
  std::ranges::sort(terms);
  counts->clear();
  for (const uint64_t term : terms) {
    if (counts->empty() || counts->back().term != term) counts->push_back({term, 0});
    ++counts->back().count;
  }
}

std::string date_words(int64_t time_ms) {
  const CivilDay day = civil_day(day_of(time_ms));
  std::string month(month_name(day.month));
  month[0] = static_cast<char>(month[0] - 'a' + 'A');
  return format("{} {} {} {}", day.day, month, day.year, weekday_name(day_of(time_ms)));
}

void document_terms(const store::MemoryRow& row, std::vector<TermCount>* counts) {
  std::vector<uint64_t> terms;
  const Analyzer analyzer;
  analyzer.analyze(row.text, &terms);
  analyzer.analyze(date_words(row.time_ms), &terms);
  for (const std::string& tag : row.tags) {
    analyzer.analyze(tag, &terms);
    terms.push_back(Analyzer::tag_term(tag));
  }
  count_terms(terms, counts);
}

}  // namespace tau::memory
