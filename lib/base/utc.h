// Times as text (RFC 3339, ISO 8601), in UTC.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace tau {

// "2026-07-28T06:32:45Z" of seconds since 1970; the years 1 to 9999.
std::string utc_text(int64_t seconds);
// Seconds since 1970 of a time with any fraction and offset ("…45.004109Z", "…+02:00"); 0 for what is none.
int64_t parse_utc(std::string_view text);

// With milliseconds where there are some: "2026-07-28T06:32:45.004Z".
std::string utc_text_ms(int64_t ms);
// Milliseconds since 1970 of such a time, and of what people write: "2026-07-28", "2026-07-28 06:32",
// "2026-07-28T06:32:45". Without an offset it is UTC.
std::optional<int64_t> parse_time_ms(std::string_view text);

}  // namespace tau
