#include "wire/utc.h"

#include <algorithm>
#include <array>
#include <chrono>

#include "base/base.h"

namespace tau::wire {
namespace {

constexpr int64_t kLeast = -62'135'596'800;  // of the year 1
constexpr int64_t kMost = 253'402'300'799;   // the end of the year 9999
constexpr size_t kSeconds = 19;              // characters up to the fraction

// The number at `at`, -1 where digits are missing.
int number(std::string_view text, size_t at, size_t digits) {
  int n = 0;
  for (const char c : text.substr(at, digits)) {
    if (c < '0' || c > '9') return -1;
    n = n * 10 + (c - '0');
  }
  return n;
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
  namespace chrono = std::chrono;
  if (text.size() <= kSeconds || text[4] != '-' || text[7] != '-' || text[10] != 'T' || text[13] != ':' ||
      text[16] != ':')
    return 0;
  const std::array<int, 6> parts = {number(text, 0, 4),  number(text, 5, 2),  number(text, 8, 2),
                                    number(text, 11, 2), number(text, 14, 2), number(text, 17, 2)};
  if (std::any_of(parts.begin(), parts.end(), [](int n) { return n < 0; })) return 0;
  const chrono::year_month_day date{chrono::year(parts[0]), chrono::month(static_cast<unsigned>(parts[1])),
                                    chrono::day(static_cast<unsigned>(parts[2]))};
  if (!date.ok() || parts[3] > 23 || parts[4] > 59 || parts[5] > 60) return 0;
  std::string_view zone = text.substr(kSeconds);
  if (zone.starts_with('.'))
    zone.remove_prefix(std::min(zone.find_first_not_of("0123456789", 1), zone.size()));
  int64_t offset = 0;
  if (zone.size() == 6 && (zone[0] == '+' || zone[0] == '-') && zone[3] == ':') {
    const int hours = number(zone, 1, 2);
    const int minutes = number(zone, 4, 2);
    if (hours < 0 || minutes < 0) return 0;
    offset = (hours * 60 + minutes) * (zone[0] == '+' ? 60 : -60);
  } else if (zone != "Z") {
    return 0;
  }
  const int64_t days = chrono::sys_days(date).time_since_epoch().count();
  return days * 86'400 + parts[3] * 3'600 + parts[4] * 60 + parts[5] - offset;
}

}  // namespace tau::wire
