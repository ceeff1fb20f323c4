// Times that a text speaks of. Private to memory.
#pragma once

#include <cstddef>
#include <string_view>
#include <vector>

#include "memory/query.h"

namespace tau::memory {

struct TimeMention {
  TimeWindow window;
  size_t begin = 0;  // of its words in the text
  size_t end = 0;
  bool relative = false;  // its words mean another day tomorrow
};

// In the order of the text, none within another; the days are those of UTC.
std::vector<TimeMention> find_time_mentions(std::string_view text, int64_t now_ms, size_t limit);

}  // namespace tau::memory
