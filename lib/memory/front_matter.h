// The lines of fields at the front of a note, between two lines "---": the part of YAML that people write
// there. What is read comes back from what is written.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "json/json.h"

namespace tau::memory {

struct FrontMatter {
  json::Value fields =
      json::Value::object();  // strings, numbers, booleans, lists of them; JSON where it stands
  std::string_view body;      // what follows
  int64_t body_line = 1;      // its first line
};

// Nothing when the text does not begin with such lines, or has no end of them within kMaxFrontMatterBytes.
inline constexpr size_t kMaxFrontMatterBytes = 1 << 20;
std::optional<FrontMatter> read_front_matter(std::string_view text);

// "key: value\n". A key is a word without ':' and '#'.
void append_front_field(std::string& out, std::string_view key, const json::Value& value);

}  // namespace tau::memory
