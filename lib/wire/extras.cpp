#include "wire/extras.h"

#include <algorithm>
#include <array>

namespace tau::wire {

size_t Extras::place_of(std::string_view key) const {
  for (size_t at = 0; at != text_.size();) {
    const Sizes sizes = sizes_at(text_.data() + at);
    if (sizes.key == key.size() && text_.compare(at + sizeof(Sizes), key.size(), key) == 0) return at;
    at += sizes.whole();
  }
  return std::string::npos;
}

std::string_view Extras::find(std::string_view key) const {
  const size_t at = place_of(key);
  return at == std::string::npos ? std::string_view() : (*Iterator(text_.data() + at)).second;
}

void Extras::add(std::string_view key, std::string_view json) {
  const Sizes sizes{key.size(), json.size()};
  std::array<char, sizeof sizes> header;
  std::memcpy(header.data(), &sizes, sizeof sizes);
  text_.append(header.data(), header.size()).append(key).append(json);
}

void Extras::add_front(std::string_view key, std::string_view json) {
  const size_t before = text_.size();
  add(key, json);
  std::rotate(text_.begin(), text_.begin() + static_cast<std::ptrdiff_t>(before), text_.end());
}

void Extras::set(std::string_view key, std::string_view json) {
  const size_t at = place_of(key);
  if (at == std::string::npos) return add(key, json);
  Sizes sizes = sizes_at(text_.data() + at);
  text_.replace(at + sizeof(Sizes) + sizes.key, sizes.json, json);
  sizes.json = json.size();
  std::memcpy(text_.data() + at, &sizes, sizeof sizes);
}

void Extras::erase(std::string_view key) {
  const size_t at = place_of(key);
  if (at != std::string::npos) text_.erase(at, sizes_at(text_.data() + at).whole());
}

}  // namespace tau::wire
