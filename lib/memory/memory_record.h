// A memory with all that belongs to it, as files carry it from one home to another.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/base.h"
#include "memory/types.h"
#include "store/store.h"

namespace tau::memory {

struct RecordRelation {
  store::MemoryRef target;
  Relation relation = Relation::kRelatedTo;
  double weight = 1;
  int64_t created_ms = 0;
};

struct RecordVector {
  std::string model;
  int64_t dimensions = 0;
  std::string bytes;  // as the store keeps them
};

struct MemoryRecord {
  store::MemoryRow row;
  std::vector<RecordRelation> relations;  // that lead away from it
  store::MemoryUses uses;
  std::vector<RecordVector> vectors;
};

// Where exported bytes go. A failure ends the export.
class ByteSink {
 public:
  virtual ~ByteSink() = default;
  virtual Status append(std::string_view bytes) = 0;
};

// Takes what an import reads, one record after the other. A failure ends the import.
class RecordHandler {
 public:
  virtual ~RecordHandler() = default;
  virtual Status record(MemoryRecord&& record) = 0;
};

struct ImportOptions {
  // Where the file comes from, as far as trust goes: joined with what the file says of a memory. Never
  // "system", whoever says it.
  Labels origin;
  SharedString principal;  // who imports
  int64_t policy_epoch = 0;
  int64_t now_ms = 0;
  int64_t time_ms = 0;       // of what has no time of its own; 0: now
  store::MemoryScope scope;  // all goes there; no workspace: where the file says
  bool vectors = false;      // take those that the file has
};
// INVALID_ARGUMENT "invalid_origin": none, or "system".
Status check_import_options(const ImportOptions& options);

struct ImportError {
  int64_t line = 0;
  std::string reason;
  std::string message;
};
struct ImportReport {
  static constexpr size_t kMaxErrors = 100;
  int64_t lines = 0;    // that are not blank
  int64_t records = 0;  // handed over
  int64_t failed = 0;
  int64_t superseded = 0;           // older versions of what the file has again
  int64_t dropped_relations = 0;    // whose kind or target nobody knows
  bool torn = false;                // the last line was cut off: its record is lost
  std::vector<ImportError> errors;  // the first of those that failed
};

// What a row of a file is: the labels that it claims, less "system", and the origin.
StatusOr<store::Provenance> imported_provenance(std::string_view integrity,
                                                const std::vector<std::string>& readers, bool for_all,
                                                const ImportOptions& options);

}  // namespace tau::memory
