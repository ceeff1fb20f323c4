#include "memory/segment_strings.h"

#include <algorithm>

namespace tau::memory {

StatusOr<SegmentStrings> SegmentStrings::open(const SegmentView& view, uint32_t section) {
  SegmentStrings strings;
  const uint64_t count = column_count(view, section);
  if (count >= kNoString) return SegmentView::damaged(format("section {} has {} names", section, count));
  TAU_ASSIGN_OR_RETURN(strings.ends_, SegmentColumn::open(view, section, count));
  strings.bytes_ = view.section(section + 1);
  // Each takes a byte at least, but for the empty one: no small file claims many.
  bool ordered = count <= strings.bytes_.size() + 1;
  uint64_t end = 0;
  for (uint64_t i = 0; i < count && ordered; ++i) {
    const auto next = static_cast<uint64_t>(strings.ends_.at(i));
    ordered = next >= end && next <= strings.bytes_.size();
    end = next;
  }
  for (uint32_t i = 1; i < count && ordered; ++i) ordered = strings.at(i - 1) < strings.at(i);
  if (!ordered)
    return SegmentView::damaged(format("the {} names of section {} are in no order", count, section));
  strings.size_ = static_cast<uint32_t>(count);
  return strings;
}

std::string_view SegmentStrings::at(uint32_t index) const {
  const uint64_t begin = index == 0 ? 0 : static_cast<uint64_t>(ends_.at(index - 1));
  const auto end = static_cast<uint64_t>(ends_.at(index));
  if (begin > end || end > bytes_.size()) return {};
  return {reinterpret_cast<const char*>(bytes_.data()) + begin, end - begin};
}

uint32_t SegmentStrings::lower_bound(std::string_view text) const {
  uint32_t low = 0;
  uint32_t high = size_;
  while (low < high) {
    const uint32_t middle = low + (high - low) / 2;
    if (at(middle) < text)
      low = middle + 1;
    else
      high = middle;
  }
  return low;
}

uint32_t SegmentStrings::find(std::string_view text) const {
  const uint32_t index = lower_bound(text);
  return index < size_ && at(index) == text ? index : kNoString;
}

SegmentStrings::Range SegmentStrings::with_prefix(std::string_view prefix) const {
  Range range{lower_bound(prefix), size_};
  uint32_t low = range.begin;
  while (low < range.end) {
    const uint32_t middle = low + (range.end - low) / 2;
    if (at(middle).starts_with(prefix))
      low = middle + 1;
    else
      range.end = middle;
  }
  return range;
}

void write_strings(SegmentWriter& writer, uint32_t section, const std::vector<std::string_view>& sorted) {
  std::vector<int64_t> ends;
  ends.reserve(sorted.size());
  int64_t end = 0;
  for (const std::string_view text : sorted) ends.push_back(end += static_cast<int64_t>(text.size()));
  write_column(writer, section, ends);
  writer.begin(section + 1);
  for (const std::string_view text : sorted) writer.write(text.data(), text.size());
}

}  // namespace tau::memory
