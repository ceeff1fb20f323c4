#include "wire/retry_after.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <limits>

namespace tau::wire {
namespace {

std::string_view header(const HeaderList& headers, std::string_view name) {
  for (const auto& [key, value] : headers)
    if (key == name) return value;
  return {};
}

// -1 when it is none; one that is too large for the type is its largest.
int64_t decimal(std::string_view text) {
  if (text.empty() || text.find_first_not_of("0123456789") != text.npos) return -1;
  int64_t n = -1;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), n);
  return error == std::errc() ? n : std::numeric_limits<int64_t>::max();
}

// Days since 1970-01-01 of a civil date (Howard Hinnant, "chrono-compatible low-level date algorithms").
int64_t days_from_civil(int64_t y, int64_t m, int64_t d) {
  y -= m <= 2 ? 1 : 0;
  const int64_t era = (y >= 0 ? y : y - 399) / 400;
  const int64_t yoe = y - era * 400;
  const int64_t doy = (153 * (m + (m > 2 ? -3 : 9)) + 2) / 5 + d - 1;
  const int64_t doe = yoe * 365 + yoe / 4 - yoe / 100 + doy;
  return era * 146097 + doe - 719468;
}

}  // namespace

int64_t parse_http_date(std::string_view text) {
  static constexpr std::array<std::string_view, 12> kMonths = {"Jan", "Feb", "Mar", "Apr", "May", "Jun",
                                                               "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};
  // "Sun, 06 Nov 1994 08:49:37 GMT"
  if (text.size() != 29 || text.substr(3, 2) != ", " || text.substr(25) != " GMT") return -1;
  const auto month = std::find(kMonths.begin(), kMonths.end(), text.substr(8, 3));
  const int64_t day = decimal(text.substr(5, 2));
  const int64_t year = decimal(text.substr(12, 4));
  const int64_t hour = decimal(text.substr(17, 2));
  const int64_t minute = decimal(text.substr(20, 2));
  const int64_t second = decimal(text.substr(23, 2));
  if (month == kMonths.end() || day < 1 || day > 31 || year < 1970 || hour < 0 || hour > 23 || minute < 0 ||
      minute > 59 || second < 0 || second > 60)
    return -1;
  return days_from_civil(year, month - kMonths.begin() + 1, day) * 86'400 + hour * 3'600 + minute * 60 +
         second;
}

int64_t retry_after_ms(const HeaderList& headers) {
  constexpr int64_t kMostSeconds = 86'400;
  if (const int64_t ms = decimal(header(headers, "retry-after-ms")); ms >= 0)
    return std::min(ms, kMostSeconds * 1'000);
  const std::string_view value = header(headers, "retry-after");
  if (value.empty()) return -1;
  if (const int64_t seconds = decimal(value); seconds >= 0) return std::min(seconds, kMostSeconds) * 1'000;
  const int64_t until = parse_http_date(value);
  const int64_t now = parse_http_date(header(headers, "date"));
  if (until < 0 || now < 0) return -1;
  return std::clamp<int64_t>(until - now, 0, kMostSeconds) * 1'000;
}

}  // namespace tau::wire
