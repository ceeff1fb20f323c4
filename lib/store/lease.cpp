// Lease rows, and /proc as the judge of who is alive.
#include "store/lease.h"

#include <fcntl.h>
#include <signal.h>
#include <unistd.h>

#include <cerrno>
#include <charconv>
#include <optional>

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
std::optional<int64_t> start_time_of(int64_t pid) {
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

struct Row {
  bool exists = false;
  int64_t epoch = 0;
  ProcessIdentity owner;
};

StatusOr<Row> read_row(Connection& db, std::string_view resource) {
  Statement& query = db.prepare("SELECT epoch, boot_id, pid, start_time FROM leases WHERE resource = ?1");
  query.bind(resource);
  TAU_ASSIGN_OR_RETURN(const bool exists, query.step());
  Row row{.exists = exists, .epoch = 0, .owner = {}};
  if (exists) {
    row.epoch = query.integer(0);
    row.owner = {.boot_id = query.text(1), .pid = query.integer(2), .start_time = query.integer(3)};
  }
  query.reset();
  return row;
}

Status busy(std::string_view resource, const ProcessIdentity& owner) {
  return unavailable("session_busy", format("{} is owned by process {}", resource, owner.pid));
}

}  // namespace

ProcessIdentity current_process() {
  std::string boot = read_small("/proc/sys/kernel/random/boot_id");
  while (!boot.empty() && boot.back() == '\n') boot.pop_back();
  const int64_t pid = ::getpid();
  return {.boot_id = std::move(boot), .pid = pid, .start_time = start_time_of(pid).value_or(0)};
}

bool is_alive(const ProcessIdentity& process, const ProcessIdentity& self) {
  if (process.pid <= 0 || process.boot_id != self.boot_id) return false;
  if (self.start_time == 0) {  // no /proc here: existence is all that can be known
    return ::kill(static_cast<pid_t>(process.pid), 0) == 0 || errno == EPERM;
  }
  return start_time_of(process.pid) == process.start_time;
}

StatusOr<Lease> acquire_lease(Connection& db, std::string_view resource, const ProcessIdentity& self,
                              int64_t now_ms) {
  TAU_ASSIGN_OR_RETURN(const Row row, read_row(db, resource));
  if (row.exists && is_alive(row.owner, self)) return busy(resource, row.owner);
  Statement& put = db.prepare(
      "INSERT INTO leases(resource, epoch, boot_id, pid, start_time, acquired_ms) VALUES(?1, ?2, ?3, ?4, ?5, "
      "?6)"
      " ON CONFLICT(resource) DO UPDATE SET epoch = excluded.epoch, boot_id = excluded.boot_id, pid = "
      "excluded.pid,"
      " start_time = excluded.start_time, acquired_ms = excluded.acquired_ms");
  Lease lease{.resource = std::string(resource), .epoch = row.epoch + 1};
  put.bind(resource, lease.epoch, self.boot_id, self.pid, self.start_time, now_ms);
  TAU_RETURN_IF_ERROR(put.run());
  return lease;
}

Status release_lease(Connection& db, const Lease& lease) {
  Statement& update = db.prepare("UPDATE leases SET pid = 0 WHERE resource = ?1 AND epoch = ?2 AND pid <> 0");
  update.bind(lease.resource, lease.epoch);
  TAU_RETURN_IF_ERROR(update.run());
  if (db.changes() == 1) return ok_status();
  return Status(Code::kAborted, "lease_lost",
                format("{} is not held with epoch {} any more", lease.resource, lease.epoch));
}

Status check_not_owned_elsewhere(Connection& db, std::string_view resource, const ProcessIdentity& self) {
  TAU_ASSIGN_OR_RETURN(const Row row, read_row(db, resource));
  if (!row.exists || row.owner == self || !is_alive(row.owner, self)) return ok_status();
  return busy(resource, row.owner);
}

}  // namespace tau::store
