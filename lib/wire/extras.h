// Members of an object that the model has no field for: (key, JSON text as received), in order.
//
// All of them are in one block, because a response has dozens and their number is no reason to ask for memory
// as often: a header of two lengths, the key, the text, and so on.
#pragma once

#include <cstddef>
#include <cstring>
#include <initializer_list>
#include <iterator>
#include <memory>
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
  Extras(const Extras& other);
  Extras(Extras&& other) noexcept
      : block_(std::move(other.block_)),
        size_(std::exchange(other.size_, 0)),
        capacity_(std::exchange(other.capacity_, 0)) {}
  Extras& operator=(Extras other) noexcept {
    std::swap(block_, other.block_);
    std::swap(size_, other.size_);
    std::swap(capacity_, other.capacity_);
    return *this;
  }
  ~Extras() = default;

  bool empty() const { return size_ == 0; }
  size_t bytes() const { return size_; }
  Iterator begin() const { return Iterator(block_.get()); }
  Iterator end() const { return Iterator(block_.get() + size_); }
  bool operator==(const Extras& other) const { return text() == other.text(); }

  // The text of a member, empty when there is none.
  std::string_view find(std::string_view key) const;

  void clear() { size_ = 0; }
  // Room for so many members and so many bytes of keys and text, or other extras.
  void reserve(size_t members, size_t bytes);
  // What is added does not point into the extras. Keys are unique: add() is for those known to be.
  void add(std::string_view key, std::string_view json) {
    put(make_room(size_, {key.size(), json.size()}), key, json);
  }
  void add_front(std::string_view key, std::string_view json) {
    put(make_room(0, {key.size(), json.size()}), key, json);
  }
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
  static void put(char* at, std::string_view key, std::string_view json);
  std::string_view text() const { return {block_.get(), size_}; }
  // Where the member begins; the end when there is none.
  size_t place_of(std::string_view key) const;
  // Makes room for a member before what is at `at`.
  char* make_room(size_t at, Sizes sizes);
  void grow(size_t capacity);

  std::unique_ptr<char[]> block_;
  size_t size_ = 0;
  size_t capacity_ = 0;
};

}  // namespace tau::wire
