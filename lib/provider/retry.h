// When to try again: backoff with jitter, and never before what "Retry-After" says.
#pragma once

#include <cstdint>

#include "provider/provider.h"
#include "wire/wire.h"

namespace tau::provider {

using Headers = wire::HeaderList;
using wire::parse_http_date;
using wire::retry_after_ms;

// The wait before attempt `next` (2 is the first retry): exponential from the base, uniformly within its
// upper half, and never below what the provider asked for.
int64_t retry_delay_ms(const RetryPolicy& policy, int next, int64_t asked_ms, Random& random);

}  // namespace tau::provider
