// Workspace: a directory opened once, and every file operation beneath it.
//
// Names are resolved by the kernel (openat2, RESOLVE_BENEATH | RESOLVE_NO_MAGICLINKS) at the moment of use
// and all I/O goes through the resulting descriptors: there is no check that a concurrent rename or symlink
// could outrun. Symlinks are followed while they stay inside; absolute ones never do.
//
// Paths are relative to the root, or absolute and lexically inside it. Failures have these reasons:
//   path_escapes_workspace  PERMISSION_DENIED    leads outside, by "..", by a symlink or by a magic link
//   invalid_path            INVALID_ARGUMENT     empty, too long, or holds a NUL byte
//   file_not_found          NOT_FOUND
//   not_a_regular_file      FAILED_PRECONDITION  a directory, FIFO, socket or device where a file is needed
//   not_a_directory         FAILED_PRECONDITION
//   file_too_large          RESOURCE_EXHAUSTED
//   file_read_only          PERMISSION_DENIED    an existing file that this process may not write, or a file
//                                                system that nobody may
//   disk_full               RESOURCE_EXHAUSTED   no space is left
//   file_exists             ALREADY_EXISTS
//   path_protected          PERMISSION_DENIED    the rules keep it read-only
//   path_hidden             PERMISSION_DENIED    the rules keep it from being read
//   openat2_missing         FAILED_PRECONDITION  a kernel before 5.6, or a filter that refuses the call
// and "errno_…" for the rest. Any thread; immutable after open.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/base.h"
#include "os/fd.h"
#include "os/path_rules.h"

namespace tau::os {

enum class FileType : uint8_t { kFile, kDirectory, kSymlink, kOther };

struct FileInfo {
  FileType type = FileType::kOther;
  uint64_t size_bytes = 0;
  uint32_t mode = 0;  // permission bits
  int64_t mtime_ns = 0;
};

struct DirEntry {
  std::string name;
  FileType type = FileType::kOther;
};

struct ReadOptions {
  uint64_t offset_bytes = 0;
  uint64_t limit_bytes = UINT64_MAX;      // read at most so many from the offset on
  uint64_t max_file_bytes = 64ull << 20;  // a larger file gives file_too_large, unless limit_bytes is below
};

struct WriteOptions {
  bool create_parents = false;
  bool replace = true;  // false: file_exists when there is one
  bool durable = true;  // fsync the file and its directory before returning
};

struct WalkOptions {
  size_t max_entries = 200'000;  // files and directories looked at
  int max_depth = 64;            // of directories below the start
};

struct WalkEntry {
  std::string_view path;  // relative to the start of the walk; valid during the call
  FileType type;          // kFile or kDirectory: other kinds are not shown
};

enum class WalkAction : uint8_t { kContinue, kSkipDirectory, kStop };

struct WalkEnd {
  size_t entries = 0;
  size_t unreadable = 0;   // directories that could not be opened
  bool truncated = false;  // max_entries or max_depth was reached
};

class Workspace {
 public:
  static constexpr size_t kMaxDirEntries = 1'000'000;

  // NOT_FOUND, "not_a_directory", or "openat2_missing". The rules hold for where a path leads in the end,
  // through symlinks; of a hidden path the existence may be seen.
  static StatusOr<std::unique_ptr<Workspace>> open(std::string_view root, PathRules rules = {});

  // The absolute path of the root, symlinks resolved, as it was when opened.
  const std::string& root() const { return root_; }

  // The form relative to the root, without "." components and repeated slashes; "." for the root itself.
  // Decides lexically: ".." that climbs above the root is refused, though the kernel has the last word later.
  StatusOr<std::string> relative(std::string_view path) const;

  // Where the path leads now, through symlinks, relative to the root ("." for the root): what exists of it by
  // the kernel's word, the rest as it is written. For rules about names; what opens a file resolves anew.
  StatusOr<std::string> place(std::string_view path) const;

  StatusOr<FileInfo> stat(std::string_view path) const;
  StatusOr<Fd> open_file(std::string_view path) const;       // for reading; regular files only, never blocks
  StatusOr<Fd> open_directory(std::string_view path) const;  // for LaunchSpec::cwd
  StatusOr<std::string> read(std::string_view path, const ReadOptions& options) const;
  // Sorted by name. RESOURCE_EXHAUSTED "directory_too_large" beyond kMaxDirEntries.
  StatusOr<std::vector<DirEntry>> list(std::string_view path) const;
  // Visits files and directories below `path` so that their paths ascend bytewise. Does not enter symlinks.
  StatusOr<WalkEnd> walk(std::string_view path, const WalkOptions& options,
                         const std::function<WalkAction(const WalkEntry&)>& visit) const;

  // Atomic: other processes see the old content or the whole new one, also after a crash. An existing file
  // keeps its permission bits; a symlink is written through while it stays inside. Returns whether the file
  // was created.
  StatusOr<bool> write(std::string_view path, std::string_view bytes, const WriteOptions& options) const;
  Status make_directories(std::string_view path) const;
  Status remove(std::string_view path) const;  // a file, symlink or empty directory; not the root

 private:
  struct Target;
  Workspace(Fd fd, std::string root, std::string given, PathRules rules);
  StatusOr<Fd> open_beneath(const std::string& path, uint64_t flags) const;
  StatusOr<Target> resolve_target(std::string path, bool create_parents) const;
  StatusOr<std::string> place_of(int fd) const;
  Status check_changeable(int directory, std::string_view name, bool is_directory = false) const;
  Status check_visible(int fd, std::string_view path) const;

  Fd fd_;
  std::string root_;
  std::string given_;  // the absolute root as the caller wrote it, symlinks unresolved; may equal root_
  PathRules rules_;
};

}  // namespace tau::os
