// Text that stands for a value in sets.
#pragma once

#include <string>

#include "json/json.h"

namespace tau::json {

// Equal for exactly those values that operator== finds equal; unlike canonical() this holds for integral
// doubles beyond 2^53 too.
std::string equality_key(const Value& value);

}  // namespace tau::json
