#include "os/fd.h"

#include <unistd.h>

#include <cerrno>

namespace tau::os {

Fd& Fd::operator=(Fd&& other) noexcept {
  if (this != &other) {
    reset();
    fd_ = std::exchange(other.fd_, -1);
  }
  return *this;
}

void Fd::reset() {
  if (fd_ < 0) return;
  const int saved = errno;
  // Not retried on EINTR: Linux has released the descriptor already.
  close(std::exchange(fd_, -1));
  errno = saved;
}

}  // namespace tau::os
