// A file that is mapped into memory.
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>

#include <cerrno>
#include <utility>

#include "memory/safetensors.h"
#include "os/os.h"

namespace tau::memory {

MappedFile::MappedFile(MappedFile&& other) noexcept
    : data_(std::exchange(other.data_, nullptr)), size_(std::exchange(other.size_, 0)) {}

MappedFile& MappedFile::operator=(MappedFile&& other) noexcept {
  std::swap(data_, other.data_);
  std::swap(size_, other.size_);
  return *this;
}

MappedFile::~MappedFile() {
  if (data_ != nullptr) munmap(const_cast<char*>(data_), size_);
}

StatusOr<MappedFile> MappedFile::open(const std::string& path, uint64_t max_bytes) {
  const os::Fd fd(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK));
  if (!fd.valid() && errno == ENOENT) return not_found("file_not_found", format("there is no file {}", path));
  struct stat info {};
  if (!fd.valid() || fstat(fd.get(), &info) != 0) return errno_status(errno, format("opening {}", path));
  if (!S_ISREG(info.st_mode))
    return failed_precondition("not_a_regular_file", format("{} is not a file", path));
  const auto size = static_cast<uint64_t>(info.st_size);
  if (size > max_bytes)
    return invalid_argument("file_too_large",
                            format("{} has {} bytes; at most {} are read", path, size, max_bytes));
  MappedFile out;
  if (size == 0) return out;
  void* data = mmap(nullptr, size, PROT_READ, MAP_PRIVATE, fd.get(), 0);
  if (data == MAP_FAILED) return errno_status(errno, format("mapping {}", path));
  out.data_ = static_cast<const char*>(data);
  out.size_ = size;
  return out;
}

}  // namespace tau::memory
