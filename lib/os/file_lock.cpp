#include "os/file_lock.h"

#include <fcntl.h>
#include <time.h>

#include <cerrno>
#include <cstdio>

#include "os/private_file.h"

namespace tau::os {

StatusOr<FileLock> FileLock::acquire(std::string_view path, int64_t patience_ms) {
  TAU_ASSIGN_OR_RETURN(Fd fd, open_private_file(path, OpenMode::kReadWrite));
  const int64_t give_up_ns = system_clock().monotonic_ns() + patience_ms * kNanosPerMilli;
  for (;;) {
    // Of the open file description: another thread that opens the file is another holder.
    struct flock lock = {};
    lock.l_type = F_WRLCK;
    lock.l_whence = SEEK_SET;
    if (::fcntl(fd.get(), F_OFD_SETLK, &lock) == 0) return FileLock(std::move(fd));
    if (errno != EAGAIN && errno != EACCES && errno != EINTR)
      return errno_status(errno, format("cannot lock \"{}\"", path));
    if (system_clock().monotonic_ns() >= give_up_ns)
      return unavailable("file_locked",
                         format("\"{}\" has been locked by somebody else for {} ms", path, patience_ms));
    // Waiting in the kernel (F_OFD_SETLKW) knows no deadline.
    const timespec pause = {0, 2 * kNanosPerMilli};
    ::nanosleep(&pause, nullptr);
  }
}

}  // namespace tau::os
