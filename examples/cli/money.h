// Money and tokens as text.
#pragma once

#include <cstdint>
#include <string>

#include "json.h"

namespace cli {

// "$0.001250": micro-dollars, exactly.
std::string dollars_text(int64_t micros);

// "$1.25": a price in micro-dollars, with as many digits as it needs below a cent.
std::string rate_text(int64_t micros);

// "$1.25 / $10.00 per M" of {"input","output"} in micro-dollars per million tokens; "price unknown".
std::string price_text(const Json& price);

// "400k", "1.05M", "512": a count of tokens.
std::string tokens_text(int64_t tokens);

}  // namespace cli
