#include "memory/segment_column.h"

#include <algorithm>
#include <bit>

namespace tau::memory {
namespace {

struct ColumnRecord {
  uint64_t least;
  uint64_t count;
  uint32_t width;
  uint32_t unused;
};
static_assert(sizeof(ColumnRecord) == 24);
// A value is read as a whole word, also the last one.
constexpr size_t kSlackBytes = sizeof(uint64_t);

uint64_t mask_of(uint32_t width) { return width >= 8 ? ~uint64_t{0} : (uint64_t{1} << (8 * width)) - 1; }

}  // namespace

StatusOr<SegmentColumn> SegmentColumn::open(const SegmentView& view, uint32_t section, uint64_t count) {
  const std::span<const std::byte> bytes = view.section(section);
  ColumnRecord record{};
  if (bytes.size() < sizeof record + kSlackBytes)
    return SegmentView::damaged(format("column {} has {} bytes", section, bytes.size()));
  std::memcpy(&record, bytes.data(), sizeof record);
  const uint64_t room = bytes.size() - sizeof record - kSlackBytes;
  if (record.count != count || record.width > 8 || (record.width > 0 && count > room / record.width))
    return SegmentView::damaged(
        format("column {} has {} values of {} bytes, not {}", section, record.count, record.width, count));
  SegmentColumn column;
  column.data_ = bytes.data() + sizeof record;
  column.least_ = record.least;
  column.width_ = record.width;
  column.mask_ = mask_of(record.width);
  column.count_ = count;
  return column;
}

uint64_t column_count(const SegmentView& view, uint32_t section) {
  const std::span<const std::byte> bytes = view.section(section);
  ColumnRecord record{};
  if (bytes.size() < sizeof record) return 0;
  std::memcpy(&record, bytes.data(), sizeof record);
  return record.count;
}

void write_column(SegmentWriter& writer, uint32_t section, std::span<const int64_t> values,
                  uint32_t least_width) {
  ColumnRecord record{};
  record.count = values.size();
  if (!values.empty()) {
    const auto [least, most] = std::minmax_element(values.begin(), values.end());
    record.least = static_cast<uint64_t>(*least);
    const uint64_t range = static_cast<uint64_t>(*most) - record.least;
    record.width = std::max(least_width, static_cast<uint32_t>((std::bit_width(range) + 7) / 8));
  }
  writer.begin(section);
  writer.write(&record, sizeof record);
  for (const int64_t value : values) {
    const uint64_t distance = static_cast<uint64_t>(value) - record.least;
    writer.write(&distance, record.width);
  }
  const uint64_t slack = 0;
  writer.write(&slack, kSlackBytes);
}

}  // namespace tau::memory
