#include "wire/extras.h"

#include <algorithm>

namespace tau::wire {

Extras::Extras(const Extras& other) {
  if (other.empty()) return;
  grow(other.size_);
  std::memcpy(block_.get(), other.block_.get(), other.size_);
  size_ = other.size_;
}

void Extras::grow(size_t capacity) {
  auto block = std::make_unique_for_overwrite<char[]>(capacity);
  if (size_ != 0) std::memcpy(block.get(), block_.get(), size_);
  block_ = std::move(block);
  capacity_ = capacity;
}

void Extras::reserve(size_t members, size_t bytes) {
  const size_t wanted = members * sizeof(Sizes) + bytes;
  if (wanted > capacity_) grow(wanted);
}

char* Extras::make_room(size_t at, Sizes sizes) {
  const size_t more = sizes.whole();
  if (capacity_ - size_ < more) grow(std::max(size_ + more, 2 * capacity_));
  char* const place = block_.get() + at;
  if (at != size_) std::memmove(place + more, place, size_ - at);
  size_ += more;
  return place;
}

void Extras::put(char* at, std::string_view key, std::string_view json) {
  const Sizes sizes{key.size(), json.size()};
  std::memcpy(at, &sizes, sizeof sizes);
  at += sizeof sizes;
  at += key.copy(at, key.size());
  json.copy(at, json.size());
}

size_t Extras::place_of(std::string_view key) const {
  size_t at = 0;
  while (at != size_) {
    const Sizes sizes = sizes_at(block_.get() + at);
    if (sizes.key == key.size() && std::string_view(block_.get() + at + sizeof(Sizes), key.size()) == key)
      break;
    at += sizes.whole();
  }
  return at;
}

std::string_view Extras::find(std::string_view key) const {
  const size_t at = place_of(key);
  return at == size_ ? std::string_view() : (*Iterator(block_.get() + at)).second;
}

void Extras::set(std::string_view key, std::string_view json) {
  const size_t at = place_of(key);
  if (at == size_) return add(key, json);
  const Sizes sizes = sizes_at(block_.get() + at);
  if (sizes.json == json.size()) {
    json.copy(block_.get() + at + sizeof(Sizes) + sizes.key, json.size());
    return;
  }
  char* const place = make_room(at, {key.size(), json.size()});
  const size_t behind = at + sizeof(Sizes) + key.size() + json.size();
  std::memmove(block_.get() + behind, block_.get() + behind + sizes.whole(), size_ - behind - sizes.whole());
  size_ -= sizes.whole();
  put(place, key, json);
}

void Extras::erase(std::string_view key) {
  const size_t at = place_of(key);
  if (at == size_) return;
  char* const place = block_.get() + at;
  const size_t less = sizes_at(place).whole();
  std::memmove(place, place + less, size_ - at - less);
  size_ -= less;
}

}  // namespace tau::wire
