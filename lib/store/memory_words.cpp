// FTS5 over memory_words. Its content is external: what leaves it has to be told with the very words that
// were put in.
#include "store/memory_words.h"

#include <algorithm>
#include <limits>
#include <memory>

namespace tau::store {
namespace {

constexpr size_t kScopesInQuery = 512;  // more are sorted out afterwards
constexpr size_t kMostTerms = 256;
constexpr int64_t kMergePages = 1000;
constexpr int64_t kMostLate = 64;  // memories whose words wait

#define TAU_TOKENIZER "tokenize = 'porter unicode61 remove_diacritics 2'"

// `words` stands at a row of scope, text and tags.
Status insert_words(Connection& db, int64_t row, const Statement& words) {
  return db.prepare("INSERT INTO memory_fts(rowid, scope, text, tags) VALUES(?1, ?2, ?3, ?4)")
      .bind(row, words.bytes(0), words.bytes(1), words.bytes(2))
      .run();
}

// Not INSERT … SELECT: that stands in a savepoint of its own, at which the index writes a segment for each
// row.
Status add_words(Connection& db, int64_t row) {
  Statement& words = db.prepare("SELECT scope, text, tags FROM memory_words WHERE id = ?1");
  words.bind(row);
  TAU_ASSIGN_OR_RETURN(const bool live, words.step());
  Status status;
  if (live) status = insert_words(db, row, words);
  words.reset();
  return status;
}

std::string scope_word(int64_t scope) { return format("s{}", scope); }

bool is_index_damaged(Connection& db, const Status& status) {
  return status.reason() == "database_corrupt" &&
         sqlite3_extended_errcode(db.handle()) == SQLITE_CORRUPT_VTAB;
}

}  // namespace

void MemoryIndexing::note(int64_t row, const MemoryWords* old) {
  const auto [at, fresh] = changed_.try_emplace(row);
  if (!fresh || old == nullptr) return;
  at->second.indexed = true;
  at->second.old = *old;
}

// An index that does not fit its content is made anew from it: the rows are the truth.
StatusOr<int64_t> MemoryIndexing::finish(int64_t indexed, int64_t last) {
  const bool late = last - indexed >= kMostLate;
  Status status = write(indexed);
  if (status.ok() && late) status = write_late(indexed, last);
  changed_.clear();
  if (status.ok()) return late ? last : indexed;
  if (!is_index_damaged(db_, status)) return status;
  TAU_RETURN_IF_ERROR(db_.prepare("INSERT INTO memory_fts(memory_fts) VALUES('rebuild')").run());
  return indexed;
}

// Of several memories those come together that were written one after the other.
Status MemoryIndexing::write_late(int64_t indexed, int64_t last) {
  Statement& late = db_.prepare(
      "SELECT 's' || scope, text, tags, id FROM memories WHERE id > ?1 AND id <= ?2 AND forgotten_ms = 0"
      " ORDER BY id");
  late.bind(indexed, last);
  Status status;
  while (status.ok()) {
    TAU_ASSIGN_OR_RETURN(const bool row, late.step());
    if (!row) break;
    status = insert_words(db_, late.integer(3), late);
  }
  late.reset();
  return status;
}

Status MemoryIndexing::write(int64_t indexed) {
  for (const auto& [row, change] : changed_) {
    if (row > indexed) break;  // the rest is late
    if (change.indexed) TAU_RETURN_IF_ERROR(unindex_memory(db_, row, change.old));
    TAU_RETURN_IF_ERROR(add_words(db_, row));
  }
  return ok_status();
}

Status unindex_memory(Connection& db, int64_t row, const MemoryWords& words) {
  const std::string scope = scope_word(words.scope);
  return db
      .prepare(
          "INSERT INTO memory_fts(memory_fts, rowid, scope, text, tags) VALUES('delete', ?1, ?2, ?3, ?4)")
      .bind(row, scope, words.text, words.tags)
      .run();
}

// A negative number of pages takes all segments as one level, so that the merge ends with a single one.
StatusOr<bool> merge_words(Connection& db, bool first) {
  const int before = sqlite3_total_changes(db.handle());
  TAU_RETURN_IF_ERROR(db.prepare("INSERT INTO memory_fts(memory_fts, rank) VALUES('merge', ?1)")
                          .bind(first ? -kMergePages : kMergePages)
                          .run());
  return sqlite3_total_changes(db.handle()) - before >= 2;
}

namespace {

// The record of FTS5 that says where its segments are: a number of 4 bytes, then the counts of levels,
// segments and writes, then of each level how many of its segments are being merged and which ones it has.
constexpr uint64_t kLevelsKept = 16;  // below the one that is moved
constexpr uint64_t kLevelsAllowed = 64;
constexpr size_t kCookieBytes = 4;

// Numbers of FTS5: seven bits a byte, the highest first.
class Varints {
 public:
  explicit Varints(std::string_view bytes) : rest_(bytes) {}
  uint64_t next() {
    uint64_t value = 0;
    for (int i = 0; i < 5; ++i) {  // more than any count here takes
      if (rest_.empty()) break;
      const auto byte = static_cast<unsigned char>(rest_.front());
      rest_.remove_prefix(1);
      value = value << 7 | (byte & 0x7f);
      if ((byte & 0x80) == 0) return value;
    }
    good_ = false;
    return 0;
  }
  bool good() const { return good_; }
  bool at_end() const { return rest_.empty(); }
  static void append(std::string& out, uint64_t value) {
    for (int shift = 28; shift > 0; shift -= 7)
      if (value >> shift != 0) out += static_cast<char>((value >> shift & 0x7f) | 0x80);
    out += static_cast<char>(value & 0x7f);
  }

