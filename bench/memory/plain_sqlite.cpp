// The reference of memory_api_bench: no scopes, labels, facts, vectors or changes, no queue, no other thread.
#include "plain_sqlite.h"

#include <fcntl.h>
#include <sqlite3.h>
#include <unistd.h>

#include <chrono>
#include <cstdio>
#include <cstdlib>

namespace tau::bench {
namespace {

constexpr size_t kCommitBytes = size_t{8} * 4096;  // about what a commit of one memory appends to the log
constexpr size_t kFileBytes = size_t{8} << 20;

[[noreturn]] void fail(const char* what) {
  std::fprintf(stderr, "%s\n", what);
  std::exit(1);
}

}  // namespace

PlainSqlite::PlainSqlite(const std::string& path, bool indexed) {
  if (sqlite3_open(path.c_str(), &db_) != SQLITE_OK) fail(path.c_str());
  exec(
      "PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; PRAGMA secure_delete = ON;"
      "CREATE TABLE memories(id INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE, time_ms INTEGER, text TEXT)");
  row_ = prepare("INSERT INTO memories VALUES(?1, 'memory-' || ?1, 1700000000000, ?2)");
  if (!indexed) return;
  exec(
      "CREATE VIRTUAL TABLE words USING fts5(text, content = 'memories', content_rowid = 'id',"
      " tokenize = 'porter unicode61 remove_diacritics 2')");
  words_ = prepare("INSERT INTO words(rowid, text) VALUES(?1, ?2)");
}

PlainSqlite::~PlainSqlite() {
  sqlite3_finalize(row_);
  sqlite3_finalize(words_);
  sqlite3_close(db_);
}

void PlainSqlite::exec(const char* sql) {
  if (sqlite3_exec(db_, sql, nullptr, nullptr, nullptr) != SQLITE_OK) fail(sqlite3_errmsg(db_));
}

sqlite3_stmt* PlainSqlite::prepare(const char* sql) {
  sqlite3_stmt* made = nullptr;
  if (sqlite3_prepare_v2(db_, sql, -1, &made, nullptr) != SQLITE_OK) fail(sqlite3_errmsg(db_));
  return made;
}

void PlainSqlite::step(sqlite3_stmt* statement) {
  if (sqlite3_step(statement) != SQLITE_DONE) fail(sqlite3_errmsg(db_));
  sqlite3_reset(statement);
}

void PlainSqlite::write(const std::vector<std::string>& texts) {
  exec("BEGIN IMMEDIATE");
  for (const std::string& text : texts) {
    ++last_;
    for (sqlite3_stmt* const statement : {row_, words_}) {
      if (statement == nullptr) continue;
      sqlite3_bind_int64(statement, 1, last_);
      sqlite3_bind_text(statement, 2, text.data(), static_cast<int>(text.size()), SQLITE_STATIC);
      step(statement);
    }
  }
  exec("COMMIT");
}

double synced_writes_per_s(const std::string& path, int times) {
  const int fd = ::open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600);
  if (fd < 0) fail(path.c_str());
  const std::string bytes(kCommitBytes, 'b');
  const auto write = [&](size_t at) {
    if (::pwrite(fd, bytes.data(), bytes.size(), static_cast<off_t>(at % kFileBytes)) < 0) fail("pwrite");
  };
  for (size_t at = 0; at < kFileBytes; at += kCommitBytes) write(at);
  if (::fsync(fd) != 0) fail("fsync");
  const auto start = std::chrono::steady_clock::now();
  for (int i = 0; i < times; ++i) {
    write(static_cast<size_t>(i) * kCommitBytes);
    if (::fdatasync(fd) != 0) fail("fdatasync");
  }
  const std::chrono::duration<double> took = std::chrono::steady_clock::now() - start;
  ::close(fd);
  ::unlink(path.c_str());
  return times / took.count();
}

}  // namespace tau::bench
