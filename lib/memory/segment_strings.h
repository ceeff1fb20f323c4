// Sorted texts in a sidecar, found by bisection: names of threads, sources and tags.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/base.h"
#include "memory/segment_column.h"
#include "memory/segment_file.h"

namespace tau::memory {

inline constexpr uint32_t kNoString = UINT32_MAX;

class SegmentStrings {
 public:
  SegmentStrings() = default;  // none
  // Takes two sections: `section` and the one after it.
  static StatusOr<SegmentStrings> open(const SegmentView& view, uint32_t section);

  uint32_t size() const { return size_; }
  std::string_view at(uint32_t index) const;   // below size()
  uint32_t find(std::string_view text) const;  // kNoString
  struct Range {
    uint32_t begin = 0;
    uint32_t end = 0;
  };
  Range with_prefix(std::string_view prefix) const;

 private:
  // The first that is not below `text`.
  uint32_t lower_bound(std::string_view text) const;

  uint32_t size_ = 0;
  SegmentColumn ends_;
  std::span<const std::byte> bytes_;
};

// `sorted`, each once.
void write_strings(SegmentWriter& writer, uint32_t section, const std::vector<std::string_view>& sorted);

}  // namespace tau::memory
