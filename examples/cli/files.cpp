#include "files.h"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

#include "failure.h"

namespace cli {
namespace {

Failure file_failure(const std::string& path, int error) {
  return input_failure("file_error", path + ": " + std::strerror(error));
}

Result<std::string> read_all(int fd, const std::string& path, size_t limit) {
  std::string text;
  char chunk[65536];
  for (;;) {
    const ssize_t got = read(fd, chunk, sizeof chunk);
    if (got < 0 && errno == EINTR) return Failure{kExitCancelled, "cancelled", "interrupted", {}};
    if (got < 0) return file_failure(path, errno);
    if (got == 0) return text;
    text.append(chunk, static_cast<size_t>(got));
    if (text.size() > limit)
      return input_failure("too_large", path + " has more than " + std::to_string(limit) + " bytes");
  }
}

bool write_all(int fd, std::string_view content) {
  while (!content.empty()) {
    const ssize_t put = write(fd, content.data(), content.size());
    if (put < 0 && errno == EINTR) continue;
    if (put < 0) return false;
    content.remove_prefix(static_cast<size_t>(put));
  }
  return true;
}

}  // namespace

Result<std::string> read_file(const std::string& path, size_t limit) {
  const int fd = open(path.c_str(), O_RDONLY | O_CLOEXEC);
  if (fd < 0) return file_failure(path, errno);
  auto text = read_all(fd, path, limit);
  close(fd);
  return text;
}

Result<std::string> read_stdin(size_t limit) { return read_all(STDIN_FILENO, "stdin", limit); }

Result<bool> create_private_file(const std::string& path, std::string_view content) {
  const int fd = open(path.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
  if (fd < 0 && errno == EEXIST) return false;
  if (fd < 0) return file_failure(path, errno);
  const bool written = write_all(fd, content);
  const int error = errno;
  if (close(fd) != 0 || !written) return file_failure(path, error);
  return true;
}

void append_private_file(const std::string& path, std::string_view content) {
  const int fd = open(path.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC | O_NOFOLLOW, 0600);
  if (fd < 0) return;
  write_all(fd, content);
  close(fd);
}

}  // namespace cli
