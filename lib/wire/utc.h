// Times as text that some dialects write (RFC 3339).
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace tau::wire {

// "2026-07-28T06:32:45Z" of seconds since 1970; the years 1 to 9999.
std::string utc_text(int64_t seconds);
// Seconds since 1970 of a time with any fraction and offset ("…45.004109Z", "…+02:00"); 0 for what is none.
int64_t parse_utc(std::string_view text);

}  // namespace tau::wire
