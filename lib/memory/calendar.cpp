// The calendar.
#include "memory/calendar.h"

#include <algorithm>
#include <array>

namespace tau::memory {
namespace {

constexpr std::array<std::string_view, 12> kMonths = {"january",   "february", "march",    "april",
                                                      "may",       "june",     "july",     "august",
                                                      "september", "october",  "november", "december"};
constexpr std::array<std::string_view, 7> kWeekdays = {"monday", "tuesday",  "wednesday", "thursday",
                                                       "friday", "saturday", "sunday"};
constexpr int64_t kEraDays = 146'097;  // of 400 years

int64_t floor_div(int64_t a, int64_t b) { return a / b - (a % b < 0 ? 1 : 0); }

}  // namespace

int64_t day_of(int64_t time_ms) { return floor_div(time_ms, kMsPerDay); }

// Years that begin in March put the leap day at the end (Hinnant, "chrono-Compatible Low-Level Date
// Algorithms").
CivilDay civil_day(int64_t day) {
  const int64_t shifted = day + 719'468;
  const int64_t era = floor_div(shifted, kEraDays);
  const int64_t of_era = shifted - era * kEraDays;
  const int64_t year_of_era = (of_era - of_era / 1460 + of_era / 36'524 - of_era / 146'096) / 365;
  const int64_t of_year = of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
  const int64_t march_month = (5 * of_year + 2) / 153;
  CivilDay civil;
  civil.day = static_cast<int>(of_year - (153 * march_month + 2) / 5 + 1);
  civil.month = static_cast<int>(march_month < 10 ? march_month + 3 : march_month - 9);
  civil.year = year_of_era + era * 400 + (civil.month <= 2 ? 1 : 0);
  return civil;
}

int64_t day_number(CivilDay civil) {
  const int64_t year = civil.year - (civil.month <= 2 ? 1 : 0);
  const int64_t era = floor_div(year, 400);
  const int64_t year_of_era = year - era * 400;
  const int64_t of_year =
      (153 * (civil.month > 2 ? civil.month - 3 : civil.month + 9) + 2) / 5 + civil.day - 1;
  const int64_t of_era = year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + of_year;
  return era * kEraDays + of_era - 719'468;
}

int days_in_month(int64_t year, int month) {
  const CivilDay next = month == 12 ? CivilDay{year + 1, 1, 1} : CivilDay{year, month + 1, 1};
  return static_cast<int>(day_number(next) - day_number({year, month, 1}));
}

int weekday(int64_t day) { return static_cast<int>(((day + 3) % 7 + 7) % 7); }

std::string_view month_name(int month) { return kMonths[static_cast<size_t>(std::clamp(month, 1, 12) - 1)]; }
std::string_view weekday_name(int64_t day) { return kWeekdays[static_cast<size_t>(weekday(day))]; }

int parse_month(std::string_view name) {
  if (name == "sept") return 9;
  for (size_t i = 0; i < kMonths.size(); ++i)
    if (name == kMonths[i] || name == kMonths[i].substr(0, 3)) return static_cast<int>(i) + 1;
  return 0;
}

int parse_weekday(std::string_view name) {
  for (size_t i = 0; i < kWeekdays.size(); ++i)
    if (name == kWeekdays[i] || name == kWeekdays[i].substr(0, 3)) return static_cast<int>(i);
  return -1;
}

}  // namespace tau::memory
