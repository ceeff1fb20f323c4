// Files as memories, a chunk each: what one file needs written, so that afterwards the store says what the
// file says. Pure: who calls it reads the file and writes the edits.
//
// A memory's name comes from the file's source, the text of the chunk and how often that text came before in
// the file: a file that has not changed needs nothing written, and one that has needs only what is new, has
// moved or is gone. All edits of a file belong into one batch. A crash between files leaves each of them
// written or not written; the next pass does the rest. Files themselves are never touched.
#pragma once

#include <string>
#include <vector>

#include "memory/chunk.h"
#include "memory/types.h"
#include "store/store.h"

namespace tau::memory {

struct IngestSource {
  store::MemoryScope scope;
  std::string source;   // "file:" and the one path that the caller has for the file
  int64_t time_ms = 0;  // when the file was changed; where its front matter has a date, that counts
};

struct IngestOptions {
  Type type = Type::kFact;
  double importance = -1;  // below 0: that of the type
  std::vector<std::string> tags;
  store::Provenance provenance;
  int64_t now_ms = 0;
  bool heading_in_text = true;  // a chunk is found by the headings above it, too
};

struct IngestPlan {
  std::vector<store::MemoryEdit> edits;  // outcomes are not asked for
  std::vector<std::string> ids;          // of the file's memories that nobody forgot, in its order
  int64_t chunks = 0;                    // of the file now
  int64_t added = 0;
  int64_t unchanged = 0;
  int64_t moved = 0;           // same text, other lines, headings or place
  int64_t returned = 0;        // was gone from the file, and is there again
  int64_t vanished = 0;        // is in the file no more: forgotten
  int64_t left_forgotten = 0;  // somebody forgot it: it stays forgotten
};

// `existing` holds the memories of this scope and source, forgotten ones included; others are passed over.
// INVALID_ARGUMENT as check_memory() has it.
StatusOr<IngestPlan> plan_ingest(const IngestSource& source, const ChunkedFile& file,
                                 const std::vector<store::MemoryRow>& existing, const IngestOptions& options);

// Of a file that is gone: everything of it is forgotten, and comes back with the file.
IngestPlan plan_vanished(const std::vector<store::MemoryRow>& existing, int64_t now_ms);

// What a model made of pieces of files has another source than they: a file that is read again leaves it
// alone.
std::string derived_source(std::string_view source);
bool is_file_source(std::string_view source);
// Written into what was made of that piece.
void set_derived_from(store::MemoryRow& row, std::string_view chunk);
// What was made of pieces that are gone goes, and comes back with them. `derived` holds the memories of
// derived_source(), forgotten ones included; `pieces` are the file's ids now; `led` are rows of memories that
// lead to a piece that is there, whatever they were made of first.
IngestPlan plan_derived(const std::vector<store::MemoryRow>& derived, const std::vector<std::string>& pieces,
                        const std::vector<int64_t>& led, int64_t now_ms);

// The name of a memory of a file. `text` as the memory has it.
std::string chunk_id(std::string_view source, std::string_view text, int64_t occurrence);

}  // namespace tau::memory
