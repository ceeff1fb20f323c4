// Members of an object that the model has no field for: (key, JSON text as received), in order.
//
// All of them are in one string, because a response has dozens and their number is no reason to ask for
// memory as often: a header of two lengths, the key, the text, and so on.
#pragma once

#include <cstddef>
#include <cstring>
#include <initializer_list>
#include <iterator>
#include <string>
#include <string_view>
#include <utility>

namespace tau::wire {

class Extras {
 public:
  // Views live until the extras change.
  using Member = std::pair<std::string_view, std::string_view>;

  class Iterator {
   public:
    using iterator_category = std::input_iterator_tag;
    using value_type = Member;
    using difference_type = std::ptrdiff_t;
    using pointer = const Member*;
    using reference = Member;

    explicit Iterator(const char* at) : at_(at) {}
    Member operator*() const {
      const Sizes sizes = sizes_at(at_);
      const char* const key = at_ + sizeof(Sizes);
      return {{key, sizes.key}, {key + sizes.key, sizes.json}};
    }
    Iterator& operator++() {
      at_ += sizes_at(at_).whole();
      return *this;
    }
    Iterator operator++(int) {
      const Iterator before = *this;
      ++*this;
      return before;
    }
    bool operator==(const Iterator&) const = default;

   private:
    const char* at_;
  };

  Extras() = default;
  Extras(std::initializer_list<Member> members) {
    for (const auto& [key, json] : members) add(key, json);
  }

  bool empty() const { return text_.empty(); }
  size_t bytes() const { return text_.size(); }
  Iterator begin() const { return Iterator(text_.data()); }
  Iterator end() const { return Iterator(text_.data() + text_.size()); }
  bool operator==(const Extras&) const = default;

  // The text of a member, empty when there is none.
  std::string_view find(std::string_view key) const;

  void clear() { text_.clear(); }
  // Room for so many members and so many bytes of keys and text, or other extras.
  void reserve(size_t members, size_t bytes) { text_.reserve(members * sizeof(Sizes) + bytes); }
  // What is added does not point into the extras. Keys are unique: add() is for those known to be.
  void add(std::string_view key, std::string_view json);
  void add_front(std::string_view key, std::string_view json);
  // Replaces the text of the member, or adds it.
  void set(std::string_view key, std::string_view json);
  void erase(std::string_view key);

 private:
  struct Sizes {
    size_t key;
    size_t json;
    size_t whole() const { return sizeof(Sizes) + key + json; }
  };
  static Sizes sizes_at(const char* p) {
    Sizes sizes;
    std::memcpy(&sizes, p, sizeof sizes);
    return sizes;
  }
  // Where the member begins; npos when there is none.
  size_t place_of(std::string_view key) const;

  std::string text_;
};

}  // namespace tau::wire
