// Members of a JSON object that no field fits, as a reader found them.
#pragma once

#include <string_view>
#include <vector>

#include "json/json.h"

namespace tau::wire {

struct RawMember {
  json::Field key;
  json::Field json;
};
using RawMembers = std::vector<RawMember>;

inline void follow(json::Shape& shape, RawMembers& members) {
  for (RawMember& member : members) {
    shape.follow(member.key);
    shape.follow(member.json);
  }
}

// Whether JSON text that was compact in an earlier document of its shape is so in this one: strings may have
// other escapes now, and a zero a sign. Not for documents with fractions.
inline bool stays_compact(std::string_view json) {
  return json.find('\\') == json.npos && json.find('-') == json.npos;
}

// The members as those of a compact object, which they belong to.
inline void view_as(std::vector<json::CompactMember>& out, const RawMembers& members) {
  out.clear();
  for (const auto& [key, json] : members) out.push_back({key.text, json.text});
}

}  // namespace tau::wire
