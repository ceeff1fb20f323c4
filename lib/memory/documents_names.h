// Numbers for names of threads, sources and tags: those of the sidecar first, then new ones.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "memory/segment_strings.h"

namespace tau::memory {

class DocumentNames {
 public:
  DocumentNames() = default;
  explicit DocumentNames(SegmentStrings base) : base_(base) {}

  uint32_t size() const { return base_.size() + static_cast<uint32_t>(added_.size()); }
  std::string_view at(uint32_t number) const {  // below size()
    return number < base_.size() ? base_.at(number) : std::string_view(*added_[number - base_.size()]);
  }
  uint32_t find(std::string_view name) const;  // kNoString
  uint32_t number(std::string_view name);      // a new one where there is none

  // Each number, of those below size(), whose name begins like this.
  std::vector<bool> with_prefix(std::string_view prefix) const;

  // Writes the names that are used, by number; what the old numbers become, kNoString for those that go.
  std::vector<uint32_t> save(SegmentWriter& writer, uint32_t section, const std::vector<bool>& used) const;

  size_t memory_bytes() const { return bytes_; }

 private:
  SegmentStrings base_;
  std::unordered_map<std::string, uint32_t> numbers_;
  std::vector<const std::string*> added_;  // keys of numbers_, which stay where they are
  size_t bytes_ = 0;
};

}  // namespace tau::memory
