// Reading times: a few patterns, tried at each word.
#include "memory/query_times.h"

#include <algorithm>
#include <array>
#include <optional>
#include <string>
#include <utility>

#include "memory/calendar.h"

namespace tau::memory {
namespace {

constexpr size_t kMaxWords = 4096;
constexpr int64_t kMostUnits = 10'000;  // "ago"
constexpr int64_t kLeastYear = 1000;
constexpr int64_t kLastYear = 2999;

enum class Unit : uint8_t { kNone, kMinute, kHour, kDay, kWeek, kMonth, kYear, kWeekend, kNight };

struct Word {
  std::string text;
  Token::Kind kind = Token::Kind::kWord;
  bool capital = false;
  size_t begin = 0;
  size_t end = 0;
};

struct DayRange {  // both included
  int64_t first = 0;
  int64_t last = 0;
};

TimeWindow window_of(DayRange days) { return {days.first * kMsPerDay, (days.last + 1) * kMsPerDay - 1}; }
DayRange month_days(int64_t year, int month) {
  const int64_t first = day_number({year, month, 1});
  return {first, first + days_in_month(year, month) - 1};
}
DayRange year_days(int64_t year) { return {day_number({year, 1, 1}), day_number({year, 12, 31})}; }
// So many months later, or earlier; year and month.
std::pair<int64_t, int> shift_month(CivilDay day, int64_t months) {
  const int64_t index = day.year * 12 + day.month - 1 + months;
  const int64_t year = index / 12 - (index % 12 < 0 ? 1 : 0);
  return {year, static_cast<int>(index - year * 12) + 1};
}

Unit parse_unit(std::string_view word) {
  static constexpr std::pair<std::string_view, Unit> kUnits[] = {
      {"minute", Unit::kMinute}, {"hour", Unit::kHour}, {"day", Unit::kDay},         {"week", Unit::kWeek},
      {"month", Unit::kMonth},   {"year", Unit::kYear}, {"weekend", Unit::kWeekend}, {"night", Unit::kNight},
  };
  if (word.ends_with('s')) word.remove_suffix(1);
  for (const auto& [name, unit] : kUnits)
    if (name == word) return unit;
  return Unit::kNone;
}

// The first month of a season; 0: it is none.
int parse_season(std::string_view word) {
  if (word == "spring") return 3;
  if (word == "summer") return 6;
  if (word == "autumn" || word == "fall") return 9;
  return word == "winter" ? 12 : 0;
}

class TimeReader {
 public:
  TimeReader(std::string_view text, int64_t now_ms) : now_ms_(now_ms), has_now_(now_ms != store::kNoTime) {
    today_ = has_now_ ? day_of(now_ms) : 0;
    civil_ = civil_day(today_);
    TokenReader reader(text);
    for (Token token; words_.size() < kMaxWords && reader.next(&token);)
      words_.push_back({std::string(token.text), token.kind,
                        text[token.begin] >= 'A' && text[token.begin] <= 'Z', token.begin, token.end});
  }

  std::vector<TimeMention> read(size_t limit) {
    std::vector<TimeMention> found;
    for (at_ = 0; at_ < words_.size() && found.size() < limit;) {
      relative_ = false;
      const std::optional<TimeWindow> window = match();
      if (!window) {
        ++at_;
        continue;
      }
      found.push_back({*window, words_[at_].begin, words_[at_ + used_ - 1].end, relative_});
      at_ += used_;
    }
    return found;
  }

 private:
  using Result = std::optional<TimeWindow>;

