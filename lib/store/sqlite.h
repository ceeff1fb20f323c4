// A thin face of SQLite: connections and cached prepared statements that close themselves and report Status.
// Knows nothing of the schema.
#pragma once

#include <sqlite3.h>

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <unordered_map>

#include "base/base.h"

namespace tau::store {

// One prepared statement. Not thread-safe, like the connection it belongs to. Bound text and blobs are not
// copied: they must live until reset().
class Statement {
 public:
  Statement(sqlite3* db, const char* sql);
  Statement(const Statement&) = delete;
  Statement& operator=(const Statement&) = delete;
  ~Statement() { sqlite3_finalize(stmt_); }

  bool valid() const { return stmt_ != nullptr; }
  int parameters() const { return sqlite3_bind_parameter_count(stmt_); }
  // Binds ?1, ?2, … in order.
  template <class... Args>
  Statement& bind(const Args&... args) {
    int index = 0;
    (bind_one(++index, args), ...);
    return *this;
  }
  Statement& bind_text(int index, std::string_view text);
  Statement& bind_blob(int index, std::string_view bytes);
  Statement& bind_integer(int index, int64_t value);
  Statement& bind_real(int index, double value);
  Statement& bind_null(int index);

  // True: a row can be read. A failure resets the statement.
  StatusOr<bool> step();
  // Steps to the end and resets.
  Status run();
  void reset() { sqlite3_reset(stmt_); }

  int64_t integer(int column) const { return sqlite3_column_int64(stmt_, column); }
  double real(int column) const { return sqlite3_column_double(stmt_, column); }
  // The bytes of a text or blob column, valid until the next step or reset.
  std::string_view bytes(int column) const;
  std::string text(int column) const { return std::string(bytes(column)); }
  bool is_null(int column) const { return type(column) == SQLITE_NULL; }
  int type(int column) const { return sqlite3_column_type(stmt_, column); }

 private:
  void bind_one(int index, int64_t value) { bind_integer(index, value); }
  void bind_one(int index, std::string_view text) { bind_text(index, text); }
  void note(int rc) {
    if (rc != SQLITE_OK && rc_ == SQLITE_OK) rc_ = rc;
  }

  sqlite3* db_;
  sqlite3_stmt* stmt_ = nullptr;
  int rc_ = SQLITE_OK;  // of prepare, then of the first bind that failed; step() reports it
};

// One connection with its statement cache. One thread at a time.
class Connection {
 public:
  struct Options {
    std::string vfs;
    int flags = SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE;
    int busy_timeout_ms = 10'000;
  };
  static StatusOr<std::unique_ptr<Connection>> open(const std::string& path, const Options& options);
  Connection(const Connection&) = delete;
  Connection& operator=(const Connection&) = delete;
  ~Connection();

  // The cached statement of a string literal (the address is the key), reset and ready to bind.
  Statement& prepare(const char* sql);
  // No row is being read any more.
  void reset_statements() noexcept {
    for (const auto& each : statements_)
      if (each.second != nullptr) each.second->reset();
  }
  // Runs one or several statements without parameters.
  Status exec(const char* sql);
  // The first column of the first row.
  StatusOr<int64_t> query_integer(const char* sql);
  StatusOr<std::string> query_text(const char* sql);

  int changes() const { return sqlite3_changes(db_); }
  int64_t last_rowid() const { return sqlite3_last_insert_rowid(db_); }
  bool in_transaction() const { return sqlite3_get_autocommit(db_) == 0; }
  bool read_only() const { return sqlite3_db_readonly(db_, "main") == 1; }
  sqlite3* handle() const { return db_; }

 private:
  explicit Connection(sqlite3* db) : db_(db) {}
  sqlite3* db_;
  std::unordered_map<const char*, std::unique_ptr<Statement>> statements_;
};

// The status for a result code of `db` (may be null), e.g. RESOURCE_EXHAUSTED "disk_full".
Status sqlite_status(sqlite3* db, int rc, std::string_view what);

// Whether a failure leaves the database usable: a constraint, a busy lock, a refusal of ours. Everything else
// (I/O, disk full, corruption, out of memory) does not.
bool is_recoverable(const Status& status);

}  // namespace tau::store
