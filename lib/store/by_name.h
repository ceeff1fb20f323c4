// Maps from names, searched by whatever reads as text. Elements do not move.
#pragma once

#include <string_view>
#include <unordered_map>
#include <utility>
#include <vector>

#include "base/base.h"
#include "crypto/crypto.h"

namespace tau::store {

inline size_t hash_of(std::string_view name) noexcept { return crypto::checksum64(name); }

// A key: its hash is computed once.
struct Name {
  SharedString text;
  size_t hash = 0;

  Name() = default;
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

// Elements of a map that were erased, kept for those to come. T::clear() leaves one as if it were new, but
// for its memory.
template <class T>
class Spares {
 public:
  Spares() { nodes_.reserve(kKept); }  // so that erasing never fails

  // The element of this name, which is a new one when there is none.
  typename ByName<T>::value_type& at(ByName<T>& map, const SharedString& name) {
    if (nodes_.empty()) return *map.try_emplace(name).first;
    nodes_.back().key() = Name(name);
    auto inserted = map.insert(std::move(nodes_.back()));
    if (inserted.inserted) {
      nodes_.pop_back();
    } else {
      nodes_.back() = std::move(inserted.node);
    }
    return *inserted.position;
  }
  void erase(ByName<T>& map, typename ByName<T>::const_iterator at) noexcept {
    if (nodes_.size() == kKept) {
      map.erase(at);
      return;
    }
    auto node = map.extract(at);
    node.key() = Name();
    node.mapped().clear();
    nodes_.push_back(std::move(node));
  }

 private:
  static constexpr size_t kKept = 64;
  std::vector<typename ByName<T>::node_type> nodes_;
};

}  // namespace tau::store
