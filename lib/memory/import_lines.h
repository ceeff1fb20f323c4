// Imports of files with a record a line: lines from pieces of any size, a report of what went wrong. At most
// one line is kept in memory.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "memory/memory_record.h"

namespace tau::memory {

inline constexpr size_t kMaxRecordLineBytes = 4 << 20;

// Lines of a stream, with their numbers.
class LineFeed {
 public:
  virtual ~LineFeed() = default;
  // The first failure of the sink of lines ends it.
  Status feed(std::string_view bytes);
  Status end();

 protected:
  // `cut`: nothing ends it; `too_long`: its bytes were not kept.
  virtual Status line(std::string_view text, int64_t number, bool cut, bool too_long) = 0;

 private:
  Status tell(std::string_view text, bool cut);

  std::string kept_;
  bool too_long_ = false;
  int64_t number_ = 0;
};

class LineImport : public LineFeed {
 public:
  explicit LineImport(RecordHandler& handler) : handler_(handler) {}
  // After the last bytes.
  StatusOr<ImportReport> finish();

 protected:
  // The record of a line; nothing when it has none that counts.
  virtual StatusOr<std::optional<MemoryRecord>> read(std::string_view text, int64_t number) = 0;
  ImportReport& report() { return report_; }

 private:
  Status line(std::string_view text, int64_t number, bool cut, bool too_long) override;
  void failed(int64_t number, std::string_view reason, std::string_view message);

  RecordHandler& handler_;
  ImportReport report_;
};

}  // namespace tau::memory
