// Columns of whole numbers in a sidecar, each as its distance from the least in as few bytes as the widest
// takes: read in place, at any index, in a few instructions. A column of one value takes no bytes at all.
#pragma once

#include <cstdint>
#include <cstring>
#include <span>

#include "base/base.h"
#include "memory/segment_file.h"

namespace tau::memory {

class SegmentColumn {
 public:
  SegmentColumn() = default;  // of no values
  // DATA_LOSS "index_damaged" unless it is a column of `count` values.
  static StatusOr<SegmentColumn> open(const SegmentView& view, uint32_t section, uint64_t count);

  uint64_t count() const { return count_; }
  int64_t at(uint64_t index) const {  // below count()
    uint64_t word;
    std::memcpy(&word, data_ + index * width_, sizeof word);
    return static_cast<int64_t>(least_ + (word & mask_));
  }

 private:
  const std::byte* data_ = nullptr;
  uint64_t least_ = 0;
  uint64_t mask_ = 0;
  uint32_t width_ = 0;  // bytes
  uint64_t count_ = 0;
};

// How many values the column of a section has; 0 where it is none.
uint64_t column_count(const SegmentView& view, uint32_t section);

// In `least_width` bytes each at least.
void write_column(SegmentWriter& writer, uint32_t section, std::span<const int64_t> values,
                  uint32_t least_width = 0);

}  // namespace tau::memory
