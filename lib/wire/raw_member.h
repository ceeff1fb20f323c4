// Members of a JSON object that no field fits, as a reader found them.
#pragma once

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

}  // namespace tau::wire
