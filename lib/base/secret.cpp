#include "base/secret.h"

#include <cstdint>
#include <cstring>

namespace tau {

void secure_wipe(void* data, size_t len) noexcept {
  if (len != 0) explicit_bzero(data, len);
}

bool constant_time_equal(std::string_view a, std::string_view b) noexcept {
  if (a.size() != b.size()) return false;
  volatile uint8_t difference = 0;
  for (size_t i = 0; i < a.size(); ++i) difference = difference | static_cast<uint8_t>(a[i] ^ b[i]);
  return difference == 0;
}

Secret::Secret(std::string_view bytes) : data_(bytes.empty() ? nullptr : new char[bytes.size()]) {
  if (data_ != nullptr) std::memcpy(data_, bytes.data(), bytes.size());
  size_ = bytes.size();
}

Secret::Secret(Secret&& other) noexcept
    : data_(std::exchange(other.data_, nullptr)), size_(std::exchange(other.size_, 0)) {}

Secret& Secret::operator=(Secret&& other) noexcept {
  std::swap(data_, other.data_);
  std::swap(size_, other.size_);
  return *this;
}

Secret::~Secret() {
  secure_wipe(data_, size_);
  delete[] data_;
}

}  // namespace tau
