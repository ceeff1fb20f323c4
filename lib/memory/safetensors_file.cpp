// A file that is mapped into memory.
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>

#include <cerrno>
#include <utility>

#include "memory/safetensors.h"
#include "os/fd.h"
#include "os/file_io.h"

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
  if (!fd.valid()) return os::file_error(errno, "cannot open", path);
  TAU_ASSIGN_OR_RETURN(const struct stat info, os::require_regular(fd.get(), path));
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
