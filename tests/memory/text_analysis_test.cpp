// From texts to terms: words of many scripts, stems, compounds, dates.
#include "memory/text_analysis.h"

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include <algorithm>
#include <set>
#include <string>
#include <vector>

#include "memory/calendar.h"

namespace tau::memory {
namespace {

std::vector<std::string> stems(std::string_view text) {
  std::vector<std::string> out;
  StemReader reader(text);
  for (Stem stem; reader.next(&stem);) out.emplace_back(stem.text);
  return out;
}
std::vector<uint64_t> terms(std::string_view text) {
  std::vector<uint64_t> out;
  Analyzer().analyze(text, &out);
  return out;
}
using Words = std::vector<std::string>;

TEST(TextAnalysis, FoldsCaseAccentsWidthAndPrintForms) {
  EXPECT_EQ(stems("Café CRÈME"), (Words{"cafe", "creme"}));
  EXPECT_EQ(stems("Straße ŒUVRE Þing"), (Words{"strass", "oeuvr", "thing"}));
  EXPECT_EQ(stems("e\xcc\x81t\xc3\xa9"), (Words{"ete"}));  // a mark of its own, and one that is joined
  EXPECT_EQ(stems("ＡＢＣ１２"), (Words{"abc12"}));
  EXPECT_EQ(stems("oﬃce"), (Words{"offic"}));
  EXPECT_EQ(stems("Москва МОСКВА ёлка"), (Words{"москва", "москва", "елка"}));
  EXPECT_EQ(stems("ΆΝΘΡΩΠΟΣ άνθρωπος"), (Words{"ανθρωποσ", "ανθρωποσ"}));
  EXPECT_EQ(stems("٢٠٢٣"), (Words{"2023"}));
}

TEST(TextAnalysis, WordsOfOneStemMeet) {
  for (const auto& [a, b] : {std::pair{"painting", "painted"},
                             {"children", "child"},
                             {"went", "go"},
                             {"bought", "buys"},
                             {"photos", "picture"},
                             {"universities", "university"}})
    EXPECT_EQ(terms(a), terms(b)) << a << " " << b;
  EXPECT_NE(terms("universe"), terms("university"));
  EXPECT_NE(terms("organ"), terms("organization"));
}

TEST(TextAnalysis, LeavesOutWhatSaysNothing) {
  EXPECT_TRUE(stems("When did they go to the… What? It isn't! Don't, we'll; I'm").size() == 1);
  EXPECT_EQ(stems("Caroline's sister"), (Words{"carolin", "sister"}));
  EXPECT_EQ(stems("Caroline’s"), (Words{"carolin"}));
  EXPECT_EQ(stems("it may be in May"), (Words{"may"}));  // the month
  EXPECT_EQ(stems("O'Neill"), (Words{"o", "neill"}));
}

TEST(TextAnalysis, KeepsNumbersDatesAndIdentifiers) {
  EXPECT_EQ(stems("1,234,567 and 12,3"), (Words{"1234567", "12", "3"}));
  EXPECT_EQ(stems("June 3rd, 21st"), (Words{"june", "3", "21"}));
  EXPECT_EQ(stems("2023-05-08"), (Words{"2023", "05", "08", "2023-05-08"}));
  EXPECT_EQ(stems("max_tokens"), (Words{"max", "token", "max_tokens"}));
  EXPECT_EQ(stems("gpt-4 v1.2"), (Words{"gpt", "4", "gpt-4", "v1", "2", "v1.2"}));
  EXPECT_EQ(stems("getUserName"), (Words{"get", "user", "name", "getusername"}));
  EXPECT_EQ(stems("well-known"), (Words{"well", "know"}));
  EXPECT_EQ(stems("C++ C# C"), (Words{"c++", "c#", "c"}));
}

TEST(TextAnalysis, ReadsScriptsWithoutBlanksByPairs) {
  EXPECT_EQ(stems("東京都"), (Words{"東京", "京都"}));
  EXPECT_EQ(stems("東 京"), (Words{"東", "京"}));
  EXPECT_EQ(stems("東京 tokyo"), (Words{"東京", "tokyo"}));
  EXPECT_EQ(stems("한국어"), (Words{"한국", "국어"}));
}

TEST(TextAnalysis, TagsAreAnotherThingThanWords) {
  EXPECT_NE(Analyzer::tag_term("work"), terms("work").at(0));
  EXPECT_NE(Analyzer::tag_term("Work"), Analyzer::tag_term("work"));
}

TEST(TextAnalysis, AMemoryIsFoundByItsDayAndItsTags) {
  store::MemoryRow row;
  row.text = "lunch";
  row.tags = {"family"};
  row.time_ms = day_number({2023, 5, 8}) * kMsPerDay + 5;
  std::vector<TermCount> counts;
  document_terms(row, &counts);
  EXPECT_TRUE(std::ranges::is_sorted(counts, {}, &TermCount::term));
  for (const std::string_view word : {"lunch", "May", "8", "2023", "Monday", "family"}) {
    const uint64_t term = terms(word).at(0);
    EXPECT_TRUE(std::ranges::any_of(counts, [&](const TermCount& c) {
      return c.term == term && c.count == 1;
    })) << word;
  }
}

RC_GTEST_PROP(TextAnalysisProperty, AnyBytesGiveWordsWithinBounds, (const std::string& bytes)) {
  TokenReader reader(bytes);
  size_t tokens = 0;
  for (Token token; reader.next(&token); ++tokens) {
    RC_ASSERT(!token.text.empty());
    RC_ASSERT(token.text.size() <= TokenReader::kMaxBytes + 8);
    RC_ASSERT(token.begin < token.end && token.end <= bytes.size());
    RC_ASSERT(is_valid_utf8(token.text));
  }
  RC_ASSERT(tokens <= 2 * bytes.size());
}

RC_GTEST_PROP(TextAnalysisProperty, CaseOfAsciiWordsDoesNotMatter, ()) {
  const auto words =
      *rc::gen::container<std::string>(rc::gen::element('a', 'e', 'n', 's', 't', ' ', ' ', '-', '3'));
  std::string upper = words;
  for (char& c : upper) c = c >= 'a' && c <= 'z' ? static_cast<char>(c - 32) : c;
  RC_ASSERT(stems(words) == stems(upper));
}

TEST(TextAnalysis, ReadsAMegabyteOfAnything) {
  for (const std::string_view unit :
       {"a", "\xff", "東", "a_", "1,", "'", "\xcc\x81", "don't", "A", "aB", "++", "1.2"}) {
    std::string text;
    while (text.size() < 1'000'000) text += unit;
    EXPECT_LE(terms(text).size(), 1'500'000U) << unit;
  }
}

TEST(Calendar, DaysReadBack) {
  for (int64_t day = -800'000; day < 800'000; day += 37) {
    const CivilDay civil = civil_day(day);
    EXPECT_EQ(day_number(civil), day);
    EXPECT_LE(civil.day, days_in_month(civil.year, civil.month));
  }
  EXPECT_EQ(civil_day(0).year, 1970);
  EXPECT_EQ(day_of(-1), -1);
  EXPECT_EQ(weekday_name(0), "thursday");
  EXPECT_EQ(date_words(day_number({2024, 2, 29}) * kMsPerDay), "29 February 2024 thursday");
  EXPECT_EQ(days_in_month(1900, 2), 28);
}

}  // namespace
}  // namespace tau::memory
