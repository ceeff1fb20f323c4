// When to try again: backoff with jitter, and what "Retry-After" says.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "provider/provider.h"

namespace tau::provider {

using Headers = std::vector<std::pair<std::string, std::string>>;

// Milliseconds to wait, from "retry-after-ms" or "retry-after" (seconds, or an HTTP date compared with the
// response's own "date" so that clocks need not agree); -1 when the response does not say.
int64_t retry_after_ms(const Headers& headers);

// The wait before attempt `next` (2 is the first retry): exponential from the base, uniformly within its
// upper half, and never below what the provider asked for.
int64_t retry_delay_ms(const RetryPolicy& policy, int next, int64_t asked_ms, Random& random);

// Seconds since 1970 of an IMF-fixdate ("Sun, 06 Nov 1994 08:49:37 GMT"), or -1. RFC 9110, 5.6.7.
int64_t parse_http_date(std::string_view text);

}  // namespace tau::provider
