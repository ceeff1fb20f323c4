// Secret: bytes that must not leak. It cannot be copied, formatted, streamed, converted to a string or
// compared with ==; the bytes are wiped when it dies. tests/base/secret_compile_fail.cpp holds these refusals
// true. While it lives its memory is in no core dump and, as far as the limits allow, in no swap; in a forked
// child it reads as zeros.
#pragma once

#include <cstddef>
#include <span>
#include <string>
#include <string_view>
#include <utility>

#include "base/format.h"

namespace tau {

// Overwrites memory in a way that the optimiser may not drop.
void secure_wipe(void* data, size_t len) noexcept;

// Whether both hold the same bytes, in time that depends on the lengths only.
bool constant_time_equal(std::string_view a, std::string_view b) noexcept;

class Secret {
 public:
  Secret() = default;
  explicit Secret(std::string_view bytes);
  // A secret of `size` bytes that fill(std::span<char>) writes in place; the span starts as zeros.
  template <class F>
  static Secret generate(size_t size, F&& fill) {
    Secret made(size);
    std::forward<F>(fill)(std::span<char>(made.data_, size));
    return made;
  }
  Secret(Secret&& other) noexcept;
  Secret& operator=(Secret&& other) noexcept;
  Secret(const Secret&) = delete;
  Secret& operator=(const Secret&) = delete;
  ~Secret();

  bool empty() const noexcept { return size_ == 0; }
  size_t size() const noexcept { return size_; }
  Secret clone() const { return Secret(view()); }
  bool equals(const Secret& other) const noexcept { return constant_time_equal(view(), other.view()); }

  // Calls use(std::string_view) with the bytes; the view must not outlive the call.
  template <class F>
  decltype(auto) reveal(F&& use) const {
    return std::forward<F>(use)(view());
  }

  bool operator==(const Secret&) const = delete;

 private:
  explicit Secret(size_t size);
  std::string_view view() const noexcept { return {data_, size_}; }
  char* data_ = nullptr;
  size_t size_ = 0;
};

}  // namespace tau

// Deleted, so that formatting a secret is a compile error and not a lookup of some conversion.
template <>
struct fmt::formatter<tau::Secret> {
  formatter() = delete;
};
