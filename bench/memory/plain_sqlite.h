// What a disk and SQLite allow: the same texts written by a program of a few lines, with the same settings.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

struct sqlite3;
struct sqlite3_stmt;

namespace tau::bench {

// A table of texts with a unique name each and, `indexed`, a full-text index of them.
class PlainSqlite {
 public:
  PlainSqlite(const std::string& path, bool indexed);
  PlainSqlite(const PlainSqlite&) = delete;
  PlainSqlite& operator=(const PlainSqlite&) = delete;
  ~PlainSqlite();

  // One durable transaction.
  void write(const std::vector<std::string>& texts);

 private:
  void exec(const char* sql);
  sqlite3_stmt* prepare(const char* sql);
  void step(sqlite3_stmt* statement);

  sqlite3* db_ = nullptr;
  sqlite3_stmt* row_ = nullptr;
  sqlite3_stmt* words_ = nullptr;
  int64_t last_ = 0;
};

// So many times a few pages are written to a file that has its size already, and synced: times per second.
double synced_writes_per_s(const std::string& path, int times);

}  // namespace tau::bench
