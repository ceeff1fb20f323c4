// Queries as people type them: words, phrases, prefixes, exclusions, times.
#include "memory/query.h"

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include <algorithm>
#include <string>
#include <vector>

#include "memory/calendar.h"
#include "memory/query_times.h"

namespace tau::memory {
namespace {

std::vector<uint64_t> terms_of(std::string_view text) {
  std::vector<uint64_t> terms;
  Analyzer().analyze(text, &terms);
  std::ranges::sort(terms);
  return terms;
}
std::vector<uint64_t> terms_of(const Query& query) {
  std::vector<uint64_t> terms;
  for (const TermCount& term : query.terms) terms.insert(terms.end(), term.count, term.term);
  return terms;
}
int64_t ms(int64_t year, int month, int day) { return day_number({year, month, day}) * kMsPerDay; }
// Thursday the 15th of June 2023, at noon.
const int64_t kNow = ms(2023, 6, 15) + kMsPerDay / 2;
TimeWindow days(int64_t first_ms, int64_t last_ms) { return {first_ms, last_ms + kMsPerDay - 1}; }

TEST(Query, PlainWordsAreFoundByTheirStems) {
  const Query query = parse_query("When did Caroline go hiking?", kNow);
  EXPECT_EQ(terms_of(query), terms_of("Caroline went hiking"));
  EXPECT_TRUE(query.phrases.empty() && query.excluded.empty() && query.windows.empty());
}

TEST(Query, PhrasesKeepTheirWords) {
  const Query query = parse_query("who read \"Becoming Nicole\" and “Charlotte's Web”", kNow);
  EXPECT_EQ(query.phrases, (std::vector<std::string>{"Becoming Nicole", "Charlotte's Web"}));
  EXPECT_EQ(terms_of(query), terms_of("read becoming nicole charlotte's web"));
  EXPECT_TRUE(parse_query("the \"word\"", kNow).phrases.empty());
  EXPECT_TRUE(parse_query("an \"open quote of words", kNow).phrases.empty());
}

TEST(Query, ExclusionsNeedABlankBeforeAndALetterBehind) {
  const Query query = parse_query("coffee -tea well-known 5-10 -7 - x", kNow);
  EXPECT_EQ(query.excluded, terms_of("tea"));
  EXPECT_EQ(terms_of(query), terms_of("coffee well-known 5-10 7 x"));
  EXPECT_TRUE(parse_query("tea -tea", kNow).terms.empty());
}

TEST(Query, PrefixesAreNotWords) {
  const Query query = parse_query("Micro* kernel 2*3 a*", kNow);
  EXPECT_EQ(query.prefixes, (std::vector<std::string>{"micro"}));
  EXPECT_EQ(query.plain, "Micro  kernel 2*3 a*");
  EXPECT_EQ(terms_of(query), terms_of("kernel 2 3"));
}

struct TimeCase {
  std::string_view text;
  TimeWindow window;
};

TEST(QueryTimes, AreUnderstood) {
  const std::vector<TimeCase> cases = {
      {"what about yesterday", days(ms(2023, 6, 14), ms(2023, 6, 14))},
      {"the day before yesterday", days(ms(2023, 6, 13), ms(2023, 6, 13))},
      {"three days ago", days(ms(2023, 6, 12), ms(2023, 6, 12))},
      {"3 days ago", days(ms(2023, 6, 12), ms(2023, 6, 12))},
      {"a couple of weeks ago", days(ms(2023, 5, 29), ms(2023, 6, 4))},
      {"a week ago", days(ms(2023, 6, 5), ms(2023, 6, 11))},
      {"two months ago", days(ms(2023, 3, 31), ms(2023, 4, 30))},
      {"a year ago", days(ms(2022, 1, 1), ms(2022, 12, 31))},
      {"last week", days(ms(2023, 6, 5), ms(2023, 6, 11))},
      {"this week", days(ms(2023, 6, 12), ms(2023, 6, 18))},
      {"last weekend", days(ms(2023, 6, 10), ms(2023, 6, 11))},
      {"last month", days(ms(2023, 5, 1), ms(2023, 5, 31))},
      {"last year", days(ms(2022, 1, 1), ms(2022, 12, 31))},
      {"next month", days(ms(2023, 7, 1), ms(2023, 7, 31))},
      {"last Friday", days(ms(2023, 6, 9), ms(2023, 6, 9))},
      {"last Thursday", days(ms(2023, 6, 8), ms(2023, 6, 8))},
      {"on Thursday", days(ms(2023, 6, 15), ms(2023, 6, 15))},
      {"last summer", days(ms(2022, 6, 1), ms(2022, 8, 31))},
      {"last winter", days(ms(2022, 12, 1), ms(2023, 2, 28))},
      {"last June", days(ms(2022, 6, 1), ms(2022, 6, 30))},
      {"in the past two weeks", {ms(2023, 6, 1), kNow}},
      {"in May 2023", days(ms(2023, 5, 1), ms(2023, 5, 31))},
      {"in may", days(ms(2023, 5, 1), ms(2023, 5, 31))},
      {"in August", days(ms(2022, 8, 1), ms(2022, 8, 31))},
      {"during 2021", days(ms(2021, 1, 1), ms(2021, 12, 31))},
      {"on 7 May 2023", days(ms(2023, 5, 7), ms(2023, 5, 7))},
      {"the 7th of May, 2023", days(ms(2023, 5, 7), ms(2023, 5, 7))},
      {"May 7, 2023", days(ms(2023, 5, 7), ms(2023, 5, 7))},
      {"on July 4th", days(ms(2022, 7, 4), ms(2022, 7, 4))},
      {"2023-05-07", days(ms(2023, 5, 7), ms(2023, 5, 7))},
      {"2024-02", days(ms(2024, 2, 1), ms(2024, 2, 29))},
  };
  for (const TimeCase& c : cases)
    EXPECT_EQ(find_times(c.text, kNow, 4), (std::vector<TimeWindow>{c.window})) << c.text;
}

TEST(QueryTimes, OtherWordsAreNone) {
  for (const std::string_view text :
       {"it may be", "march on", "2023", "chapter 12", "a few things", "last name", "three days",
        "12345 March", "version 2023-99-99", "the last of us"})
    EXPECT_TRUE(find_times(text, kNow, 4).empty()) << text;
  // What of a date makes sense.
  EXPECT_EQ(find_times("31 February 2023", kNow, 4),
            (std::vector<TimeWindow>{days(ms(2023, 2, 1), ms(2023, 2, 28))}));
}

TEST(QueryTimes, WithoutAClockOnlyAbsoluteOnesCount) {
  for (const std::string_view text : {"yesterday", "last week", "in May", "7 May", "3 days ago"})
    EXPECT_TRUE(find_times(text, store::kNoTime, 4).empty()) << text;
  EXPECT_EQ(find_times("7 May 2023", store::kNoTime, 4).size(), 1U);
  for (const int64_t now : {INT64_MAX, INT64_MIN + 1, int64_t{0}})
    find_times("last year 10000 years ago", now, 4);
}

TEST(QueryTimes, WordsOfRelativeTimesAreNotLookedFor) {
  const Query query = parse_query("what did we eat last week", kNow);
  EXPECT_EQ(terms_of(query), terms_of("eat"));
  EXPECT_EQ(query.windows.size(), 1U);
  EXPECT_EQ(terms_of(parse_query("eaten on 7 May 2023", kNow)), terms_of("eat 7 May 2023"));
}

RC_GTEST_PROP(QueryProperty, AnyBytesAreAQuery, (const std::string& bytes, int64_t now)) {
  const Query query = parse_query(bytes, now);
  RC_ASSERT(query.terms.size() <= Query::kMaxTerms);
  RC_ASSERT(query.windows.size() <= Query::kMaxParts);
  RC_ASSERT(query.window_terms.size() == query.windows.size());
  for (const TimeWindow& window : query.windows) RC_ASSERT(window.since_ms <= window.until_ms);
}

RC_GTEST_PROP(QueryProperty, TimesAreInOrderAndDoNotOverlap, ()) {
  const auto words = *rc::gen::container<std::vector<std::string>>(rc::gen::element<std::string>(
      "last", "week", "ago", "three", "days", "May", "7", "2023", "in", "on", "friday", "2023-05-07", "a",
      "couple", "of", "next", "past", "month", "yesterday"));
  std::string text;
  for (const std::string& word : words) text += word + " ";
  size_t end = 0;
  for (const TimeMention& mention : find_time_mentions(text, kNow, 100)) {
    RC_ASSERT(mention.begin >= end && mention.begin < mention.end && mention.end <= text.size());
    RC_ASSERT(mention.window.since_ms <= mention.window.until_ms);
    end = mention.end;
  }
}

TEST(Query, LongInputIsCut) {
  std::string text;
  for (int i = 0; i < 200'000; ++i) text += format("\"a{} b\" -c{} d{}* last week ", i, i, i);
  const Query query = parse_query(text, kNow);
  EXPECT_LE(query.plain.size(), Query::kMaxBytes + 1024);
  EXPECT_LE(query.phrases.size(), Query::kMaxParts);
}

}  // namespace
}  // namespace tau::memory
