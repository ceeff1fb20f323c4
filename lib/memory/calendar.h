// Days of the calendar that is used everywhere (proleptic Gregorian, UTC). Private to memory.
#pragma once

#include <cstdint>
#include <string_view>

namespace tau::memory {

inline constexpr int64_t kMsPerDay = 86'400'000;

struct CivilDay {
  int64_t year = 1970;
  int month = 1;  // 1 to 12
  int day = 1;
};

int64_t day_of(int64_t time_ms);     // days since 1970-01-01, rounded down
CivilDay civil_day(int64_t day);     // of such a number
int64_t day_number(CivilDay civil);  // and back; a day beyond its month counts on into the next one
int days_in_month(int64_t year, int month);
int weekday(int64_t day);                    // 0: Monday
std::string_view month_name(int month);      // "january", …; of 1 to 12
std::string_view weekday_name(int64_t day);  // "monday", …
// 1 to 12 for a name in lower case, or its first three letters ("sept" too); 0: it is none.
int parse_month(std::string_view name);
// 0 for Monday to 6; -1: it is none.
int parse_weekday(std::string_view name);

}  // namespace tau::memory
