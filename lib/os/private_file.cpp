#include "os/private_file.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>

#include "os/file_io.h"

namespace tau::os {
namespace {

constexpr mode_t kOthersMask = 0077;

StatusOr<std::string> checked(std::string_view path) {
  if (path.empty()) return invalid_argument("invalid_path", "the path is empty");
  if (path.find('\0') != path.npos) return invalid_argument("invalid_path", "the path holds a NUL byte");
  return std::string(path);
}

// A path outside any workspace: a loop of links is no escape here.
Status plain_error(int error, std::string_view what, std::string_view path) {
  if (error == ELOOP || error == EXDEV) return errno_status(error, format("{} \"{}\"", what, path));
  return file_error(error, what, path);
}

}  // namespace

Status make_private_dir(std::string_view path) {
  TAU_ASSIGN_OR_RETURN(const std::string dir, checked(path));
  for (size_t end = dir.find('/', 1);; end = dir.find('/', end + 1)) {
    if (mkdir(dir.substr(0, end).c_str(), 0700) != 0 && errno != EEXIST)
      return plain_error(errno, "cannot make the directory", path);
    if (end == dir.npos) break;
  }
  const Fd fd(open(dir.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (!fd.valid()) return plain_error(errno, "cannot open the directory", path);
  const Status status = check_private(fd.get(), path);
  if (status.ok() || status.reason() != "file_not_private") return status;
  return failed_precondition(
      "directory_not_private",
      format("the directory \"{}\" must belong to this user and have mode 0700", path));
}

Status check_private(int fd, std::string_view path) {
  struct stat st;
  if (fstat(fd, &st) != 0) return plain_error(errno, "cannot stat", path);
  if (st.st_uid == geteuid() && (st.st_mode & kOthersMask) == 0) return ok_status();
  return failed_precondition(
      "file_not_private",
      format("\"{}\" (owner {}, mode {:04o}) must belong to this user and be closed to group and others",
             path, st.st_uid, st.st_mode & 07777));
}

StatusOr<Fd> open_private_file(std::string_view path, OpenMode mode) {
  TAU_ASSIGN_OR_RETURN(const std::string name, checked(path));
  int flags = O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY;
  switch (mode) {
    case OpenMode::kRead: flags |= O_RDONLY; break;
    case OpenMode::kReadWrite: flags |= O_RDWR | O_CREAT; break;
    case OpenMode::kAppend: flags |= O_WRONLY | O_APPEND | O_CREAT; break;
  }
  Fd fd(open(name.c_str(), flags, 0600));
  if (!fd.valid()) return plain_error(errno, "cannot open", path);
  TAU_RETURN_IF_ERROR(require_regular(fd.get(), path).status());
  TAU_RETURN_IF_ERROR(check_private(fd.get(), path));
  return fd;
}

StatusOr<std::string> read_file(std::string_view path, uint64_t max_bytes) {
  TAU_ASSIGN_OR_RETURN(const std::string name, checked(path));
  const Fd fd(open(name.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY));
  if (!fd.valid()) return plain_error(errno, "cannot open", path);
  return read_range(fd.get(), 0, UINT64_MAX, max_bytes, path);
}

StatusOr<Secret> read_secret_file(std::string_view path, uint64_t max_bytes) {
  TAU_ASSIGN_OR_RETURN(const Fd fd, open_private_file(path, OpenMode::kRead));
  TAU_ASSIGN_OR_RETURN(const struct stat st, require_regular(fd.get(), path));
  const uint64_t size = static_cast<uint64_t>(st.st_size);
  if (size > max_bytes)
    return resource_exhausted("file_too_large",
                              format("\"{}\" has {} bytes, the limit is {}", path, size, max_bytes));
  size_t done = 0;
  int error = 0;
  Secret out = Secret::generate(size, [&](std::span<char> to) {
    while (done < to.size() && error == 0) {
      const ssize_t n = pread(fd.get(), to.data() + done, to.size() - done, static_cast<off_t>(done));
      if (n == 0) break;
      if (n > 0) done += static_cast<size_t>(n);
      if (n < 0 && errno != EINTR) error = errno;
    }
  });
  if (error != 0) return plain_error(error, "cannot read", path);
  if (done != size)
    return Status(Code::kAborted, "file_changed", format("\"{}\" shrank while it was read", path));
  return out;
}

Status write_private_file(std::string_view path, std::string_view bytes) {
  TAU_ASSIGN_OR_RETURN(const std::string name, checked(path));
  const size_t slash = name.rfind('/');
  const std::string parent = slash == name.npos ? "." : name.substr(0, slash + 1);
  const Fd dir(open(parent.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (!dir.valid()) return plain_error(errno, "cannot open the directory of", path);
  AtomicWrite write;
  write.directory = dir.get();
  write.name = slash == name.npos ? name : name.substr(slash + 1);
  write.bytes = bytes;
  write.create_mode = 0600;
  write.path = path;
  return write_atomically(write);
}

bool path_exists(std::string_view path) {
  struct stat st;
  return lstat(std::string(path).c_str(), &st) == 0;
}

Status move_private(std::string_view from, std::string_view to) {
  TAU_ASSIGN_OR_RETURN(const std::string source, checked(from));
  TAU_ASSIGN_OR_RETURN(const std::string target, checked(to));
  if (renameat2(AT_FDCWD, source.c_str(), AT_FDCWD, target.c_str(), RENAME_NOREPLACE) != 0) {
    // Some file systems know no such flag: then the name is looked at first.
    const bool taken = errno == EEXIST || (errno == EINVAL && path_exists(to));
    if (taken) return Status(Code::kAlreadyExists, "file_exists", format("\"{}\" exists", to));
    if (errno != EINVAL || rename(source.c_str(), target.c_str()) != 0)
      return plain_error(errno, "cannot rename", from);
  }
  const size_t slash = target.rfind('/');
  const std::string parent = slash == target.npos ? "." : target.substr(0, slash + 1);
  const Fd dir(open(parent.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (!dir.valid() || fsync(dir.get()) != 0) return plain_error(errno, "cannot sync the directory of", to);
  return ok_status();
}

Status remove_private_file(std::string_view path) {
  TAU_ASSIGN_OR_RETURN(const std::string name, checked(path));
  if (unlink(name.c_str()) == 0 || errno == ENOENT) return ok_status();
  return plain_error(errno, "cannot remove", path);
}

Status remove_empty_dir(std::string_view path) {
  TAU_ASSIGN_OR_RETURN(const std::string name, checked(path));
  if (rmdir(name.c_str()) == 0 || errno == ENOENT) return ok_status();
  return plain_error(errno, "cannot remove the directory", path);
}

}  // namespace tau::os
