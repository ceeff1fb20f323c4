// What an answer says of when to try again.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace tau::wire {

// Names in lower case.
using HeaderList = std::vector<std::pair<std::string, std::string>>;

// Milliseconds to wait, from "retry-after-ms" or "retry-after" (seconds, or an HTTP date compared with the
// response's own "date" so that clocks need not agree), a day at most; -1 when the response does not say.
int64_t retry_after_ms(const HeaderList& headers);

// Seconds since 1970 of an IMF-fixdate ("Sun, 06 Nov 1994 08:49:37 GMT"), or -1. RFC 9110, 5.6.7.
int64_t parse_http_date(std::string_view text);

}  // namespace tau::wire
