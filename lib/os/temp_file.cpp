#include "os/temp_file.h"

#include <fcntl.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstdio>

#include "os/file_io.h"

namespace tau::os {
namespace {

constexpr std::string_view kPrefix = ".tau-";
constexpr std::string_view kSuffix = ".tmp";
constexpr size_t kRandomBytes = 8;

// A name that nothing else uses, hidden from ordinary listings.
std::string temp_name() {
  std::array<std::byte, kRandomBytes> random;
  system_random().fill(random);
  std::string name(kPrefix);
  for (const std::byte b : random) name += format("{:02x}", static_cast<unsigned>(b));
  return name.append(kSuffix);
}

bool lacks_tmpfile(int error) { return error == EOPNOTSUPP || error == EISDIR || error == ENOENT; }

// Gives a nameless file a name; 0 or an errno.
int link_fd(int fd, int directory, const std::string& name) {
  const std::string self = format("/proc/self/fd/{}", fd);
  return linkat(AT_FDCWD, self.c_str(), directory, name.c_str(), AT_SYMLINK_FOLLOW) == 0 ? 0 : errno;
}

}  // namespace

bool is_temp_name(std::string_view name) {
  if (name.size() != kPrefix.size() + 2 * kRandomBytes + kSuffix.size()) return false;
  if (!name.starts_with(kPrefix) || !name.ends_with(kSuffix)) return false;
  return name.substr(kPrefix.size(), 2 * kRandomBytes).find_first_not_of("0123456789abcdef") == name.npos;
}

StatusOr<TempFile> open_temp(int directory, mode_t mode, TempKind kind, std::string_view path) {
  TempFile temp;
  if (kind == TempKind::kNameless) {
    temp.fd = Fd(openat(directory, ".", O_TMPFILE | O_RDWR | O_CLOEXEC, mode));
    if (temp.fd.valid()) return temp;
    if (!lacks_tmpfile(errno)) return file_error(errno, "cannot create a file beside", path);
  }
  temp.name = temp_name();
  temp.fd =
      Fd(openat(directory, temp.name.c_str(), O_CREAT | O_EXCL | O_RDWR | O_CLOEXEC | O_NOFOLLOW, mode));
  if (!temp.fd.valid()) return file_error(errno, "cannot create a file beside", path);
  return temp;
}

Status publish_temp(TempFile& temp, int directory, const std::string& name, bool replace,
                    std::string_view path) {
  if (temp.name.empty()) {
    const int error = link_fd(temp.fd.get(), directory, name);
    if (error == 0) return ok_status();
    if (error != EEXIST || !replace) return file_error(error, "cannot create", path);
    std::string beside = temp_name();
    const int link_error = link_fd(temp.fd.get(), directory, beside);
    if (link_error != 0) return file_error(link_error, "cannot create a file beside", path);
    temp.name = std::move(beside);
  }
  const unsigned flags = replace ? 0 : RENAME_NOREPLACE;
  if (renameat2(directory, temp.name.c_str(), directory, name.c_str(), flags) != 0)
    return file_error(errno, "cannot replace", path);
  temp.name.clear();
  return ok_status();
}

}  // namespace tau::os
