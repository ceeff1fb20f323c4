#include "os/stream_file.h"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <utility>

#include "os/file_io.h"

namespace tau::os {
namespace {

Status check_path(std::string_view path) {
  const bool good = !path.empty() && path.find('\0') == path.npos;
  return good ? ok_status() : invalid_argument("invalid_path", "a path is not empty and has no NUL byte");
}

}  // namespace

StatusOr<OpenFile> OpenFile::open(std::string_view path) {
  TAU_RETURN_IF_ERROR(check_path(path));
  Fd fd(::open(std::string(path).c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY));
  if (!fd.valid()) return file_error(errno, "cannot open", path);
  TAU_RETURN_IF_ERROR(require_regular(fd.get(), path).status());
  return OpenFile(std::move(fd), std::string(path));
}

StatusOr<std::string> OpenFile::read(size_t limit) {
  std::string bytes(limit, '\0');
  while (true) {
    const ssize_t n = ::read(fd_.get(), bytes.data(), bytes.size());
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) return file_error(errno, "cannot read", path_);
    bytes.resize(static_cast<size_t>(n));
    return bytes;
  }
}

StatusOr<NewFile> NewFile::create(std::string_view path) {
  TAU_RETURN_IF_ERROR(check_path(path));
  const size_t slash = path.rfind('/');
  const std::string parent(slash == path.npos ? "." : path.substr(0, slash + 1));
  std::string name(slash == path.npos ? path : path.substr(slash + 1));
  if (name.empty())
    return invalid_argument("invalid_path", format("\"{}\" names a folder, not a file", path));
  Fd directory(::open(parent.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (!directory.valid()) return file_error(errno, "cannot open the directory of", path);
  TAU_ASSIGN_OR_RETURN(TempFile temp, open_temp(directory.get(), 0600, TempKind::kNameless, path));
  return NewFile(std::move(directory), std::move(temp), std::move(name), std::string(path));
}

NewFile::~NewFile() {
  if (directory_.valid() && !temp_.name.empty()) unlinkat(directory_.get(), temp_.name.c_str(), 0);
}

Status NewFile::append(std::string_view bytes) { return write_all(temp_.fd.get(), bytes, path_); }

Status NewFile::publish() {
  if (fsync(temp_.fd.get()) != 0) return file_error(errno, "cannot write", path_);
  TAU_RETURN_IF_ERROR(publish_temp(temp_, directory_.get(), name_, true, path_));
  if (fsync(directory_.get()) != 0) return file_error(errno, "cannot sync the directory of", path_);
  return ok_status();
}

}  // namespace tau::os
