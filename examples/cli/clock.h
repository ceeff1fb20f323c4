// The time of day, and how it is written.
#pragma once

#include <chrono>
#include <cstdint>
#include <ctime>
#include <string>

namespace cli {

// Milliseconds since 1970-01-01 (UTC).
inline int64_t now_ms() {
  using namespace std::chrono;
  return duration_cast<milliseconds>(system_clock::now().time_since_epoch()).count();
}

// "2026-11-02T10:00:00Z", of milliseconds since 1970.
inline std::string utc_text(int64_t ms) {
  const auto seconds = static_cast<time_t>(ms / 1000);
  tm parts{};
  char text[40];
  if (gmtime_r(&seconds, &parts) == nullptr) return std::to_string(ms);
  return {text, std::strftime(text, sizeof text, "%Y-%m-%dT%H:%M:%SZ", &parts)};
}

}  // namespace cli
