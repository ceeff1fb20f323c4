// Identifiers: sortable, unique, readable. "run_01jd2m…": a prefix, 48 bits of wall-clock milliseconds and
// 80 random bits in Crockford base 32, lower case, 26 characters (the ULID layout).
#pragma once

#include <cstdint>
#include <string_view>

#include "base/clock.h"
#include "base/shared_string.h"

namespace tau {

SharedString make_id(std::string_view prefix, Clock& clock, Random& random);

// True for 1 to 128 characters of [A-Za-z0-9_.:-], the only names accepted for sessions, runs and calls.
bool is_valid_id(std::string_view id);

}  // namespace tau
