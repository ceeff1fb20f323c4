#include "os/file_io.h"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>

namespace tau::os {
namespace {

constexpr size_t kReadStep = 256 * 1024;

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
  // A file that replaces a private one must not be wider for even a moment.
  const mode_t mode = w.keep != nullptr ? 0600 : w.create_mode;
  TAU_ASSIGN_OR_RETURN(TempFile temp, open_temp(w.directory, mode, kind, w.path));
  Status status = fill_temp(w, temp.fd.get());
  if (status.ok()) status = publish_temp(temp, w.directory, w.name, w.replace, w.path);
  if (!status.ok()) {
    if (!temp.name.empty()) unlinkat(w.directory, temp.name.c_str(), 0);
    return status;
  }
  if (w.durable && fsync(w.directory) != 0) return file_error(errno, "cannot sync the directory of", w.path);
  return ok_status();
}

}  // namespace tau::os
