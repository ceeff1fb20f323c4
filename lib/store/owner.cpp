// /proc and file locks as judges of who is alive.
#include "store/owner.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <charconv>
#include <optional>

#include "crypto/crypto.h"
#include "store/schema.h"

namespace tau::store {
namespace {

// The first bytes of a small kernel file; empty when it cannot be read.
std::string read_small(const char* path) {
  const int fd = ::open(path, O_RDONLY | O_CLOEXEC);
  if (fd < 0) return {};
  char buffer[1024];
  const ssize_t n = ::read(fd, buffer, sizeof buffer);
  ::close(fd);
  return n > 0 ? std::string(buffer, static_cast<size_t>(n)) : std::string();
}

// Field 22 of /proc/PID/stat (proc(5)); nothing for a process that is gone or a zombie. The second field is a
// name in parentheses that may hold anything, so counting starts after the last parenthesis.
std::optional<int64_t> start_time_of(std::string_view pid) {
  const std::string stat = read_small(format("/proc/{}/stat", pid).c_str());
  const size_t name_end = stat.rfind(')');
  if (name_end == std::string::npos || name_end + 2 >= stat.size()) return std::nullopt;
  const char state = stat[name_end + 2];
  if (state == 'Z' || state == 'X') return std::nullopt;
  size_t at = name_end + 2;
  for (int field = 3; field < 22; ++field) {
    at = stat.find(' ', at);
    if (at == std::string::npos) return std::nullopt;
    ++at;
  }
  int64_t value = 0;
  const auto [end, error] = std::from_chars(stat.data() + at, stat.data() + stat.size(), value);
  if (error != std::errc()) return std::nullopt;
  return value;
}

// A namespace may be entered without a /proc of it: then the numbers there are not ours.
bool proc_is_of_own_namespace() {
  char target[32];
  const ssize_t n = ::readlink("/proc/self", target, sizeof target);
  return n > 0 && std::string_view(target, static_cast<size_t>(n)) == format("{}", ::getpid());
}

// One byte of the lock file; 62 bits of a digest.
struct flock lock_of(const ProcessIdentity& process, short type) {
  const crypto::Digest digest = crypto::blake2b(
      format("{} {} {} {}", process.boot_id, process.pid_namespace, process.pid, process.start_time));
  uint64_t place = 0;
  for (size_t i = 0; i < sizeof place; ++i) place = place << 8 | digest[i];
  struct flock lock = {};
  lock.l_type = type;
  lock.l_whence = SEEK_SET;
  lock.l_start = static_cast<off_t>(place >> 2);
  lock.l_len = 1;
  return lock;
}

}  // namespace

ProcessIdentity current_process() {
  std::string boot = read_small("/proc/sys/kernel/random/boot_id");
  while (!boot.empty() && boot.back() == '\n') boot.pop_back();
  struct stat ns = {};
  const bool known = ::stat("/proc/self/ns/pid", &ns) == 0;
  return {.boot_id = std::move(boot),
          .pid = ::getpid(),
          .start_time = start_time_of("self").value_or(0),
          .pid_namespace = known ? static_cast<int64_t>(ns.st_ino) : 0};
}

StatusOr<std::unique_ptr<Owners>> Owners::open(const std::string& database_path) {
  std::unique_ptr<Owners> owners(new Owners());
  if (database_path.empty()) return owners;
  TAU_RETURN_IF_ERROR(owners->open_file(database_path));
  TAU_RETURN_IF_ERROR(owners->lock(lock_of(owners->self_, F_RDLCK)));
  return owners;
}

std::unique_ptr<Owners> Owners::open_to_look(const std::string& database_path) {
  std::unique_ptr<Owners> owners(new Owners());
  owners->fd_ = ::open((database_path + "-owners").c_str(), O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
  return owners;
}

StatusOr<std::unique_ptr<Owners>> Owners::open_alone(const std::string& database_path) {
  std::unique_ptr<Owners> owners(new Owners());
  TAU_RETURN_IF_ERROR(owners->open_file(database_path));
  struct flock everywhere = {};
  everywhere.l_type = F_WRLCK;
  everywhere.l_whence = SEEK_SET;
  TAU_RETURN_IF_ERROR(owners->lock(everywhere));
  return owners;
}

Owners::~Owners() {
  if (fd_ >= 0) ::close(fd_);
}

Status Owners::open_file(const std::string& database_path) {
  const std::string path = database_path + "-owners";
  fd_ = ::open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
  if (fd_ < 0) return creation_failure(errno, path);
  // Whatever the umask made of it, and if root came first: who owns the database must be able to open it.
  struct stat database = {};
  if (::geteuid() == 0 && ::stat(database_path.c_str(), &database) == 0)
    (void)!::fchown(fd_, database.st_uid, database.st_gid);
  (void)::fchmod(fd_, 0600);
  return ok_status();
}

Status Owners::lock(const struct flock& wanted) {
  struct flock lock = wanted;
  if (::fcntl(fd_, F_OFD_SETLK, &lock) == 0) return ok_status();
  if (errno == EAGAIN || errno == EACCES) {
    return unavailable("home_busy", wanted.l_type == F_WRLCK ? "another process has this database open"
                                                             : "another process replaces this database");
  }
  // A file system without such locks: nothing can be proved to other namespaces.
  ::close(fd_);
  fd_ = -1;
  return ok_status();
}

bool Owners::holds_lock(const ProcessIdentity& process) const {
  if (fd_ < 0) return false;
  struct flock lock = lock_of(process, F_WRLCK);
  return ::fcntl(fd_, F_OFD_GETLK, &lock) == 0 && lock.l_type != F_UNLCK;
}

bool Owners::is_alive(const ProcessIdentity& process) const {
  // A database with a WAL is used by one kernel at a time: whoever wrote under another one is gone.
  if (process.pid <= 0 || process.boot_id != self_.boot_id) return false;
  if (process == self_) return true;
  const bool in_own_namespace = process.pid_namespace == 0 || process.pid_namespace == self_.pid_namespace;
  if (!in_own_namespace) return holds_lock(process);
  if (proc_is_of_own_namespace()) return start_time_of(format("{}", process.pid)) == process.start_time;
  if (fd_ >= 0 && process.pid_namespace != 0) return holds_lock(process);
  // Neither /proc nor a lock: existence is all that can be known.
  return ::kill(static_cast<pid_t>(process.pid), 0) == 0 || errno == EPERM;
}

}  // namespace tau::store
