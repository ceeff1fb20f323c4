// Brings a database file into the state that the rest of store relies on, or says why that cannot be.
#include "store/schema.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <utility>

namespace tau::store {
namespace {

constexpr int kOpenAttempts = 30;  // against another process that opens at the same moment
constexpr int kOpenBackoffMs = 25;
constexpr int kOpenBusyMs = 1'000;  // per attempt

// In a transaction, for the three answers belong together: another process may be creating the database.
Status check_identity(Connection& db) {
  TAU_ASSIGN_OR_RETURN(const int64_t application, db.query_integer("PRAGMA application_id"));
  TAU_ASSIGN_OR_RETURN(const int64_t version, db.query_integer("PRAGMA user_version"));
  if (application == kApplicationId && version > kSchemaVersion) {
    return failed_precondition(
        "database_too_new",
        format("the database has schema version {}, this library knows {}", version, kSchemaVersion));
  }
  if (application == kApplicationId) return ok_status();
  TAU_ASSIGN_OR_RETURN(const int64_t objects, db.query_integer("SELECT count(*) FROM sqlite_schema"));
  if (application == 0 && version == 0 && objects == 0) return ok_status();  // just created
  return failed_precondition(
      "database_foreign",
      format("the file is a database of another program (application id {})", application));
}

Status check_identity_now(Connection& db) {
  TAU_RETURN_IF_ERROR(db.exec("BEGIN"));
  const Status status = check_identity(db);
  const Status ended = db.exec("COMMIT");
  return status.ok() ? ended : status;
}

Status migrate(Connection& db) {
  TAU_RETURN_IF_ERROR(db.exec("BEGIN IMMEDIATE"));
  Status status = [&]() -> Status {
    TAU_RETURN_IF_ERROR(check_identity(db));  // again, now that nobody else can change it
    TAU_ASSIGN_OR_RETURN(const int64_t version, db.query_integer("PRAGMA user_version"));
    for (size_t i = static_cast<size_t>(version); i < kMigrations.size(); ++i) {
      TAU_RETURN_IF_ERROR(db.exec(kMigrations[i]));
    }
    if (version == kSchemaVersion) return ok_status();
    TAU_RETURN_IF_ERROR(db.exec(format("PRAGMA application_id = {}", kApplicationId).c_str()));
    return db.exec(format("PRAGMA user_version = {}", kSchemaVersion).c_str());
  }();
  if (status.ok()) status = db.exec("COMMIT");
  if (!status.ok() && db.in_transaction()) (void)db.exec("ROLLBACK");
  return status;
}

Status enter_wal_mode(Connection& db) {
  TAU_ASSIGN_OR_RETURN(const std::string mode, db.query_text("PRAGMA journal_mode = WAL"));
  if (mode == "wal") return ok_status();
  return failed_precondition("no_wal",
                             format("the file system of the database cannot hold a WAL (mode {})", mode));
}

Status configure_writer(Connection& db) {
  // Checkpoints are the writer's own business; erased bodies leave no residue in free pages. The switch to
  // WAL still goes through a rollback journal: EXTRA makes its deletion durable, for a journal that came back
  // after a power failure would undo the creation of the database.
  return db.exec(
      "PRAGMA wal_autocheckpoint = 0; PRAGMA secure_delete = ON; PRAGMA temp_store = MEMORY;"
      "PRAGMA auto_vacuum = INCREMENTAL;"  // of a database that has no table yet
      "PRAGMA journal_size_limit = 16777216; PRAGMA trusted_schema = OFF; PRAGMA synchronous = EXTRA");
}

StatusOr<std::unique_ptr<Connection>> try_open_writer(const StoreOptions& options) {
  TAU_ASSIGN_OR_RETURN(auto db,
                       Connection::open(options.path, {.vfs = options.vfs, .busy_timeout_ms = kOpenBusyMs}));
  // First: reading a database with a WAL needs a file beside it, and fails in other words where none can be
  // made.
  if (db->read_only()) {
    return permission_denied("store_not_permitted", format("{} cannot be written", options.path));
  }
  TAU_RETURN_IF_ERROR(check_identity_now(*db));
  TAU_RETURN_IF_ERROR(configure_writer(*db));
  TAU_RETURN_IF_ERROR(enter_wal_mode(*db));
  TAU_RETURN_IF_ERROR(migrate(*db));
  TAU_RETURN_IF_ERROR(db->exec(options.durability == Durability::kFull ? "PRAGMA synchronous = FULL"
                                                                       : "PRAGMA synchronous = NORMAL"));
  sqlite3_busy_timeout(db->handle(), Connection::Options().busy_timeout_ms);
  return db;
}

}  // namespace

Status creation_failure(int error, const std::string& path) {
  const Status status = errno_status(error, "create " + path);
  switch (error) {
    case EACCES:
    case EPERM:
    case EROFS: return permission_denied("store_not_permitted", status.message());
    case ENOSPC:
    case EDQUOT: return resource_exhausted("disk_full", status.message());
    default: return status;
  }
}

// The descriptor is closed before the name exists: closing any descriptor of a database drops the locks that
// SQLite holds on it.
Status create_private(const std::string& path) {
  struct stat existing {};
  if (::stat(path.c_str(), &existing) == 0) return ok_status();
  std::string temporary = path + ".XXXXXX";
  const int fd = ::mkostemp(temporary.data(), O_CLOEXEC);
  if (fd < 0) { return creation_failure(errno, path); }
  const bool set = ::fchmod(fd, 0600) == 0;
  const int error = errno;
  ::close(fd);
  // link() refuses to replace a file that another process made meanwhile; a file system without hard links
  // leaves rename(), which is as good unless two processes create at the same instant.
  const bool linked = set && (::link(temporary.c_str(), path.c_str()) == 0 || errno == EEXIST ||
                              ::rename(temporary.c_str(), path.c_str()) == 0);
  ::unlink(temporary.c_str());
  if (linked) return ok_status();
  return creation_failure(set ? errno : error, path);
}

Status check_files(const StoreOptions& options) {
  if (!options.vfs.empty()) return ok_status();
  for (const char* suffix : {"", "-wal", "-shm", "-journal", "-owners"}) {
    const std::string path = options.path + suffix;
    struct stat found {};
    if (::stat(path.c_str(), &found) == 0 && !S_ISREG(found.st_mode))
      return failed_precondition("not_a_file", format("{} is no regular file", path));
  }
  return ok_status();
}

StatusOr<std::unique_ptr<Connection>> open_writer(const StoreOptions& options) {
  TAU_RETURN_IF_ERROR(check_files(options));
  if (options.vfs.empty()) TAU_RETURN_IF_ERROR(create_private(options.path));
  // SQLite does not wait when two connections switch to WAL at once; it says busy to one of them.
  for (int attempt = 1;; ++attempt) {
    auto db = try_open_writer(options);
    if (db.ok() || db.status().reason() != "store_busy" || attempt == kOpenAttempts) return db;
    sqlite3_sleep(kOpenBackoffMs);
  }
}

StatusOr<std::unique_ptr<Connection>> open_reader(const StoreOptions& options) {
  return Connection::open(options.path, {.vfs = options.vfs, .flags = SQLITE_OPEN_READONLY});
}

Status check_readable(Connection& db) {
  TAU_RETURN_IF_ERROR(check_identity_now(db));
  TAU_ASSIGN_OR_RETURN(const int64_t version, db.query_integer("PRAGMA user_version"));
  if (version == kSchemaVersion) return ok_status();
  return failed_precondition(
      "database_too_old",
      format("schema version {} needs an upgrade to {}: open it once for writing", version, kSchemaVersion));
}

}  // namespace tau::store
