// A plain SQLite connection for tests that look behind the store or damage what it wrote.
#pragma once

#include <gtest/gtest.h>
#include <sqlite3.h>

#include <string>

namespace tau::store {

// Takes a database back to before it had memories.
inline constexpr const char* kDropMemories =
    "DROP TABLE memory_fts; DROP VIEW memory_words; DROP TABLE memories; DROP TABLE memory_scopes;"
    "DROP TABLE memory_state; DROP TABLE memory_edges; DROP TABLE memory_uses; DROP TABLE memory_spaces;"
    "DROP TABLE memory_vectors; DROP TABLE memory_purged;";

class RawDatabase {
 public:
  explicit RawDatabase(const std::string& path) { EXPECT_EQ(sqlite3_open(path.c_str(), &db_), SQLITE_OK); }
  ~RawDatabase() { sqlite3_close(db_); }
  RawDatabase(const RawDatabase&) = delete;
  RawDatabase& operator=(const RawDatabase&) = delete;

  void exec(const std::string& sql) {
    EXPECT_EQ(sqlite3_exec(db_, sql.c_str(), nullptr, nullptr, nullptr), SQLITE_OK)
        << sql << ": " << sqlite3_errmsg(db_);
  }
  // The first column of the first row.
  std::string text(const std::string& sql) {
    sqlite3_stmt* query = nullptr;
    EXPECT_EQ(sqlite3_prepare_v2(db_, sql.c_str(), -1, &query, nullptr), SQLITE_OK) << sql;
    std::string out;
    if (sqlite3_step(query) == SQLITE_ROW && sqlite3_column_text(query, 0) != nullptr) {
      out = reinterpret_cast<const char*>(sqlite3_column_text(query, 0));
    }
    sqlite3_finalize(query);
    return out;
  }

 private:
  sqlite3* db_ = nullptr;
};

}  // namespace tau::store
