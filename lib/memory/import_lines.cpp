#include "memory/import_lines.h"

#include <algorithm>

#include "memory/chunk_line.h"
#include "memory/memory_check.h"

namespace tau::memory {

Status LineFeed::tell(std::string_view text, bool cut) {
  ++number_;
  const bool too_long = std::exchange(too_long_, false);
  if (text.ends_with('\r')) text.remove_suffix(1);
  if (number_ == 1 && text.starts_with("\xef\xbb\xbf")) text.remove_prefix(3);
  if (!too_long && is_blank_text(text)) return {};
  return line(text, number_, cut, too_long);
}

Status LineFeed::feed(std::string_view bytes) {
  while (!bytes.empty()) {
    const size_t end = bytes.find('\n');
    const std::string_view part = bytes.substr(0, end);
    if (kept_.size() + part.size() > kMaxRecordLineBytes) {
      too_long_ = true;
      kept_.clear();
    }
    if (end == bytes.npos) {
      if (!too_long_) kept_ += part;
      return {};
    }
    bytes.remove_prefix(end + 1);
    if (kept_.empty() || too_long_) {
      TAU_RETURN_IF_ERROR(tell(too_long_ ? std::string_view() : part, false));
      continue;
    }
    kept_ += part;
    const std::string whole = std::exchange(kept_, {});
    TAU_RETURN_IF_ERROR(tell(whole, false));
  }
  return {};
}

Status LineFeed::end() {
  if (kept_.empty() && !too_long_) return {};
  const std::string whole = std::exchange(kept_, {});
  return tell(whole, true);
}

void LineImport::failed(int64_t number, std::string_view reason, std::string_view message) {
  ++report_.failed;
  if (report_.errors.size() == ImportReport::kMaxErrors) return;
  constexpr size_t kMaxMessageBytes = 400;
  report_.errors.push_back(
      {number, std::string(reason), std::string(truncate_utf8(message, kMaxMessageBytes))});
}

Status LineImport::line(std::string_view text, int64_t number, bool cut, bool too_long) {
  ++report_.lines;
  if (too_long) {
    failed(number, "line_too_long", format("more than {} bytes", kMaxRecordLineBytes));
    return {};
  }
  auto record = read(text, number);
  if (!record.ok()) {
    // The writer died within the last line: that is no fault of the file.
    report_.torn = cut;
    failed(number, cut ? "torn_line" : record.status().reason(), record.status().message());
    return {};
  }
  if (!record->has_value()) return {};
  ++report_.records;
  return handler_.record(std::move(**record));
}

StatusOr<ImportReport> LineImport::finish() {
  TAU_RETURN_IF_ERROR(end());
  return std::move(report_);
}

}  // namespace tau::memory
