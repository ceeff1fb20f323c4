// Connections and statements over the C API of SQLite, and the one mapping of its result codes.
#include "store/sqlite.h"

#include <cerrno>
#include <new>
#include <utility>

#include "store/clean_pages.h"

namespace tau::store {
namespace {

// What the file system said, where SQLite only knows that something went wrong.
Status from_errno(int error, std::string_view message) {
  switch (error) {
    case ENOSPC:
    case EFBIG:
    case EDQUOT: return resource_exhausted("disk_full", message);
    case EACCES:
    case EPERM:
    case EROFS: return permission_denied("store_not_permitted", message);
    case ENOENT:
    case ENOTDIR: return not_found("no_such_database", message);
    case EMFILE:
    case ENFILE: return resource_exhausted("too_many_files", message);
    default: return internal_error("store_io_error", message);
  }
}

Status describe(sqlite3* db, int rc, std::string_view what) {
  const int error = db != nullptr ? sqlite3_system_errno(db) : 0;
  const std::string message =
      format("{}: {} ({})", what, db != nullptr ? sqlite3_errmsg(db) : sqlite3_errstr(rc),
             db != nullptr ? sqlite3_extended_errcode(db) : rc);
  switch (rc & 0xff) {
    case SQLITE_BUSY:
    case SQLITE_LOCKED: return unavailable("store_busy", message);
    case SQLITE_FULL: return resource_exhausted("disk_full", message);
    case SQLITE_CORRUPT:
    case SQLITE_NOTADB: return data_loss("database_corrupt", message);
    case SQLITE_READONLY:
    case SQLITE_PERM:
    case SQLITE_AUTH: return permission_denied("store_not_permitted", message);
    case SQLITE_CONSTRAINT: return failed_precondition("constraint", message);
    case SQLITE_TOOBIG: return invalid_argument("body_too_big", message);
    default: return from_errno(error, message);
  }
}

// For a failure that there is no memory to describe. Only the first call allocates, or throws std::bad_alloc.
const Status& untold() {
  static const Status* const status = new Status(Code::kInternal, "store_io_error", "the store failed");
  return *status;
}

bool leaves_the_file_alone(int rc) {
  switch (rc & 0xff) {
    case SQLITE_BUSY:
    case SQLITE_LOCKED:
    case SQLITE_CONSTRAINT:
    case SQLITE_TOOBIG: return true;
    default: return false;
  }
}

}  // namespace

// A failure of the disk never passes for a lack of memory.
Status sqlite_status(sqlite3* db, int rc, std::string_view what) {
  if ((rc & 0xff) == SQLITE_NOMEM || rc == SQLITE_IOERR_NOMEM) return Status::out_of_memory();
  try {
    return describe(db, rc, what);
  } catch (const std::bad_alloc&) {}
  return leaves_the_file_alone(rc) ? Status::out_of_memory() : untold();
}

bool is_recoverable(const Status& status) {
  switch (status.code()) {
    case Code::kOk:
    case Code::kAborted:
    case Code::kAlreadyExists:
    case Code::kFailedPrecondition:
    case Code::kInvalidArgument: return true;
    case Code::kUnavailable: return status.reason() == "store_busy" || status.reason() == "session_busy";
    case Code::kNotFound: return status.reason() != "no_such_database";
    default: return false;
  }
}

Statement::Statement(sqlite3* db, const char* sql) : db_(db) {
  rc_ = sqlite3_prepare_v3(db, sql, -1, SQLITE_PREPARE_PERSISTENT, &stmt_, nullptr);
}

Statement& Statement::bind_text(int index, std::string_view text) {
  // SQLite takes a null pointer for NULL; an empty view may hold one.
  const char* data = text.empty() ? "" : text.data();
  note(sqlite3_bind_text64(stmt_, index, data, text.size(), SQLITE_STATIC, SQLITE_UTF8));
  return *this;
}

Statement& Statement::bind_blob(int index, std::string_view bytes) {
  const char* data = bytes.empty() ? "" : bytes.data();
  note(sqlite3_bind_blob64(stmt_, index, data, bytes.size(), SQLITE_STATIC));
  return *this;
}

Statement& Statement::bind_integer(int index, int64_t value) {
  note(sqlite3_bind_int64(stmt_, index, value));
  return *this;
}

Statement& Statement::bind_real(int index, double value) {
  note(sqlite3_bind_double(stmt_, index, value));
  return *this;
}

Statement& Statement::bind_null(int index) {
  note(sqlite3_bind_null(stmt_, index));
  return *this;
}

StatusOr<bool> Statement::step() {
  if (stmt_ == nullptr) return sqlite_status(db_, rc_, "prepare");
  if (rc_ != SQLITE_OK) return sqlite_status(db_, std::exchange(rc_, SQLITE_OK), "bind");
  const int rc = sqlite3_step(stmt_);
  if (rc == SQLITE_ROW) return true;
  if (rc == SQLITE_DONE) return false;
  Status status = sqlite_status(db_, rc, "step");
  reset();
  return status;
}

Status Statement::run() {
  for (;;) {
    TAU_ASSIGN_OR_RETURN(const bool row, step());
    if (!row) break;
  }
  reset();
  return ok_status();
}

std::string_view Statement::bytes(int column) const {
  const void* data = sqlite3_column_blob(stmt_, column);
  const int size = sqlite3_column_bytes(stmt_, column);
  return data == nullptr ? std::string_view()
                         : std::string_view(static_cast<const char*>(data), static_cast<size_t>(size));
}

StatusOr<std::unique_ptr<Connection>> Connection::open(const std::string& path, const Options& options) {
  (void)untold();
  sqlite3* db = nullptr;
  const int flags = options.flags | SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_EXRESCODE;
  const int rc =
      sqlite3_open_v2(path.c_str(), &db, flags, options.vfs.empty() ? nullptr : options.vfs.c_str());
  struct Close {
    void operator()(sqlite3* open) const { sqlite3_close(open); }
  };
  std::unique_ptr<sqlite3, Close> owned(db);
  if (rc != SQLITE_OK) return sqlite_status(db, rc, format("open {}", path));
  sqlite3_busy_timeout(db, options.busy_timeout_ms);
  if ((options.flags & SQLITE_OPEN_READWRITE) != 0) TAU_RETURN_IF_ERROR(clean_pages(db));
  std::unique_ptr<Connection> connection(new Connection(db));
  (void)owned.release();
  return connection;
}

Connection::~Connection() {
  statements_.clear();
  sqlite3_close(db_);
}

Statement& Connection::prepare(const char* sql) {
  std::unique_ptr<Statement>& slot = statements_[sql];
  if (slot == nullptr || !slot->valid()) {
    slot = std::make_unique<Statement>(db_, sql);
  } else {
    slot->reset();
  }
  return *slot;
}

Status Connection::exec(const char* sql) {
  const int rc = sqlite3_exec(db_, sql, nullptr, nullptr, nullptr);
  return rc == SQLITE_OK ? ok_status() : sqlite_status(db_, rc, "exec");
}

StatusOr<int64_t> Connection::query_integer(const char* sql) {
  Statement query(db_, sql);
  TAU_ASSIGN_OR_RETURN(const bool row, query.step());
  return row ? query.integer(0) : 0;
}

StatusOr<std::string> Connection::query_text(const char* sql) {
  Statement query(db_, sql);
  TAU_ASSIGN_OR_RETURN(const bool row, query.step());
  return row ? query.text(0) : std::string();
}

}  // namespace tau::store
