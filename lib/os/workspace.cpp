#include "os/workspace.h"

#include <fcntl.h>
#include <linux/openat2.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <climits>

#include "os/file_io.h"

namespace tau::os {
namespace {

constexpr int kMaxLinks = 16;  // symlinks followed by a write; the kernel's own limit for reads is 40

int openat2_retrying(int dir, const char* path, uint64_t flags) {
  struct open_how how = {};
  how.flags = flags | O_CLOEXEC;
  how.resolve = RESOLVE_BENEATH | RESOLVE_NO_MAGICLINKS;
  for (int tries = 0;; ++tries) {
    const long fd = syscall(SYS_openat2, dir, path, &how, sizeof how);
    // EAGAIN: a rename somewhere in the system raced with "..", the kernel could not be sure; see openat2(2).
    if (fd >= 0 || (errno != EAGAIN && errno != EINTR) || tries == 128) return static_cast<int>(fd);
  }
}

FileType type_of(mode_t mode) {
  if (S_ISREG(mode)) return FileType::kFile;
  if (S_ISDIR(mode)) return FileType::kDirectory;
  if (S_ISLNK(mode)) return FileType::kSymlink;
  return FileType::kOther;
}

FileInfo info_of(const struct stat& st) {
  return {type_of(st.st_mode), static_cast<uint64_t>(st.st_size), st.st_mode & 07777,
          int64_t{st.st_mtim.tv_sec} * 1'000'000'000 + st.st_mtim.tv_nsec};
}

Status escapes(std::string_view path) {
  return permission_denied("path_escapes_workspace", format("\"{}\" leads outside the workspace", path));
}

// `path` without `root` and the slashes after it, if it is lexically inside.
bool strip_root(std::string_view root, std::string_view& path) {
  while (!root.empty() && root.back() == '/') root.remove_suffix(1);
  if (!path.starts_with(root) || (path.size() > root.size() && path[root.size()] != '/')) return false;
  path.remove_prefix(root.size());
  while (path.starts_with('/')) path.remove_prefix(1);
  return true;
}

std::string parent_of(const std::string& path) {
  const size_t slash = path.rfind('/');
  return slash == std::string::npos ? "." : path.substr(0, slash);
}

std::string join(const std::string& dir, std::string_view name) {
  return dir == "." ? std::string(name) : format("{}/{}", dir, name);
}

StatusOr<std::string> read_link(int dir, const std::string& name, std::string_view path) {
  std::array<char, PATH_MAX> target;
  const ssize_t n = readlinkat(dir, name.c_str(), target.data(), target.size());
  if (n < 0) return file_error(errno, "cannot read the link", path);
  return std::string(target.data(), static_cast<size_t>(n));
}

}  // namespace

// Where a write lands: the real directory and the last component, no symlink.
struct Workspace::Target {
  Fd directory;
  std::string name;
  bool exists = false;
  struct stat st = {};
};

Workspace::Workspace(Fd fd, std::string root, std::string given, PathRules rules)
    : fd_(std::move(fd)), root_(std::move(root)), given_(std::move(given)), rules_(std::move(rules)) {}

StatusOr<std::unique_ptr<Workspace>> Workspace::open(std::string_view root, PathRules rules) {
  if (root.empty() || root.find('\0') != root.npos)
    return invalid_argument("invalid_path", "the workspace path is empty or holds a NUL byte");
  const std::string path(root);
  Fd fd(::open(path.c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC));
  if (!fd.valid()) return file_error(errno, "cannot open the workspace", path);
  const Fd probe(openat2_retrying(fd.get(), ".", O_PATH | O_DIRECTORY));
  if (!probe.valid() && (errno == ENOSYS || errno == EPERM))
    return failed_precondition(
        "openat2_missing",
        "openat2 is not available: file access needs Linux 5.6 or newer, and a container "
        "whose filter allows the call");
  if (!probe.valid()) return file_error(errno, "cannot open the workspace", path);
  TAU_ASSIGN_OR_RETURN(std::string real, read_link(AT_FDCWD, format("/proc/self/fd/{}", fd.get()), path));
  return std::unique_ptr<Workspace>(new Workspace(
      std::move(fd), std::move(real), path.front() == '/' ? path : std::string(), std::move(rules)));
}

StatusOr<std::string> Workspace::relative(std::string_view path) const {
  if (path.empty()) return invalid_argument("invalid_path", "the path is empty");
  if (path.find('\0') != path.npos) return invalid_argument("invalid_path", "the path holds a NUL byte");
  if (path.size() >= PATH_MAX) return invalid_argument("invalid_path", "the path is too long");
  std::string_view rest = path;
  if (path.front() == '/' && !strip_root(root_, rest) && (given_.empty() || !strip_root(given_, rest)))
    return escapes(path);
  std::string out;
  int depth = 0;
  while (!rest.empty()) {
    const size_t slash = rest.find('/');
    const std::string_view part = rest.substr(0, slash);
    rest.remove_prefix(slash == rest.npos ? rest.size() : slash + 1);
    if (part.empty() || part == ".") continue;
    depth += part == ".." ? -1 : 1;
    if (depth < 0) return escapes(path);
    if (!out.empty()) out += '/';
    out += part;
  }
  return out.empty() ? "." : out;
}

StatusOr<Fd> Workspace::open_beneath(const std::string& path, uint64_t flags) const {
  Fd fd(openat2_retrying(fd_.get(), path.c_str(), flags));
  if (!fd.valid()) return file_error(errno, "cannot open", path);
  return fd;
}

// Where an open file or directory is now, relative to the root; "" for the root itself.
StatusOr<std::string> Workspace::place_of(int fd) const {
  TAU_ASSIGN_OR_RETURN(const std::string root,
                       read_link(AT_FDCWD, format("/proc/self/fd/{}", fd_.get()), root_));
  TAU_ASSIGN_OR_RETURN(const std::string place, read_link(AT_FDCWD, format("/proc/self/fd/{}", fd), root_));
  std::string_view rest = place;
  if (!strip_root(root, rest)) return escapes(place);
  return std::string(rest);
}

StatusOr<std::string> Workspace::place(std::string_view path) const {
  TAU_ASSIGN_OR_RETURN(std::string rel, relative(path));
  std::string rest;
  while (true) {
    const StatusOr<Fd> fd = open_beneath(rel, O_PATH);
    if (fd.ok()) {
      TAU_ASSIGN_OR_RETURN(const std::string found, place_of(fd->get()));
      return found.empty() && rest.empty() ? "." : found.empty() ? rest.substr(1) : found + rest;
    }
    if (fd.status().code() != Code::kNotFound || rel == ".") return fd.status();
    // A link to what is not there yet is written through.
    const StatusOr<Target> target = resolve_target(rel, /*create_parents=*/false);
    if (target.ok() && !target->exists) {
      TAU_ASSIGN_OR_RETURN(const std::string found, place_of(target->directory.get()));
      return (found.empty() ? target->name : format("{}/{}", found, target->name)) + rest;
    }
    if (!target.ok() && target.status().code() != Code::kNotFound) return target.status();
    const std::string parent = parent_of(rel);
    rest = "/" + rel.substr(parent == "." ? 0 : parent.size() + 1) + rest;
    rel = parent;
  }
}

// Whether the entry `name` of an open directory may be made, replaced or removed. What the rules keep, and
// what they keep something in: a file ".git" in place of the directory says that the repository is elsewhere.
Status Workspace::check_changeable(int directory, std::string_view name, bool is_directory) const {
  if (rules_.read_only.empty() && rules_.hidden.empty()) return ok_status();
  TAU_ASSIGN_OR_RETURN(std::string place, place_of(directory));
  place += place.empty() ? name : format("/{}", name);
  if (covered(rules_.read_only, place) || covered(rules_.hidden, place) ||
      (!is_directory && leads_to(rules_.read_only, place)))
    return permission_denied("path_protected", format("\"{}\" is kept from changes by tools", place));
  return ok_status();
}

Status Workspace::check_visible(int fd, std::string_view path) const {
  if (rules_.hidden.empty()) return ok_status();
  TAU_ASSIGN_OR_RETURN(const std::string place, place_of(fd));
  if (!covered(rules_.hidden, place)) return ok_status();
  return permission_denied("path_hidden", format("\"{}\" is kept from being read by tools", path));
}

StatusOr<FileInfo> Workspace::stat(std::string_view path) const {
  TAU_ASSIGN_OR_RETURN(const std::string rel, relative(path));
  TAU_ASSIGN_OR_RETURN(const Fd fd, open_beneath(rel, O_PATH));
  struct stat st;
  if (fstat(fd.get(), &st) != 0) return file_error(errno, "cannot stat", rel);
  return info_of(st);
}

StatusOr<Fd> Workspace::open_file(std::string_view path) const {
  TAU_ASSIGN_OR_RETURN(const std::string rel, relative(path));
  // O_NONBLOCK: opening a FIFO without a writer returns at once, to be refused below.
  TAU_ASSIGN_OR_RETURN(Fd fd, open_beneath(rel, O_RDONLY | O_NONBLOCK | O_NOCTTY));
  TAU_RETURN_IF_ERROR(require_regular(fd.get(), rel).status());
  TAU_RETURN_IF_ERROR(check_visible(fd.get(), rel));
  return fd;
}

StatusOr<Fd> Workspace::open_directory(std::string_view path) const {
  TAU_ASSIGN_OR_RETURN(const std::string rel, relative(path));
  TAU_ASSIGN_OR_RETURN(Fd fd, open_beneath(rel, O_RDONLY | O_DIRECTORY));
  TAU_RETURN_IF_ERROR(check_visible(fd.get(), rel));
  return fd;
}

StatusOr<std::string> Workspace::read(std::string_view path, const ReadOptions& options) const {
  TAU_ASSIGN_OR_RETURN(const Fd fd, open_file(path));
  return read_range(fd.get(), options.offset_bytes, options.limit_bytes, options.max_file_bytes, path);
}

Status Workspace::make_directories(std::string_view path) const {
  TAU_ASSIGN_OR_RETURN(const std::string rel, relative(path));
  // Every prefix is resolved from the root anew: a directory that turns into a symlink under our feet is
  // caught by the kernel, and ".." after a directory just made means what it says.
  size_t end = 0;
  while (end != rel.npos) {
    const size_t begin = end == 0 ? 0 : end + 1;
    end = rel.find('/', begin);
    const std::string name = rel.substr(begin, end == rel.npos ? rel.npos : end - begin);
    const std::string prefix = rel.substr(0, end);
    StatusOr<Fd> existing = open_beneath(prefix, O_PATH | O_DIRECTORY);
    if (existing.ok()) continue;
    if (existing.status().code() != Code::kNotFound) return existing.status();
    TAU_ASSIGN_OR_RETURN(const Fd dir,
                         open_beneath(begin == 0 ? "." : rel.substr(0, begin - 1), O_PATH | O_DIRECTORY));
    TAU_RETURN_IF_ERROR(check_changeable(dir.get(), name, /*is_directory=*/true));
    if (mkdirat(dir.get(), name.c_str(), 0777) != 0 && errno != EEXIST)
      return file_error(errno, "cannot make the directory", prefix);
  }
  return open_beneath(rel, O_PATH | O_DIRECTORY).status();
}

StatusOr<Workspace::Target> Workspace::resolve_target(std::string path, bool create_parents) const {
  for (int links = 0; links < kMaxLinks; ++links) {
    Target target;
    const std::string parent = parent_of(path);
    target.name = path.substr(parent == "." && path.find('/') == path.npos ? 0 : parent.size() + 1);
    if (target.name == "." || target.name == "..")
      return failed_precondition("not_a_regular_file", format("\"{}\" names a directory", path));
    if (create_parents && links == 0) TAU_RETURN_IF_ERROR(make_directories(parent));
    TAU_ASSIGN_OR_RETURN(target.directory, open_beneath(parent, O_RDONLY | O_DIRECTORY));
    if (fstatat(target.directory.get(), target.name.c_str(), &target.st, AT_SYMLINK_NOFOLLOW) != 0) {
      if (errno != ENOENT) return file_error(errno, "cannot stat", path);
      return target;
    }
    target.exists = true;
    if (!S_ISLNK(target.st.st_mode)) return target;
    TAU_ASSIGN_OR_RETURN(const std::string link, read_link(target.directory.get(), target.name, path));
    if (link.empty() || link.front() == '/') return escapes(path);
    TAU_ASSIGN_OR_RETURN(path, relative(join(parent, link)));
  }
  return file_error(ELOOP, "cannot write", path);
}

StatusOr<bool> Workspace::write(std::string_view path, std::string_view bytes,
                                const WriteOptions& options) const {
  TAU_ASSIGN_OR_RETURN(const std::string rel, relative(path));
  if (path.back() == '/')
    return failed_precondition("not_a_regular_file", format("\"{}\" names a directory", path));
  TAU_ASSIGN_OR_RETURN(const Target target, resolve_target(rel, options.create_parents));
  TAU_RETURN_IF_ERROR(check_changeable(target.directory.get(), target.name));
  AtomicWrite write;
  if (target.exists) {
    if (!options.replace) return file_error(EEXIST, "cannot create", rel);
    if (!S_ISREG(target.st.st_mode))
      return failed_precondition("not_a_regular_file",
                                 format("\"{}\" exists and is not a regular file; it is not replaced", rel));
    // Replacing by rename would get around the permission bits of the file itself.
    if (faccessat(target.directory.get(), target.name.c_str(), W_OK, AT_EACCESS | AT_SYMLINK_NOFOLLOW) != 0)
      return permission_denied("file_read_only", format("\"{}\" is read-only", rel));
    write.keep = &target.st;
  }
  write.directory = target.directory.get();
  write.name = target.name;
  write.bytes = bytes;
  write.replace = options.replace;
  write.durable = options.durable;
  write.path = rel;
  TAU_RETURN_IF_ERROR(write_atomically(write));
  return !target.exists;
}

Status Workspace::remove(std::string_view path) const {
  TAU_ASSIGN_OR_RETURN(const std::string rel, relative(path));
  const std::string parent = parent_of(rel);
  const std::string name = rel.substr(rel.find('/') == rel.npos ? 0 : parent.size() + 1);
  if (name == "." || name == "..")
    return invalid_argument("invalid_path", "the workspace itself is not removed");
  TAU_ASSIGN_OR_RETURN(const Fd dir, open_beneath(parent, O_PATH | O_DIRECTORY));
  TAU_RETURN_IF_ERROR(check_changeable(dir.get(), name));
  if (unlinkat(dir.get(), name.c_str(), 0) == 0) return ok_status();
  // Linux says EISDIR for a directory, POSIX and some file systems EPERM.
  if ((errno == EISDIR || errno == EPERM) && unlinkat(dir.get(), name.c_str(), AT_REMOVEDIR) == 0)
    return ok_status();
  return file_error(errno, "cannot remove", rel);
}

}  // namespace tau::os
