// fmt::format for messages; the one place that includes the formatting library.
#pragma once

#include <fmt/format.h>

namespace tau {
using fmt::format;
}  // namespace tau
