// The columns of a shard's documents as a sidecar holds them. Every number in them that points somewhere is
// checked where it is used: a damaged one finds nothing.
#pragma once

#include <compare>
#include <cstdint>
#include <span>

#include "base/base.h"
#include "memory/doc_set.h"
#include "memory/segment_column.h"
#include "memory/segment_file.h"
#include "memory/segment_strings.h"

namespace tau::memory {

// Sections of documents.
enum DocumentSection : uint32_t {
  kTypes = kDocumentSections,  // a byte for each
  kFlags,                      // likewise
  kRows,
  kTimes,
  kPositions,
  kCreated,
  kUpdated,
  kImportances,  // bits of the float
  kThreads,      // number of the name, or how many there are
  kSources,
  kByRow,         // documents in the order of their rows
  kOrder,         // live documents that stand in threads, by thread and place
  kRanks,         // where a document stands in that order
  kThreadStarts,  // where a thread begins in that order, and where the last one ends
  kValidDocs,     // those that are not valid always, ascending
  kValidFrom,
  kValidTo,
  kSuperseded,
  kTagStarts,  // where the list of a tag begins, and where the last one ends
  kTagDocs,
  kThreadNames,
  kSourceNames = kThreadNames + 2,
  kTagNames = kSourceNames + 2,
  kValidToBefore = kTagNames + 2,  // as kValidTo
};
inline constexpr uint8_t kForgottenFlag = 1;
inline constexpr uint8_t kValidityFlag = 2;  // it is in kValidDocs

// Where a document stands in its thread.
struct DocumentPlace {
  int64_t time_ms = 0;
  int64_t position = 0;
  int64_t row = 0;
  auto operator<=>(const DocumentPlace&) const = default;
};

struct DocumentsBase {
  static StatusOr<DocumentsBase> open(const SegmentView& view);

  struct Run {
    uint64_t begin = 0;
    uint64_t end = 0;
  };
  Run thread_run(uint32_t thread) const { return run(thread_starts, thread); }
  Run tag_run(uint32_t tag) const { return run(tag_starts, tag); }
  // kNoDoc where the file holds something impossible.
  Doc doc_of(const SegmentColumn& docs, uint64_t index) const {
    const auto doc = static_cast<uint64_t>(docs.at(index));
    return doc < size ? static_cast<Doc>(doc) : kNoDoc;
  }
  DocumentPlace place(Doc doc) const { return {times.at(doc), positions.at(doc), rows.at(doc)}; }
  Doc find(int64_t row) const;            // kNoDoc
  uint64_t find_validity(Doc doc) const;  // index into the columns of validity, or their count
  // The first in a run that stands at the place or after it; only after it.
  uint64_t first_from(const Run& run, const DocumentPlace& at, bool after) const;

  Doc size = 0;
  std::span<const uint8_t> types;
  std::span<const uint8_t> flags;
  SegmentColumn rows, times, positions, created, updated, importances, threads, sources;
  SegmentColumn by_row, order, ranks, thread_starts;
  SegmentColumn valid_docs, valid_from, valid_to, superseded, valid_to_before;
  SegmentColumn tag_starts, tag_docs;
  SegmentStrings thread_names, source_names, tag_names;

 private:
  static Run run(const SegmentColumn& starts, uint32_t index);
};

}  // namespace tau::memory