  std::string_view word(size_t i) const {
    return at_ + i < words_.size() ? std::string_view(words_[at_ + i].text) : std::string_view();
  }
  bool is_number(size_t i) const {
    return at_ + i < words_.size() && words_[at_ + i].kind == Token::Kind::kNumber;
  }
  // A number of at most so many digits; -1.
  int64_t number(size_t i, size_t digits = 4) const {
    if (!is_number(i) || word(i).size() > digits) return -1;
    int64_t value = 0;
    for (const char c : word(i)) value = value * 10 + (c - '0');
    return value;
  }
  int64_t year_at(size_t i) const {
    const int64_t year = word(i).size() == 4 ? number(i) : -1;
    return year >= kLeastYear && year <= kLastYear ? year : -1;
  }
  // "may" alone is no month.
  int month_at(size_t i) const {
    const int month = parse_month(word(i));
    return word(i) == "may" && !words_[at_ + i].capital ? 0 : month;
  }
  bool preceded_by(std::initializer_list<std::string_view> prepositions) const {
    return at_ > 0 && std::ranges::find(prepositions, words_[at_ - 1].text) != prepositions.end();
  }
  // Numbers in words, and "a"; -1.
  int64_t amount(size_t i) const {
    static constexpr std::array<std::string_view, 13> kNames = {"zero", "one",    "two",   "three", "four",
                                                                "five", "six",    "seven", "eight", "nine",
                                                                "ten",  "eleven", "twelve"};
    if (word(i) == "a" || word(i) == "an") return 1;
    if (word(i) == "couple") return 2;
    if (word(i) == "few" || word(i) == "several") return 3;
    const auto* const name = std::ranges::find(kNames, word(i));
    if (name != kNames.end()) return name - kNames.begin();
    const int64_t value = number(i);
    return value <= kMostUnits ? value : -1;
  }
  Result done(size_t used, TimeWindow window, bool relative) {
    used_ = used;
    relative_ = relative;
    return window;
  }
  Result days(size_t used, DayRange range, bool relative) { return done(used, window_of(range), relative); }

  Result match() {
    if (Result r = iso_date()) return r;
    if (Result r = day_and_month()) return r;
    if (Result r = month_or_year()) return r;
    if (!has_now_) return std::nullopt;
    if (Result r = single_word()) return r;
    if (Result r = ago()) return r;
    return beside_now();
  }

  // 2023-05-07, 2023/5/7, 2023-05: its parts come before the whole.
  Result iso_date() {
    const int64_t year = year_at(0);
    if (year < 0) return std::nullopt;
    for (const size_t parts : {size_t{3}, size_t{2}}) {
      const std::string_view whole = word(parts);
      if (at_ + parts >= words_.size() || words_[at_ + parts].kind != Token::Kind::kCompound ||
          words_[at_ + parts].begin != words_[at_].begin)
        continue;
      const int64_t month = number(1, 2);
      const int64_t day = parts == 3 ? number(2, 2) : 1;
      if (whole.size() < 6 || (whole[4] != '-' && whole[4] != '/') || month < 1 || month > 12 || day < 1)
        return std::nullopt;
      const DayRange all = month_days(year, static_cast<int>(month));
      if (parts == 2) return days(3, all, false);
      if (day > all.last - all.first + 1) return std::nullopt;
      return days(4, {all.first + day - 1, all.first + day - 1}, false);
    }
    return std::nullopt;
  }

  // A day that names no year: the last one that was.
  Result day_of_month(size_t used, int64_t day, int month, int64_t year) {
    const bool guess = year < 0;
    if (guess && !has_now_) return std::nullopt;
    if (guess) year = civil_.year;
    if (guess && day_number({year, month, static_cast<int>(day)}) > today_) --year;
    if (day < 1 || day > days_in_month(year, month)) return std::nullopt;
    const int64_t number = day_number({year, month, static_cast<int>(day)});
    return days(used, {number, number}, false);
  }

  // "7 May 2023", "7th of May", "May 7, 2023", "May 7".
  Result day_and_month() {
    if (const int64_t day = number(0, 2); day >= 1) {
      const size_t of = word(1) == "of" ? 1 : 0;
      const int month = parse_month(word(1 + of));
      if (month == 0) return std::nullopt;
      const int64_t year = year_at(2 + of);
      return day_of_month(year < 0 ? 2 + of : 3 + of, day, month, year);
    }
    const int month = parse_month(word(0));
    const int64_t day = number(1, 2);
    if (month == 0 || day < 1 || day > 31) return std::nullopt;
    const int64_t year = year_at(2);
    return day_of_month(year < 0 ? 2 : 3, day, month, year);
  }

