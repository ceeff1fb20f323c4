// Maps from names, searched by whatever reads as text. Elements do not move.
#pragma once

#include <functional>
#include <string_view>
#include <unordered_map>

#include "base/base.h"

namespace tau::store {

struct NameHash {
  using is_transparent = void;
  size_t operator()(std::string_view name) const noexcept { return std::hash<std::string_view>()(name); }
};
struct SameName {
  using is_transparent = void;
  bool operator()(std::string_view a, std::string_view b) const noexcept { return a == b; }
};
template <class T>
using ByName = std::unordered_map<SharedString, T, NameHash, SameName>;

}  // namespace tau::store
