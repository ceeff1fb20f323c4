// The output of a command within a fixed budget: the beginning and the end are kept, the middle goes.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace tau::tool {

class OutputBuffer {
 public:
  explicit OutputBuffer(size_t max_bytes) : head_max_(max_bytes / 2), tail_max_(max_bytes - max_bytes / 2) {}

  void append(std::string_view bytes);
  uint64_t total_bytes() const { return total_; }
  bool cut() const { return total_ > head_.size() + tail_max_; }
  // Both parts, with a line between them that says how much is missing.
  std::string text() const;

 private:
  size_t head_max_;
  size_t tail_max_;
  uint64_t total_ = 0;
  std::string head_;
  std::string tail_;  // up to twice tail_max_: trimmed now and then, not for each append
};

}  // namespace tau::tool
