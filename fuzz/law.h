// What fuzz targets have in common: laws that must hold, and inputs of several lines.
#pragma once

#include <algorithm>
#include <cstdlib>
#include <string_view>

namespace tau::fuzz {

// Aborts when a law is broken.
inline void require(bool law) {
  if (!law) std::abort();
}

// The first line, which goes from the front of the text.
inline std::string_view take_line(std::string_view& text) {
  const size_t end = std::min(text.find('\n'), text.size());
  const std::string_view line = text.substr(0, end);
  text.remove_prefix(std::min(end + 1, text.size()));
  return line;
}

}  // namespace tau::fuzz
