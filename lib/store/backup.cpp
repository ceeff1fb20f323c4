#include "store/backup.h"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>

#include "store/owner.h"
#include "store/read_only.h"
#include "store/schema.h"
#include "store/store.h"

namespace tau::store {
namespace {

bool exists(const std::string& path) { return ::access(path.c_str(), F_OK) == 0; }

void remove_database(const std::string& path) {
  for (const char* suffix : {"", "-journal", "-wal", "-shm"}) ::unlink((path + suffix).c_str());
}

// All pages in one read transaction of the source: a writer beside it goes on, and its commits from now on
// are not in the copy.
Status copy_pages(Connection& from, Connection& to) {
  sqlite3_backup* const copy = sqlite3_backup_init(to.handle(), "main", from.handle(), "main");
  if (copy == nullptr) return sqlite_status(to.handle(), sqlite3_errcode(to.handle()), "backup");
  sqlite3_backup_step(copy, -1);
  const int rc = sqlite3_backup_finish(copy);
  return rc == SQLITE_OK ? ok_status() : sqlite_status(to.handle(), rc, "backup");
}

Status fill(Connection& from, const std::string& path) {
  TAU_ASSIGN_OR_RETURN(auto to, Connection::open(path, {.vfs = {}}));
  TAU_RETURN_IF_ERROR(to->exec("PRAGMA synchronous = EXTRA"));
  TAU_RETURN_IF_ERROR(copy_pages(from, *to));
  TAU_ASSIGN_OR_RETURN(const std::string mode, to->query_text("PRAGMA journal_mode = DELETE"));
  if (mode != "delete") return internal_error("store_io_error", format("{} stayed in mode {}", path, mode));
  return to->exec(
      "UPDATE leases SET pid = 0; DELETE FROM approvals;"
      "UPDATE memory_state SET lineage = (random() & 1073741823) + 1");
}

Status sync_directory_of(const std::string& path) {
  const std::string parent = path.substr(0, path.rfind('/') + 1);
  const int fd = ::open(parent.empty() ? "." : parent.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (fd < 0) return creation_failure(errno, path);
  const int rc = ::fsync(fd);
  const int error = errno;
  ::close(fd);
  return rc == 0 ? ok_status() : creation_failure(error, path);
}

// Opening and closing it moves a WAL that nobody else uses into the database. One that cannot be opened keeps
// its WAL.
void settle(const std::string& path) {
  StoreOptions options;
  options.path = path;
  (void)open_writer(options);
}

// A name for the old database beside the one it has, and its WAL away: a new database must not meet it.
Status set_aside(const std::string& path, const std::string& aside) {
  const std::string kept = aside + path.substr(path.rfind('/'));
  if (::link(path.c_str(), kept.c_str()) != 0) return creation_failure(errno, kept);
  if (::rename((path + "-wal").c_str(), (kept + "-wal").c_str()) != 0 && errno != ENOENT)
    return creation_failure(errno, kept + "-wal");
  ::unlink((path + "-shm").c_str());
  return ok_status();
}

}  // namespace

Status copy_database(Connection& from, const std::string& path) {
  if (exists(path)) return Status(Code::kAlreadyExists, "file_exists", format("{} exists", path));
  TAU_RETURN_IF_ERROR(create_private(path));
  Status status = fill(from, path);
  if (status.ok()) status = sync_directory_of(path);
  if (!status.ok()) remove_database(path);
  return status.annotate("copy to " + path);
}

Status replace_database(const std::string& from, const std::string& to, const std::string& aside) {
  StoreOptions source;
  source.path = from;
  source.read_only = true;
  if (!exists(from)) return not_found("no_such_database", from);
  TAU_ASSIGN_OR_RETURN(const auto alone, Owners::open_alone(to));
  const std::string fresh = to + ".restoring";
  const auto copy = [&](Connection& db) {
    remove_database(fresh);  // of an attempt that was cut off
    return copy_database(db, fresh);
  };
  TAU_RETURN_IF_ERROR(read_quietly(source, copy));
  if (exists(to)) {
    settle(to);
    if (Status status = set_aside(to, aside); !status.ok()) {
      remove_database(fresh);
      return status;
    }
  }
  if (::rename(fresh.c_str(), to.c_str()) != 0) return creation_failure(errno, to);
  return sync_directory_of(to);
}

}  // namespace tau::store
