// Memories as lines of JSON, one each, with all that belongs to it: what import_json.h reads back. The form
// is described in docs/memory.md.
#pragma once

#include <string>

#include "memory/memory_record.h"

namespace tau::memory {

inline constexpr int kRecordSchema = 1;
inline constexpr std::string_view kRecordSchemaKey = "tau_memory";

// The line, with its "\n". Relations come in the order of their targets and kinds; equal records make equal
// lines.
void append_record(std::string& out, const MemoryRecord& record, bool vectors);

// Writes what the caller hands over, in its order; at most a buffer is kept.
class RecordWriter {
 public:
  struct Options {
    bool forgotten = false;  // also those
    bool vectors = false;
  };
  RecordWriter(ByteSink& sink, Options options) : sink_(sink), options_(options) {}
  Status write(const MemoryRecord& record);
  Status finish();
  int64_t records() const { return records_; }

 private:
  ByteSink& sink_;
  Options options_;
  std::string buffer_;
  int64_t records_ = 0;
};

}  // namespace tau::memory
