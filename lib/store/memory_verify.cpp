// References between the tables of memories, their counters, and the full-text index against the texts.
//
// FTS5 checks itself only where it may write. The index is read here word by word instead, and compared with
// one that is made of the texts in memory, a few thousand of them at a time.
#include "store/memory_verify.h"

#include <array>

#include "crypto/crypto.h"

namespace tau::store {
namespace {

struct Check {
  const char* sql;  // yields what is wrong, one text a row
  const char* reason;
  const char* message;
};

constexpr std::array<Check, 9> kChecks = {{
    {"SELECT 'memory ' || id FROM memories WHERE scope NOT IN (SELECT id FROM memory_scopes)",
     "missing_scope", "it belongs to no scope"},
    {"SELECT 'relation ' || source || ' to ' || target FROM memory_edges WHERE source NOT IN (SELECT id FROM"
     " memories) OR target NOT IN (SELECT id FROM memories)",
     "missing_memory", "one of its ends is gone"},
    {"SELECT 'vector ' || key FROM memory_vectors WHERE key % 1099511627776 NOT IN (SELECT id FROM memories)",
     "missing_memory", "its memory is gone"},
    {"SELECT 'vector ' || key FROM memory_vectors WHERE key / 1099511627776 NOT IN (SELECT id FROM"
     " memory_spaces)",
     "missing_space", "its space is gone"},
    {"SELECT 'memory ' || memory FROM memory_uses WHERE memory NOT IN (SELECT id FROM memories)",
     "missing_memory", "it was used and is gone"},
    {"SELECT 'memory ' || memory FROM memory_purged WHERE memory IN (SELECT id FROM memories)",
     "memory_not_purged", "it was purged and is there"},
    {"SELECT 'memory ' || id FROM memories WHERE id > (SELECT last_row FROM memory_state) OR change > (SELECT"
     " last_change FROM memory_state)",
     "memory_counters", "its number is beyond the last one that was given"},
    {"SELECT 'scope ' || s.id FROM memory_scopes s LEFT JOIN (SELECT scope, sum(forgotten_ms = 0) AS live,"
     " sum(forgotten_ms > 0) AS forgotten, max(change) AS change FROM memories GROUP BY scope) m"
     " ON m.scope = s.id WHERE s.live <> coalesce(m.live, 0) OR s.forgotten <> coalesce(m.forgotten, 0)"
     " OR s.change < coalesce(m.change, 0)",
     "memory_counters", "it does not count its memories right"},
    {"SELECT 'memory state ' || count(*) FROM memory_state HAVING count(*) <> 1", "memory_counters",
     "there has to be one row"},
}};

constexpr int64_t kTextsTogether = 4096;

// Sums up places of words in an index, in any order.
class Places {
 public:
  void add(const Statement& q) {
    // The word, and which memory, column and place within it.
    std::string place = q.text(0);
    for (int i = 1; i < 4; ++i) place += format("\x1f{}", q.bytes(i));
    sum_ += crypto::checksum64(place);
    ++count_;
  }
  Status add_all(Connection& db, const char* sql) {
    Statement query(db.handle(), sql);
    for (;;) {
      TAU_ASSIGN_OR_RETURN(const bool row, query.step());
      if (!row) return ok_status();
      add(query);
    }
  }
  bool operator==(const Places&) const = default;

 private:
  uint64_t sum_ = 0;
  int64_t count_ = 0;
};

// The places that the texts ask for.
Status expected_places(Connection& db, Places* places) {
  TAU_ASSIGN_OR_RETURN(auto scratch, Connection::open(":memory:", {.vfs = {}}));
  TAU_RETURN_IF_ERROR(
      scratch->exec("CREATE VIRTUAL TABLE words USING fts5(scope, text, tags, content = '', columnsize = 0,"
                    " tokenize = 'porter unicode61 remove_diacritics 2');"
                    "CREATE VIRTUAL TABLE places USING fts5vocab('words', 'instance')"));
  Statement query(db.handle(),
                  "SELECT id, scope, text, tags FROM memory_words WHERE id > ?1 ORDER BY id LIMIT ?2");
  for (int64_t last = INT64_MIN;;) {
    int64_t texts = 0;
    TAU_RETURN_IF_ERROR(scratch->exec("BEGIN"));
    query.bind(last, kTextsTogether);
    for (;; ++texts) {
      TAU_ASSIGN_OR_RETURN(const bool row, query.step());
      if (!row) break;
      last = query.integer(0);
      TAU_RETURN_IF_ERROR(
          scratch->prepare("INSERT INTO words(rowid, scope, text, tags) VALUES(?1, ?2, ?3, ?4)")
              .bind(last, query.bytes(1), query.bytes(2), query.bytes(3))
              .run());
    }
    query.reset();
    TAU_RETURN_IF_ERROR(scratch->exec("COMMIT"));
    if (texts == 0) return ok_status();
    TAU_RETURN_IF_ERROR(places->add_all(*scratch, "SELECT term, doc, col, offset FROM places"));
    TAU_RETURN_IF_ERROR(scratch->exec("INSERT INTO words(words) VALUES('delete-all')"));
  }
}

Status verify_words(Connection& db, MemoryProblem& problem) {
  Places expected;
  TAU_RETURN_IF_ERROR(expected_places(db, &expected));
  Places found;
  TAU_RETURN_IF_ERROR(
      db.exec("CREATE VIRTUAL TABLE IF NOT EXISTS temp.memory_places USING"
              " fts5vocab('main', 'memory_fts', 'instance')"));
  const Status status = found.add_all(db, "SELECT term, doc, col, offset FROM temp.memory_places");
  if (status.ok() && found == expected) return ok_status();
  if (!status.ok() && status.reason() != "database_corrupt") return status;
  problem("memory_words", "the full-text index of the memories does not fit their texts");
  return ok_status();
}

}  // namespace

Status verify_memories(Connection& db, MemoryProblem problem) {
  for (const Check& check : kChecks) {
    Statement query(db.handle(), check.sql);
    for (;;) {
      TAU_ASSIGN_OR_RETURN(const bool row, query.step());
      if (!row) break;
      problem(check.reason, format("{}: {}", query.bytes(0), check.message));
    }
  }
  return verify_words(db, problem);
}

}  // namespace tau::store
