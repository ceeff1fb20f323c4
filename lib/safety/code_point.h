// Characters of UTF-8 text, and which of them a person does not see. Private to safety.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>

namespace tau::safety {

inline constexpr uint32_t kIllFormed = 0xffffffff;

struct Character {
  uint32_t code = kIllFormed;
  size_t size = 1;
};

// The first character of a text that is not empty (RFC 3629). Whatever is ill-formed counts as one of one
// byte.
inline Character decode(std::string_view text) {
  const auto byte = [&](size_t i) { return static_cast<uint8_t>(text[i]); };
  const uint8_t lead = byte(0);
  if (lead < 0x80) return {lead, 1};
  const size_t size = lead >= 0xf0 ? 4 : lead >= 0xe0 ? 3 : 2;
  if (lead < 0xc2 || lead > 0xf4 || text.size() < size) return {};
  uint32_t code = lead & (0x7fU >> size);
  for (size_t i = 1; i < size; ++i) {
    if ((byte(i) & 0xc0) != 0x80) return {};
    code = code << 6 | (byte(i) & 0x3fU);
  }
  const bool overlong = (size == 3 && code < 0x800) || (size == 4 && code < 0x10000);
  if (overlong || (code >= 0xd800 && code < 0xe000) || code > 0x10ffff) return {};
  return {code, size};
}

struct CodeRange {
  uint32_t first;
  uint32_t last;
  constexpr bool contains(uint32_t code) const { return code >= first && code <= last; }
};

inline constexpr CodeRange kSelectors{0xfe00, 0xfe0f};

// What shows nothing by itself (Default_Ignorable_Code_Point of Unicode 15, DerivedCoreProperties), and the
// interlinear annotations.
bool is_invisible(uint32_t code);

}  // namespace tau::safety