 private:
  std::string_view rest_;
  bool good_ = true;
};

// The same with the one high level that has segments moved down over those that have none; empty where that
// cannot be, or is not needed.
std::string with_fewer_levels(std::string_view record) {
  // Newer versions have another record, and a bound of their own.
  constexpr std::string_view kNewer("\xff\0\0\1", 4);
  if (record.size() <= kCookieBytes || record.substr(kCookieBytes).starts_with(kNewer)) return {};
  Varints in(record.substr(kCookieBytes));
  const uint64_t levels = in.next();
  const uint64_t segments = in.next();
  const uint64_t writes = in.next();
  if (!in.good() || levels <= kLevelsAllowed) return {};
  std::string out(record.substr(0, kCookieBytes));
  for (const uint64_t n : {kLevelsKept + 1, segments, writes}) Varints::append(out, n);
  bool moved = false;
  for (uint64_t level = 0; level < levels && in.good(); ++level) {
    const uint64_t merging = in.next();
    const uint64_t count = in.next();
    if (level >= kLevelsKept && count == 0 && merging == 0) continue;
    // A merge that goes on writes into the level above it: it ends first.
    if (merging != 0 || moved) return {};
    moved = level >= kLevelsKept;
    Varints::append(out, merging);
    Varints::append(out, count);
    for (uint64_t i = 0; i < 3 * count && in.good(); ++i) Varints::append(out, in.next());
  }
  if (!moved) out.append(2, '\0');  // the last level, without segments
  return in.good() && in.at_end() ? out : std::string();
}

}  // namespace

// Each merge of all segments makes a level of its own, and an index of 2,000 levels is a damaged one to
// SQLite before 3.44. What FTS5 has in memory of the record goes with the savepoint.
Status flatten_words(Connection& db) {
  Statement& find = db.prepare("SELECT block FROM memory_fts_data WHERE id = 10");
  TAU_ASSIGN_OR_RETURN(const bool found, find.step());
  const std::string flat = found ? with_fewer_levels(find.bytes(0)) : std::string();
  find.reset();
  if (flat.empty()) return ok_status();
  TAU_RETURN_IF_ERROR(
      db.exec("SAVEPOINT flatten; INSERT INTO memory_fts(memory_fts, rank) VALUES('merge', 1);"
              "ROLLBACK TO flatten; RELEASE flatten"));
  Statement& put = db.prepare("UPDATE memory_fts_data SET block = ?1 WHERE id = 10");
  put.bind_blob(1, flat);
  return put.run();
}

namespace {

// As a string of the query language: quotes are doubled, and there is no other escape. The language ends at a
// byte 0, which is no part of a word either.
void append_quoted(std::string& out, std::string_view text) {
  out += '"';
  for (const char c : text) {
    if (c == '"') out += '"';
    out += c == '\0' ? ' ' : c;
  }
  out += '"';
}

std::string joined_by(const std::vector<std::string>& words, std::string_view between, bool prefix) {
  std::string out;
  const size_t count = std::min(words.size(), kMostTerms);
  for (size_t i = 0; i < count; ++i) {
    if (i > 0) out += between;
    append_quoted(out, words[i]);
    if (prefix && i + 1 == words.size()) out += " *";
  }
  return out;
}

std::string scopes_of(const std::vector<int64_t>& scopes) {
  std::string out = "scope : (";
  for (size_t i = 0; i < scopes.size(); ++i) {
    if (i > 0) out += " OR ";
    append_quoted(out, scope_word(scopes[i]));
  }
  return out + ")";
}

// Empty: nothing is asked for.
std::string query_of(const std::vector<int64_t>& scopes, const Memories::Match& match) {
  std::string query;
  const auto add = [&query](const std::string& words) {
    if (words.empty()) return;
    if (!query.empty()) query += " AND ";
    query += "{text tags} : (" + words + ")";
  };
  add(joined_by(match.all, " AND ", match.prefix && match.any.empty()));
  add(joined_by(match.any, " OR ", match.prefix));
  if (!query.empty() && scopes.size() <= kScopesInQuery) query = scopes_of(scopes) + " AND " + query;
  return query;
}

}  // namespace

namespace {

// The words of memories that are not in the index yet and belong to these scopes, in a small index of their
// own, which is searched as the large one. Null where there are none.
StatusOr<std::unique_ptr<Connection>> index_late_words(Connection& db, const std::vector<int64_t>& scopes) {
  std::unique_ptr<Connection> small;
  Statement& late = db.prepare(
      "SELECT id, scope, text, tags FROM memories WHERE id > (SELECT indexed_row FROM memory_state)"
      " AND forgotten_ms = 0");
  for (;;) {
    TAU_ASSIGN_OR_RETURN(const bool row, late.step());
    if (!row) break;
    if (!std::binary_search(scopes.begin(), scopes.end(), late.integer(1))) continue;
    if (small == nullptr) {
      TAU_ASSIGN_OR_RETURN(small, Connection::open(":memory:", {.vfs = {}}));
      TAU_RETURN_IF_ERROR(
          small->exec("CREATE VIRTUAL TABLE words USING fts5(scope, text, tags, content = '', " TAU_TOKENIZER
                      "); BEGIN"));
    }
    const std::string scope = scope_word(late.integer(1));
    TAU_RETURN_IF_ERROR(small->prepare("INSERT INTO words(rowid, scope, text, tags) VALUES(?1, ?2, ?3, ?4)")
                            .bind(late.integer(0), scope, late.bytes(2), late.bytes(3))
                            .run());
  }
  late.reset();
  return small;
}

Status match_late(Connection& db, const std::string& words, const std::vector<int64_t>& scopes, size_t limit,
                  std::vector<int64_t>* rows) {
  TAU_ASSIGN_OR_RETURN(const auto small, index_late_words(db, scopes));
  if (small == nullptr) return ok_status();
  Statement& query = small->prepare(
      "SELECT rowid FROM words WHERE words MATCH ?1 ORDER BY bm25(words, 0.0, 1.0, 1.0), rowid");
  query.bind(words);
  while (rows->size() < limit) {
    TAU_ASSIGN_OR_RETURN(const bool row, query.step());
    if (!row) break;
    rows->push_back(query.integer(0));
  }
  query.reset();
  return ok_status();
}

}  // namespace

// The late ones first: what comes into the index meanwhile is then seen twice, and not missed.
StatusOr<std::vector<int64_t>> match_words(Connection& db, const std::vector<int64_t>& scopes,
                                           const Memories::Match& match, size_t limit) {
  std::vector<int64_t> rows;
  const std::string words = query_of(scopes, match);
  if (words.empty() || scopes.empty() || limit == 0) return rows;
  const bool sort_out = scopes.size() > kScopesInQuery;
  std::vector<int64_t> known = scopes;
  std::sort(known.begin(), known.end());
  TAU_RETURN_IF_ERROR(match_late(db, words, known, limit, &rows));
  const std::vector<int64_t> late = rows;
  Statement& query = db.prepare(
      "SELECT f.rowid, (SELECT scope FROM memories WHERE id = f.rowid) FROM memory_fts f WHERE memory_fts"
      " MATCH ?1 ORDER BY bm25(memory_fts, 0.0, 1.0, 1.0), f.rowid LIMIT ?2");
  constexpr int64_t kAll = -1;
  constexpr size_t kMost = std::numeric_limits<int32_t>::max();
  const auto most = static_cast<int64_t>(std::min(limit, kMost) + late.size());  // some may come again
  query.bind(words, sort_out ? kAll : most);
  while (rows.size() < limit) {
    TAU_ASSIGN_OR_RETURN(const bool row, query.step());
    if (!row) break;
    const bool wanted = !sort_out || std::binary_search(known.begin(), known.end(), query.integer(1));
    if (wanted && std::find(late.begin(), late.end(), query.integer(0)) == late.end())
      rows.push_back(query.integer(0));
  }
  query.reset();
  return rows;
}

}  // namespace tau::store
