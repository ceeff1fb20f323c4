#include "base/utc.h"

#include <algorithm>
#include <chrono>

#include "base/format.h"

namespace tau {
namespace {

constexpr int64_t kLeast = -62'135'596'800;  // of the year 1
constexpr int64_t kMost = 253'402'300'799;   // the end of the year 9999
constexpr size_t kDate = 10;                 // characters of a date
constexpr size_t kMinutes = 16;              // characters up to the seconds
constexpr size_t kSeconds = 19;              // characters up to the fraction
constexpr int64_t kMillis = 1000;

// The number at `at`, -1 where digits are missing.
int number(std::string_view text, size_t at, size_t digits) {
  if (text.size() < at + digits) return -1;
  int n = 0;
  for (const char c : text.substr(at, digits)) {
    if (c < '0' || c > '9') return -1;
    n = n * 10 + (c - '0');
  }
  return n;
}

bool in_range(int n, int most) { return n >= 0 && n <= most; }

// Seconds since 1970 of the day that the text begins with.
std::optional<int64_t> parse_day(std::string_view text) {
  namespace chrono = std::chrono;
  if (text.size() < kDate || text[4] != '-' || text[7] != '-') return std::nullopt;
  const int year = number(text, 0, 4);
  const int month = number(text, 5, 2);
  const int day = number(text, 8, 2);
  if (year < 0 || month < 0 || day < 0) return std::nullopt;
  const chrono::year_month_day date{chrono::year(year), chrono::month(static_cast<unsigned>(month)),
                                    chrono::day(static_cast<unsigned>(day))};
  if (!date.ok()) return std::nullopt;
  return chrono::sys_days(date).time_since_epoch().count() * int64_t{86'400};
}

// Hours and minutes, and seconds where they are given: how many characters that took.
std::optional<size_t> parse_clock(std::string_view text, bool short_form, int64_t& seconds) {
  const int hour = number(text, 11, 2);
  const int minute = number(text, 14, 2);
  if (text.size() < kMinutes || text[13] != ':' || !in_range(hour, 23) || !in_range(minute, 59))
    return std::nullopt;
  seconds += hour * 3'600 + minute * 60;
  if (text.size() == kMinutes || text[kMinutes] != ':') {
    if (short_form) return kMinutes;
    return std::nullopt;
  }
  const int second = number(text, 17, 2);
  if (!in_range(second, 60)) return std::nullopt;
  seconds += second;
  return kSeconds;
}

// The milliseconds of ".004109", which is cut off.
int64_t take_fraction(std::string_view& text) {
  if (!text.starts_with('.')) return 0;
  const size_t end = std::min(text.find_first_not_of("0123456789", 1), text.size());
  int64_t ms = 0;
  for (size_t i = 1; i <= 3; ++i) ms = ms * 10 + (i < end ? text[i] - '0' : 0);
  text.remove_prefix(end);
  return ms;
}

// Seconds east of Greenwich.
std::optional<int64_t> parse_zone(std::string_view zone) {
  if (zone == "Z" || zone == "z") return 0;
  const bool formed = zone.size() == 6 && (zone[0] == '+' || zone[0] == '-') && zone[3] == ':';
  const int hours = formed ? number(zone, 1, 2) : -1;
  const int minutes = formed ? number(zone, 4, 2) : -1;
  if (hours < 0 || minutes < 0) return std::nullopt;
  return (hours * 60 + minutes) * (zone[0] == '+' ? 60 : -60);
}

// `strict`: RFC 3339, with seconds and a zone.
std::optional<int64_t> parse(std::string_view text, bool strict) {
  const std::optional<int64_t> day = parse_day(text);
  if (!day) return std::nullopt;
  if (text.size() == kDate) return strict ? std::nullopt : std::optional(*day * kMillis);
  if (text[kDate] != 'T' && (strict || text[kDate] != ' ')) return std::nullopt;
  int64_t seconds = *day;
  const std::optional<size_t> clock = parse_clock(text, !strict, seconds);
  if (!clock) return std::nullopt;
  std::string_view rest = text.substr(*clock);
  const int64_t ms = take_fraction(rest);
  if (rest.empty() && !strict) return seconds * kMillis + ms;
  const std::optional<int64_t> zone = parse_zone(rest);
  if (!zone) return std::nullopt;
  return (seconds - *zone) * kMillis + ms;
}

}  // namespace

std::string utc_text(int64_t seconds) {
  namespace chrono = std::chrono;
  const chrono::sys_seconds time{chrono::seconds(std::clamp(seconds, kLeast, kMost))};
  const auto day = chrono::floor<chrono::days>(time);
  const chrono::year_month_day date(day);
  const chrono::hh_mm_ss clock(time - day);
  return format("{:04}-{:02}-{:02}T{:02}:{:02}:{:02}Z", static_cast<int>(date.year()),
                static_cast<unsigned>(date.month()), static_cast<unsigned>(date.day()), clock.hours().count(),
                clock.minutes().count(), clock.seconds().count());
}

int64_t parse_utc(std::string_view text) {
  const std::optional<int64_t> ms = parse(text, true);
  return ms ? (*ms - ((*ms % kMillis) + kMillis) % kMillis) / kMillis : 0;
}

std::string utc_text_ms(int64_t ms) {
  const int64_t fraction = ((ms % kMillis) + kMillis) % kMillis;
  std::string text = utc_text((ms - fraction) / kMillis);
  if (fraction != 0) text.insert(text.size() - 1, format(".{:03}", fraction));
  return text;
}

std::optional<int64_t> parse_time_ms(std::string_view text) { return parse(text, false); }

}  // namespace tau
