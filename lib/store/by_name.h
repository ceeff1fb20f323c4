// Maps from names, searched by whatever reads as text. Elements do not move.
#pragma once

#include <string_view>
#include <unordered_map>

#include "base/base.h"
#include "crypto/crypto.h"

namespace tau::store {

inline size_t hash_of(std::string_view name) noexcept { return crypto::checksum64(name); }

// A key: its hash is computed once.
struct Name {
  SharedString text;
  size_t hash = 0;

  Name(SharedString name) : text(std::move(name)), hash(hash_of(text)) {}  // NOLINT: implicit
  Name(std::string_view name) : Name(SharedString(name)) {}                // NOLINT: implicit
  operator std::string_view() const noexcept { return text; }              // NOLINT: implicit, as of text
};
struct NameHash {
  using is_transparent = void;
  size_t operator()(const Name& name) const noexcept { return name.hash; }
  size_t operator()(std::string_view name) const noexcept { return hash_of(name); }
  size_t operator()(const SharedString& name) const noexcept { return hash_of(name); }
};
struct SameName {
  using is_transparent = void;
  bool operator()(std::string_view a, std::string_view b) const noexcept { return a == b; }
};
template <class T>
using ByName = std::unordered_map<Name, T, NameHash, SameName>;

}  // namespace tau::store
