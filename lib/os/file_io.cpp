#include "os/file_io.h"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdio>

namespace tau::os {
namespace {

constexpr size_t kReadStep = 256 * 1024;

// A name that nothing else uses, hidden from ordinary listings.
std::string temp_name() {
  std::array<std::byte, 8> random;
  system_random().fill(random);
  std::string name = ".tau-";
  for (const std::byte b : random) name += format("{:02x}", static_cast<unsigned>(b));
  return name + ".tmp";
}

struct Temp {
  Fd fd;
  std::string name;  // empty while the file has none
};

bool lacks_tmpfile(int error) { return error == EOPNOTSUPP || error == EISDIR || error == ENOENT; }

StatusOr<Temp> open_temp(const AtomicWrite& w, TempKind kind) {
  Temp temp;
  // A file that replaces a private one must not be wider for even a moment.
  const mode_t mode = w.keep != nullptr ? 0600 : w.create_mode;
  if (kind == TempKind::kNameless) {
    temp.fd = Fd(openat(w.directory, ".", O_TMPFILE | O_WRONLY | O_CLOEXEC, mode));
    if (temp.fd.valid()) return temp;
    if (!lacks_tmpfile(errno)) return file_error(errno, "cannot create a file beside", w.path);
  }
  temp.name = temp_name();
  temp.fd =
      Fd(openat(w.directory, temp.name.c_str(), O_CREAT | O_EXCL | O_WRONLY | O_CLOEXEC | O_NOFOLLOW, mode));
  if (!temp.fd.valid()) return file_error(errno, "cannot create a file beside", w.path);
  return temp;
}

Status fill_temp(const AtomicWrite& w, int fd) {
  TAU_RETURN_IF_ERROR(write_all(fd, w.bytes, w.path));
  if (w.keep != nullptr) {
    // Giving a file away needs privileges; without them the new file is ours, as with any editor. Set-id bits
    // do not survive a change of content.
    if (fchown(fd, w.keep->st_uid, w.keep->st_gid) != 0 && errno != EPERM)
      return file_error(errno, "cannot set the owner of", w.path);
    if (fchmod(fd, w.keep->st_mode & 0777) != 0) return file_error(errno, "cannot set the mode of", w.path);
  }
  if (w.durable && fsync(fd) != 0) return file_error(errno, "cannot sync", w.path);
  return ok_status();
}

// Gives a nameless file a name; 0 or an errno.
int link_fd(int fd, int directory, const std::string& name) {
  const std::string self = format("/proc/self/fd/{}", fd);
  return linkat(AT_FDCWD, self.c_str(), directory, name.c_str(), AT_SYMLINK_FOLLOW) == 0 ? 0 : errno;
}

// Puts the finished file in place; `temp.name` says whether something is left to unlink.
Status publish(const AtomicWrite& w, Temp& temp) {
  if (temp.name.empty()) {
    const int error = link_fd(temp.fd.get(), w.directory, w.name);
    if (error == 0) return ok_status();
    if (error != EEXIST || !w.replace) return file_error(error, "cannot create", w.path);
    std::string name = temp_name();
    const int link_error = link_fd(temp.fd.get(), w.directory, name);
    if (link_error != 0) return file_error(link_error, "cannot create a file beside", w.path);
    temp.name = std::move(name);
  }
  const unsigned flags = w.replace ? 0 : RENAME_NOREPLACE;
  if (renameat2(w.directory, temp.name.c_str(), w.directory, w.name.c_str(), flags) != 0)
    return file_error(errno, "cannot replace", w.path);
  temp.name.clear();
  return ok_status();
}

}  // namespace

Status file_error(int error, std::string_view what, std::string_view path) {
  const std::string message = format("{} \"{}\"", what, path);
  switch (error) {
    case EXDEV:
    case ELOOP:
      return permission_denied("path_escapes_workspace",
                               message + ": the path leads outside or through a loop of links");
    case ENOENT: return not_found("file_not_found", message + ": no such file or directory");
    case ENOTDIR: return failed_precondition("not_a_directory", message + ": a component is not a directory");
    case EISDIR: return failed_precondition("not_a_regular_file", message + ": it is a directory");
    case ENXIO:
      return failed_precondition("not_a_regular_file", message + ": it is a FIFO, socket or device");
    case EEXIST: return {Code::kAlreadyExists, "file_exists", message + ": it exists already"};
    case ENAMETOOLONG: return invalid_argument("invalid_path", message + ": the name is too long");
    case ENOSPC:
    case EDQUOT: return resource_exhausted("disk_full", message + ": no space is left");
    case EROFS: return permission_denied("file_read_only", message + ": the file system is read-only");
    case EFBIG: return resource_exhausted("file_too_large", message + ": too large for the file system");
    default: return errno_status(error, message);
  }
}

StatusOr<struct stat> require_regular(int fd, std::string_view path) {
  struct stat st;
  if (fstat(fd, &st) != 0) return file_error(errno, "cannot stat", path);
  if (S_ISREG(st.st_mode)) return st;
  const char* kind = S_ISDIR(st.st_mode) ? "a directory" : "a FIFO, socket or device";
  return failed_precondition("not_a_regular_file", format("\"{}\" is {}, not a regular file", path, kind));
}

StatusOr<std::string> read_range(int fd, uint64_t offset, uint64_t limit, uint64_t max_bytes,
                                 std::string_view path) {
  TAU_ASSIGN_OR_RETURN(const struct stat st, require_regular(fd, path));
  const uint64_t size = static_cast<uint64_t>(st.st_size);
  const uint64_t expected = std::min(limit, size > offset ? size - offset : 0);
  auto too_large = [&](uint64_t bytes) {
    return resource_exhausted("file_too_large",
                              format("\"{}\" has {} bytes to read, the limit is {}", path, bytes, max_bytes));
  };
  if (expected > max_bytes) return too_large(expected);
  std::string out;
  uint64_t step = std::max<uint64_t>(std::min<uint64_t>(expected + 1, limit), 1);
  while (out.size() < limit) {
    const size_t old = out.size();
    step = std::min({step, limit - old, max_bytes - old + 1});
    out.resize(old + step);
    const ssize_t n = pread(fd, out.data() + old, step, static_cast<off_t>(offset + old));
    const int error = errno;
    out.resize(old + (n > 0 ? static_cast<size_t>(n) : 0));
    if (n == 0) break;
    if (n < 0 && error != EINTR) return file_error(error, "cannot read", path);
    if (out.size() > max_bytes) return too_large(out.size());
    step = kReadStep;
  }
  return out;
}

Status write_all(int fd, std::string_view bytes, std::string_view path) {
  while (!bytes.empty()) {
    const ssize_t n = ::write(fd, bytes.data(), bytes.size());
    if (n < 0 && errno != EINTR) return file_error(errno, "cannot write", path);
    if (n > 0) bytes.remove_prefix(static_cast<size_t>(n));
  }
  return ok_status();
}

Status write_atomically(const AtomicWrite& w, TempKind kind) {
  TAU_ASSIGN_OR_RETURN(Temp temp, open_temp(w, kind));
  Status status = fill_temp(w, temp.fd.get());
  if (status.ok()) status = publish(w, temp);
  if (!status.ok()) {
    if (!temp.name.empty()) unlinkat(w.directory, temp.name.c_str(), 0);
    return status;
  }
  if (w.durable && fsync(w.directory) != 0) return file_error(errno, "cannot sync the directory of", w.path);
  return ok_status();
}

}  // namespace tau::os
