// Memories out of a conversation or a piece of a document, by a model: what it is asked, and what of its
// answer is taken. The text is data to it; what was recalled into the text is cut out first, so that memories
// do not breed. The model names nothing: ids come from what is told, relations lead only between what it
// wrote and what it was shown.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/base.h"
#include "memory/model_text.h"
#include "store/store.h"

namespace tau::memory {

struct KnownMemory {  // of the same scope, which new ones may be related to
  std::string id;
  std::string text;
};

struct ExtractSource {
  store::MemoryScope scope;
  std::string text;
  std::string source;   // of the memories: "session:…", "file:…"
  int64_t time_ms = 0;  // when it was said; that of the memories
  int64_t now_ms = 0;
  store::Provenance provenance;    // of the text: that of the memories, and that a model wrote them
  std::vector<KnownMemory> known;  // at most kMaxKnown are shown
  bool of_file = false;            // the text is a piece of a file: no such piece is looked up as known
  static constexpr size_t kMaxKnown = 20;
};

struct ExtractOptions {
  std::string model;
  WriteBounds bounds;
  size_t max_text_bytes = 24'000;
  size_t max_known_bytes = 6'000;  // of the texts of known ones, each cut to its share
  int64_t max_tokens = 2'000;
};

// NOT_FOUND "nothing_to_extract" when nothing but recalled memories and white space is in it;
// INVALID_ARGUMENT "text_too_long": cut it up first.
StatusOr<std::string> extract_request(const ExtractSource& source, const ExtractOptions& options);
// Of what a model is told besides the text: another one, another answer.
std::string extract_version(const ExtractOptions& options);

struct Extracted {
  // Memories first, then relations. A memory may be there already, or forgotten: whoever writes these leaves
  // out the ids that are taken, or what was forgotten would come back.
  std::vector<store::MemoryEdit> edits;
  std::vector<std::string> ids;
  std::vector<Rejected> rejected;
};
// As answer_object().
StatusOr<Extracted> read_extraction(const ExtractSource& source, const ExtractOptions& options,
                                    std::string_view answer);

}  // namespace tau::memory
