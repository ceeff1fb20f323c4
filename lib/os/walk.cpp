// Listing and walking directories: sorted, bounded, without recursion and without following symlinks.
#include <dirent.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>

#include "os/file_io.h"
#include "os/workspace.h"

namespace tau::os {
namespace {

struct CloseDir {
  void operator()(DIR* dir) const { closedir(dir); }
};

FileType entry_type(int dir, const struct dirent& entry) {
  switch (entry.d_type) {
    case DT_REG: return FileType::kFile;
    case DT_DIR: return FileType::kDirectory;
    case DT_LNK: return FileType::kSymlink;
    case DT_UNKNOWN: break;
    default: return FileType::kOther;
  }
  struct stat st;
  if (fstatat(dir, entry.d_name, &st, AT_SYMLINK_NOFOLLOW) != 0) return FileType::kOther;
  if (S_ISREG(st.st_mode)) return FileType::kFile;
  if (S_ISDIR(st.st_mode)) return FileType::kDirectory;
  return S_ISLNK(st.st_mode) ? FileType::kSymlink : FileType::kOther;
}

StatusOr<std::vector<DirEntry>> read_entries(Fd fd, std::string_view path) {
  std::unique_ptr<DIR, CloseDir> dir(fdopendir(fd.get()));
  if (dir == nullptr) return file_error(errno, "cannot list", path);
  const int dir_fd = fd.release();
  std::vector<DirEntry> entries;
  for (;;) {
    errno = 0;
    const struct dirent* entry = readdir(dir.get());
    if (entry == nullptr && errno != 0) return file_error(errno, "cannot list", path);
    if (entry == nullptr) return entries;
    const std::string_view name = entry->d_name;
    if (name == "." || name == "..") continue;
    if (entries.size() == Workspace::kMaxDirEntries)
      return resource_exhausted("directory_too_large",
                                format("\"{}\" has more than {} entries", path, Workspace::kMaxDirEntries));
    entries.push_back({std::string(name), entry_type(dir_fd, *entry)});
  }
}

// Opens `path` below `start`. No symlink is followed: a directory that was swapped for one is skipped.
Fd open_below(int start, const std::string& path) {
  struct open_how how = {};
  how.flags = O_RDONLY | O_DIRECTORY | O_CLOEXEC;
  how.resolve = RESOLVE_BENEATH | RESOLVE_NO_MAGICLINKS | RESOLVE_NO_SYMLINKS;
  return Fd(
      static_cast<int>(syscall(SYS_openat2, start, path.empty() ? "." : path.c_str(), &how, sizeof how)));
}

// One directory on the way down. Descriptors are not kept: a walk holds two, however deep it is.
struct Level {
  std::string prefix;  // "" or "a/b/"
  std::vector<DirEntry> entries;
  size_t next = 0;
};

// Orders directories as if their names ended in '/': then the visited paths ascend bytewise as a whole.
bool walks_before(const DirEntry& a, const DirEntry& b) {
  const std::string_view x = a.name, y = b.name;
  const size_t common = std::min(x.size(), y.size());
  const int order = x.substr(0, common).compare(y.substr(0, common));
  if (order != 0) return order < 0;
  auto byte_after = [common](std::string_view name, FileType type) {
    if (name.size() > common) return static_cast<int>(static_cast<unsigned char>(name[common]));
    return type == FileType::kDirectory ? static_cast<int>('/') : -1;
  };
  return byte_after(x, a.type) < byte_after(y, b.type);
}

bool push_level(std::vector<Level>& stack, int start, std::string prefix) {
  Fd fd = open_below(start, prefix);
  if (!fd.valid()) return false;
  StatusOr<std::vector<DirEntry>> entries = read_entries(std::move(fd), prefix);
  if (!entries.ok()) return false;
  std::sort(entries->begin(), entries->end(), walks_before);
  stack.push_back({std::move(prefix), std::move(*entries), 0});
  return true;
}

}  // namespace

StatusOr<std::vector<DirEntry>> Workspace::list(std::string_view path) const {
  TAU_ASSIGN_OR_RETURN(Fd fd, open_directory(path));
  TAU_ASSIGN_OR_RETURN(std::vector<DirEntry> entries, read_entries(std::move(fd), path));
  std::sort(entries.begin(), entries.end(),
            [](const DirEntry& a, const DirEntry& b) { return a.name < b.name; });
  return entries;
}

StatusOr<WalkEnd> Workspace::walk(std::string_view path, const WalkOptions& options,
                                  const std::function<WalkAction(const WalkEntry&)>& visit) const {
  TAU_ASSIGN_OR_RETURN(const Fd start, open_directory(path));
  std::string place;
  if (!rules_.hidden.empty()) { TAU_ASSIGN_OR_RETURN(place, place_of(start.get())); }
  if (!place.empty()) place += '/';
  WalkEnd end;
  std::vector<Level> stack;
  if (!push_level(stack, start.get(), "")) return file_error(EACCES, "cannot list", path);
  while (!stack.empty()) {
    Level& level = stack.back();
    if (level.next == level.entries.size()) {
      stack.pop_back();
      continue;
    }
    const DirEntry& entry = level.entries[level.next++];
    if (entry.type != FileType::kFile && entry.type != FileType::kDirectory) continue;
    if (end.entries == options.max_entries) {
      end.truncated = true;
      break;
    }
    ++end.entries;
    const std::string child = level.prefix + entry.name;
    if (!rules_.hidden.empty() && covered(rules_.hidden, place + child)) continue;
    const WalkAction action = visit({child, entry.type});
    if (action == WalkAction::kStop) break;
    if (entry.type != FileType::kDirectory || action == WalkAction::kSkipDirectory) continue;
    if (stack.size() > static_cast<size_t>(options.max_depth)) {
      end.truncated = true;
    } else if (!push_level(stack, start.get(), child + "/")) {
      ++end.unreadable;
    }
  }
  return end;
}

}  // namespace tau::os
