#include "files.h"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <filesystem>

#include "failure.h"
#include "terminal.h"

namespace cli {
namespace {

Failure file_failure(const std::string& path, int error) {
  return input_failure("file_error", path + ": " + std::strerror(error));
}

// Until one fails: use(piece).
template <class Use>
std::optional<Failure> each_piece(int fd, const std::string& path, const Use& use) {
  char chunk[65536];
  for (;;) {
    const ssize_t got = read(fd, chunk, sizeof chunk);
    if (got < 0 && errno == EINTR) return Failure{kExitCancelled, "cancelled", "interrupted", {}};
    if (got < 0) return file_failure(path, errno);
    if (got == 0) return std::nullopt;
    if (auto failure = use(std::string_view(chunk, static_cast<size_t>(got)))) return failure;
  }
}

Result<std::string> read_all(int fd, const std::string& path, size_t limit) {
  std::string text;
  auto failure = each_piece(fd, path, [&](std::string_view piece) -> std::optional<Failure> {
    text += piece;
    if (text.size() <= limit) return std::nullopt;
    return input_failure("too_large", path + " has more than " + std::to_string(limit) + " bytes");
  });
  if (failure) return *failure;
  return text;
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

TemporaryFolder::TemporaryFolder() {
  std::error_code error;
  std::string path = (std::filesystem::temp_directory_path(error) / "tau-XXXXXX").string();
  if (!error && mkdtemp(path.data()) != nullptr) path_ = path;
}

TemporaryFolder::~TemporaryFolder() {
  std::error_code error;
  if (!path_.empty()) std::filesystem::remove_all(path_, error);
}

std::optional<Failure> stdin_to_file(const std::string& path) {
  const int fd = open(path.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
  if (fd < 0) return file_failure(path, errno);
  auto failure = each_piece(STDIN_FILENO, "stdin", [&](std::string_view piece) -> std::optional<Failure> {
    if (write_all(fd, piece)) return std::nullopt;
    return file_failure(path, errno);
  });
  if (close(fd) != 0 && !failure) failure = file_failure(path, errno);
  return failure;
}

std::optional<Failure> file_to_stdout(const std::string& path) {
  const int fd = open(path.c_str(), O_RDONLY | O_CLOEXEC);
  if (fd < 0) return file_failure(path, errno);
  // What cannot be written is told when the program ends.
  auto failure = each_piece(fd, path, [](std::string_view piece) -> std::optional<Failure> {
    if (write_out(piece)) return std::nullopt;
    return Failure{kExitFailed, "output_failed", {}, {}};
  });
  close(fd);
  return failure;
}

void append_private_file(const std::string& path, std::string_view content) {
  const int fd = open(path.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC | O_NOFOLLOW, 0600);
  if (fd < 0) return;
  write_all(fd, content);
  close(fd);
}

}  // namespace cli
