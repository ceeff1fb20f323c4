// Bytes of a sidecar in memory, aligned as a mapping is.
#pragma once

#include <algorithm>
#include <cstddef>
#include <span>
#include <string_view>
#include <vector>

#include "memory/segment_file.h"

namespace tau::memory::test {

class AlignedCopy {
 public:
  explicit AlignedCopy(std::string_view bytes)
      : lines_(bytes.size() / sizeof(Line) + 1), size_(bytes.size()) {
    std::copy_n(bytes.data(), size_, reinterpret_cast<char*>(lines_.data()));
  }
  std::span<std::byte> span() { return {reinterpret_cast<std::byte*>(lines_.data()), size_}; }

 private:
  struct alignas(kSectionAlignment) Line {
    std::byte bytes[kSectionAlignment];
  };
  std::vector<Line> lines_;
  size_t size_;
};

}  // namespace tau::memory::test