  // "May 2023", "May of 2023", "in May", "in 2023".
  Result month_or_year() {
    const bool placed = preceded_by({"in", "during", "since", "of", "from", "last", "this", "until", "by"});
    if (const int month = placed ? parse_month(word(0)) : month_at(0); month != 0) {
      const size_t of = word(1) == "of" ? 1 : 0;
      int64_t year = year_at(1 + of);
      if (year >= 0) return days(2 + of, month_days(year, month), false);
      if (!placed || !has_now_) return std::nullopt;
      year = civil_.year - (month > civil_.month ? 1 : 0);
      return days(1, month_days(year, month), true);
    }
    const int64_t year = year_at(0);
    if (year < 0 || !placed || year < 1900 || year > 2199) return std::nullopt;
    return days(1, year_days(year), false);
  }

  Result single_word() {
    const std::string_view first = word(0);
    if (first == "today" || first == "tonight") return days(1, {today_, today_}, true);
    if (first == "yesterday") return days(1, {today_ - 1, today_ - 1}, true);
    if (first == "tomorrow") return days(1, {today_ + 1, today_ + 1}, true);
    if (first == "day" && word(1) == "before" && word(2) == "yesterday")
      return days(3, {today_ - 2, today_ - 2}, true);
    if (preceded_by({"on"}) && parse_weekday(first) >= 0)
      return days(1, last_weekday(parse_weekday(first), true), true);
    return std::nullopt;
  }

  DayRange last_weekday(int wanted, bool with_today) const {
    int64_t back = (weekday(today_) - wanted + 7) % 7;
    if (back == 0 && !with_today) back = 7;
    return {today_ - back, today_ - back};
  }

  // "three days ago", "a couple of weeks ago".
  Result ago() {
    const int64_t n = amount(0);
    if (n < 0) return std::nullopt;
    size_t at = 1;
    if ((word(0) == "a") && (word(1) == "couple" || word(1) == "few"))
      return std::nullopt;  // the next word counts
    if (word(0) == "couple" && word(1) == "of") at = 2;
    const Unit unit = parse_unit(word(at));
    if (unit == Unit::kNone || word(at + 1) != "ago") return std::nullopt;
    return done(at + 2, around(n, unit), true);
  }

  TimeWindow around(int64_t n, Unit unit) const {
    constexpr int64_t kMinuteMs = 60'000;
    if (unit == Unit::kMinute) return {now_ms_ - (n + 5) * kMinuteMs, now_ms_ - (n - 5) * kMinuteMs};
    if (unit == Unit::kHour) return {now_ms_ - (n + 1) * 60 * kMinuteMs, now_ms_ - (n - 1) * 60 * kMinuteMs};
    if (unit == Unit::kWeek || unit == Unit::kWeekend)
      return window_of({today_ - 7 * n - 3, today_ - 7 * n + 3});
    if (unit == Unit::kMonth) {
      const auto [year, month] = shift_month(civil_, -n);
      const int64_t middle = day_number({year, month, std::min(civil_.day, days_in_month(year, month))});
      return window_of({middle - 15, middle + 15});
    }
    if (unit == Unit::kYear) return window_of(year_days(std::max<int64_t>(civil_.year - n, kLeastYear)));
    return window_of({today_ - n, today_ - n});
  }

