// Which files of a folder are taken in, which of them have changed since, and which sources are gone. Pure:
// the walk and the stats are the caller's.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/base.h"
#include "base/glob_pattern.h"
#include "memory/chunk.h"

namespace tau::memory {

struct FolderPolicy {
  std::vector<std::string> globs;   // only files that match one of these; empty: those whose format is known
  std::vector<std::string> ignore;  // lines as of an ignore file at the top
  bool hidden = false;              // also what begins with '.'
  int64_t max_file_bytes = 100 << 20;
  int64_t max_files = 100'000;
};

// Lines of a file as .gitignore is one: '#' comments, '!' takes back, a '/' at the end means folders, a '/'
// elsewhere anchors the pattern to the folder of the file. The last line that matches counts.
class IgnoreRules {
 public:
  // `folder` is the place of the file, relative to the top: "" or "a/b". Lines that are no pattern are passed
  // over; how many.
  int64_t add(std::string_view folder, std::string_view text);
  bool ignores(std::string_view path, bool is_folder) const;

 private:
  struct Rule {
    std::string folder;
    GlobPattern pattern;
    bool takes_back = false;
    bool folders_only = false;
  };
  std::vector<Rule> rules_;
};

class FolderFilter {
 public:
  enum class Verdict : uint8_t { kTake, kHidden, kIgnored, kUnknownFormat, kTooLarge, kTooMany };

  // INVALID_ARGUMENT "invalid_glob".
  static StatusOr<FolderFilter> create(const FolderPolicy& policy);
  // Of ".gitignore" and ".tauignore", before the folder's own entries are asked for.
  void add_ignore_file(std::string_view folder, std::string_view text) { ignore_.add(folder, text); }
  // A folder is entered exactly when the answer is kTake. Paths are relative to the top.
  Verdict folder(std::string_view path) const;
  Verdict file(std::string_view path, int64_t bytes);

 private:
  explicit FolderFilter(const FolderPolicy& policy) : policy_(policy) {}
  FolderPolicy policy_;
  std::vector<GlobPattern> globs_;
  IgnoreRules ignore_;
  int64_t taken_ = 0;
};
std::string_view verdict_name(FolderFilter::Verdict verdict);  // "taken", "hidden", …

// What a file was like when it was taken in: kept as text under the file's source.
struct FileMark {
  int64_t bytes = 0;
  int64_t mtime_ns = 0;
  uint64_t inode = 0;
  int64_t seen_ns = 0;  // when its bytes were read; wall clock
  std::string digest;   // content_digest()
};
std::string write_mark(const FileMark& mark);
// Nothing for a text that is no mark, or is one of another way to cut files.
std::optional<FileMark> read_mark(std::string_view text);
// Of the bytes and of the options that say how they are cut.
std::string content_digest(std::string_view bytes, const ChunkOptions& options);

enum class Freshness : uint8_t {
  kUnchanged,  // nothing to do
  kLook,       // its digest must say
};
// A file that was changed just before it was read may have been changed again within the same tick of its
// clock: such a mark is not believed without the digest.
Freshness freshness(const FileMark& mark, const FileMark& now);

// Sources of `known` below the top that a whole walk has not met; `unread` are the folders that could not be
// listed: nothing is known of what is below them. `top` is "file:/a/b", all of `seen` and `known` are
// sources.
std::vector<std::string> vanished_sources(std::string_view top, const std::vector<std::string>& known,
                                          const std::vector<std::string>& seen,
                                          const std::vector<std::string>& unread);

}  // namespace tau::memory
