// The time of day.
#pragma once

#include <chrono>
#include <cstdint>

namespace cli {

// Milliseconds since 1970-01-01 (UTC).
inline int64_t now_ms() {
  using namespace std::chrono;
  return duration_cast<milliseconds>(system_clock::now().time_since_epoch()).count();
}

}  // namespace cli
