// The table of injection patterns. Private to safety.
#pragma once

#include <cstdint>
#include <span>
#include <string_view>

namespace tau::safety {

enum class InjectionKind : uint8_t {
  kOverride,
  kRole,
  kDelimiter,
  kExfiltration,
  kHidden,
  kAuthority,
  kEncoded,
  kSteering,
  kCode,
  kToolLure,
  kRequest,
};

struct InjectionRule {
  InjectionKind kind;
  std::string_view words;    // one of these, of three bytes or more, stands at the place; separated by '|'
  std::string_view pattern;  // RE2, any case; reaches at most 300 bytes around the word
};

std::span<const InjectionRule> injection_rules();

// How a request to a reader begins, at the beginning of a line.
std::string_view request_pattern();

}  // namespace tau::safety
