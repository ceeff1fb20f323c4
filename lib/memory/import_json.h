// Reads the lines that export_json.h writes. Fields that nobody knows go to the attributes, under "imported".
#pragma once

#include "memory/import_lines.h"

namespace tau::memory {

inline constexpr std::string_view kImportedKey = "imported";

// The record of one line. INVALID_ARGUMENT: reasons of json::parse(), "invalid_record", "unknown_schema",
// "unknown_label", "unknown_memory_type", "unknown_relation", "invalid_memory".
StatusOr<MemoryRecord> read_record(std::string_view line, const ImportOptions& options);

// check_import_options() first. Feed it the file in pieces, then finish().
class JsonImport : public LineImport {
 public:
  JsonImport(const ImportOptions& options, RecordHandler& handler) : LineImport(handler), options_(options) {}

 private:
  StatusOr<std::optional<MemoryRecord>> read(std::string_view text, int64_t number) override;
  const ImportOptions options_;
};

}  // namespace tau::memory
