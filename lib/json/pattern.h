// ECMA-262 regular expressions, as JSON Schema uses them, in the dialect of tau::Regex.
#pragma once

#include <string>
#include <string_view>

#include "base/status.h"

namespace tau::json {

// INVALID_ARGUMENT "invalid_schema" for what linear time rules out (look-around, back references) and for
// escapes that ECMA-262 does not know under its "u" flag.
StatusOr<std::string> translate_pattern(std::string_view ecma);

}  // namespace tau::json
