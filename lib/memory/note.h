// Memories as notes in Markdown, one a file: fields at the front, the text below, [[links]] to other notes.
// People can read and change them; what is written reads back, but for blanks at the ends of the text.
#pragma once

#include <map>
#include <string>
#include <string_view>

#include "memory/memory_record.h"

namespace tau::memory {

inline constexpr size_t kMaxNoteBytes = 2 << 20;

// Which note a link means. `path` is relative to the folder of the notes.
class NoteNames {
 public:
  // Of a note's bytes: its name is its field "id", else its path without the extension.
  void add(std::string_view path, std::string_view bytes);
  // By its path, its id or its file's name alone; of several with that name the one whose path comes first.
  // Empty: there is none.
  std::string id_of(std::string_view link) const;

 private:
  std::map<std::string, std::string, std::less<>> by_path_;
  std::map<std::string, std::string, std::less<>> by_name_;
  std::map<std::string, std::string, std::less<>> by_id_;
};

// INVALID_ARGUMENT "not_text", "invalid_note" (a field that it cannot have), "invalid_memory", and those of
// types and relations; RESOURCE_EXHAUSTED "note_too_large": take it in as a file, in chunks. Links to what
// `names` does not know are dropped, and counted. check_import_options() first; options.scope names the
// scope.
StatusOr<MemoryRecord> read_note(std::string_view path, std::string_view bytes, const NoteNames& names,
                                 const ImportOptions& options, int64_t* dropped_links);

std::string write_note(const MemoryRecord& record);
// A file's name for it: letters of the id that every file system takes, told apart by a digest where others
// were left out.
std::string note_file_name(std::string_view id);

}  // namespace tau::memory
