// FileLock: one holder at a time of the file of a name, among all threads and processes of this machine.
#pragma once

#include <cstdint>
#include <string_view>
#include <utility>

#include "base/base.h"
#include "os/fd.h"

namespace tau::os {

// Held until it is destroyed or the process ends, however that ends. The file is created 0600 and stays.
class FileLock {
 public:
  // Waits up to `patience_ms`; then UNAVAILABLE "file_locked". Where the file system knows no locks, fails.
  static StatusOr<FileLock> acquire(std::string_view path, int64_t patience_ms);

 private:
  explicit FileLock(Fd fd) : fd_(std::move(fd)) {}
  Fd fd_;
};

}  // namespace tau::os