  // "last week", "past three months", "this year", "next Friday", "last May", "last summer".
  Result beside_now() {
    const std::string_view first = word(0);
    const bool past = first == "past" || first == "previous";
    const int direction = first == "last" || past ? -1 : first == "next" ? 1 : first == "this" ? 0 : 2;
    if (direction == 2) return std::nullopt;
    if (direction < 0) {
      const int64_t n = amount(1);
      const Unit unit = parse_unit(word(2));
      if (n > 0 && unit != Unit::kNone) return done(3, {since(n, unit), now_ms_}, true);
    }
    if (const Unit unit = parse_unit(word(1)); unit != Unit::kNone) {
      if (first == "past") return done(2, {since(1, unit), now_ms_}, true);
      return days(2, calendar_unit(unit, direction), true);
    }
    if (const int wanted = parse_weekday(word(1)); wanted >= 0) {
      DayRange range = last_weekday(wanted, direction == 0);
      if (direction > 0) range = {range.first + 7, range.last + 7};
      return days(2, range, true);
    }
    if (const int month = parse_month(word(1)); month != 0 && direction != 0) {
      int64_t year = civil_.year;
      if (direction < 0 && month >= civil_.month) --year;
      if (direction > 0 && month <= civil_.month) ++year;
      return days(2, month_days(year, month), true);
    }
    if (const int season = parse_season(word(1)); season != 0)
      return days(2, season_days(season, direction), true);
    return std::nullopt;
  }

  DayRange season_days(int first_month, int direction) const {
    int64_t year = civil_.year;
    const auto range = [&] {
      const auto [last_year, last_month] = shift_month({year, first_month, 1}, 2);
      return DayRange{day_number({year, first_month, 1}), month_days(last_year, last_month).last};
    };
    if (direction < 0 && range().last >= today_) --year;
    if (direction < 0 && range().last >= today_) --year;  // a winter that goes on
    if (direction > 0 && range().first <= today_) ++year;
    return range();
  }

  int64_t since(int64_t n, Unit unit) const {
    if (unit == Unit::kMinute) return now_ms_ - n * 60'000;
    if (unit == Unit::kHour) return now_ms_ - n * 3'600'000;
    if (unit == Unit::kMonth || unit == Unit::kYear) {
      const auto [year, month] =
          shift_month(civil_, -std::min(n, kMostUnits) * (unit == Unit::kYear ? 12 : 1));
      return day_number({year, month, std::min(civil_.day, days_in_month(year, month))}) * kMsPerDay;
    }
    return (today_ - n * (unit == Unit::kDay || unit == Unit::kNight ? 1 : 7)) * kMsPerDay;
  }

  // The one before this one, this one, the one after.
  DayRange calendar_unit(Unit unit, int direction) const {
    const int64_t monday = today_ - weekday(today_) + 7 * direction;
    switch (unit) {
      case Unit::kWeek: return {monday, monday + 6};
      case Unit::kWeekend: return {monday + 5, monday + 6};
      case Unit::kMonth: {
        const auto [year, month] = shift_month(civil_, direction);
        return month_days(year, month);
      }
      case Unit::kYear: return year_days(civil_.year + direction);
      default: return {today_ + direction, today_ + direction};
    }
  }

  const int64_t now_ms_;
  const bool has_now_;
  int64_t today_ = 0;
  CivilDay civil_;
  std::vector<Word> words_;
  size_t at_ = 0;
  size_t used_ = 0;
  bool relative_ = false;
};

// A time that no clock of ours shows is none.
bool plausible(int64_t now_ms) {
  return now_ms >= day_number({kLeastYear, 1, 1}) * kMsPerDay &&
         now_ms <= day_number({kLastYear, 12, 31}) * kMsPerDay;
}

}  // namespace

std::vector<TimeMention> find_time_mentions(std::string_view text, int64_t now_ms, size_t limit) {
  return TimeReader(text, plausible(now_ms) ? now_ms : store::kNoTime).read(limit);
}

std::vector<TimeWindow> find_times(std::string_view text, int64_t now_ms, size_t limit) {
  std::vector<TimeWindow> windows;
  for (const TimeMention& mention : find_time_mentions(text, now_ms, limit))
    windows.push_back(mention.window);
  return windows;
}

}  // namespace tau::memory
