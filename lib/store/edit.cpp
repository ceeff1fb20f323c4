// Fork and removal of sessions.
//
// A conversation is a path through the entries, so a fork costs one row. Removal therefore has to find which
// entries others still need: those with a living child of another session, those that another session has as
// its head, and their ancestors. What was shared keeps its place with an empty session name, and goes when
// the last sharer goes.
#include "store/edit.h"

#include <array>

#include "store/apply.h"
#include "store/reader.h"
#include "store/usage_rows.h"

namespace tau::store {
namespace {

// Temporary tables live in memory and belong to the connection.
constexpr const char* kScratch =
    "CREATE TEMP TABLE IF NOT EXISTS kept(id INTEGER PRIMARY KEY);"
    "CREATE TEMP TABLE IF NOT EXISTS doomed(id INTEGER PRIMARY KEY, lsn INTEGER);"
    "CREATE TEMP TABLE IF NOT EXISTS erased(lsn INTEGER PRIMARY KEY, blob INTEGER);"
    "DELETE FROM temp.kept; DELETE FROM temp.doomed; DELETE FROM temp.erased";

// ?1 is the session that goes. The order matters.
constexpr std::array<const char*, 11> kRemoval = {
    // Entries without a living owner that somebody still needs.
    "INSERT INTO temp.kept WITH RECURSIVE needed(id) AS ("
    " SELECT e.id FROM entries e WHERE e.session IN (?1, '') AND ("
    "  EXISTS (SELECT 1 FROM entries c WHERE c.parent = e.id AND c.session NOT IN (?1, '')) OR"
    "  EXISTS (SELECT 1 FROM sessions s WHERE s.head_entry = e.name AND s.id <> ?1))"
    " UNION SELECT e.parent FROM entries e JOIN needed ON e.id = needed.id WHERE e.parent IS NOT NULL)"
    " SELECT id FROM needed",
    "INSERT INTO temp.doomed SELECT id, lsn FROM entries"
    " WHERE session IN (?1, '') AND id NOT IN (SELECT id FROM temp.kept)",
    "DELETE FROM entries WHERE id IN (SELECT id FROM temp.doomed)",
    "UPDATE entries SET session = '' WHERE session = ?1",
    // Rows of its runs, and rows of runs without a session that its entries named; unless an entry names
    // them.
    "INSERT INTO temp.erased SELECT j.lsn, j.blob FROM journal j JOIN runs r ON r.id = j.run WHERE r.session "
    "= ?1"
    " AND NOT EXISTS (SELECT 1 FROM entries e WHERE e.lsn = j.lsn)",
    "INSERT OR IGNORE INTO temp.erased SELECT j.lsn, j.blob FROM journal j JOIN runs r ON r.id = j.run"
    " WHERE j.lsn IN (SELECT lsn FROM temp.doomed) AND NOT EXISTS (SELECT 1 FROM entries e WHERE e.lsn = "
    "j.lsn)"
    " AND NOT EXISTS (SELECT 1 FROM sessions s WHERE s.id = r.session AND s.id <> ?1)",
    "UPDATE journal SET body = NULL, blob = NULL WHERE lsn IN (SELECT lsn FROM temp.erased)",
    "DELETE FROM blobs WHERE id IN (SELECT blob FROM temp.erased WHERE blob IS NOT NULL)"
    " AND NOT EXISTS (SELECT 1 FROM journal WHERE journal.blob = blobs.id)",
    "DELETE FROM approvals WHERE session = ?1",
    "UPDATE runs SET outcome = '', snapshot = '', options = '' WHERE session = ?1",
    "DELETE FROM sessions WHERE id = ?1",
};

// Whether `entry` is on the way to the head of `source`, or was written by it.
StatusOr<bool> belongs_to(Connection& db, const SessionRecord& source, std::string_view entry) {
  Statement& query = db.prepare(
      "WITH RECURSIVE line(id, parent, name) AS ("
      " SELECT id, parent, name FROM entries WHERE name = ?1"
      " UNION ALL SELECT e.id, e.parent, e.name FROM entries e JOIN line ON e.id = line.parent AND e.id < "
      "line.id)"
      " SELECT EXISTS (SELECT 1 FROM line WHERE name = ?2)"
      " OR EXISTS (SELECT 1 FROM entries WHERE name = ?2 AND session = ?3)");
  query.bind(source.head_entry, entry, source.id);
  TAU_ASSIGN_OR_RETURN(const bool row, query.step());
  const bool belongs = row && query.integer(0) != 0;
  query.reset();
  return belongs;
}

}  // namespace

Status fork_session_rows(Connection& db, std::string_view source, std::string_view entry,
                         const SessionRecord& fork) {
  TAU_ASSIGN_OR_RETURN(const SessionRecord from, read_session(db, source));
  const auto existing = read_session(db, fork.id);
  if (existing.ok()) return Status(Code::kAlreadyExists, "session_exists", format("session {}", fork.id));
  if (existing.status().code() != Code::kNotFound) return existing.status();
  SessionRecord record = fork;
  record.parent_session = std::string(source);
  record.head_entry = entry.empty() ? from.head_entry : std::string(entry);
  if (!entry.empty()) {
    TAU_ASSIGN_OR_RETURN(const bool belongs, belongs_to(db, from, entry));
    if (!belongs) return not_found("no_such_entry", format("session {} has no entry {}", source, entry));
  }
  return put_session(db, record);
}

Status remove_session_rows(Connection& db, std::string_view id) {
  TAU_RETURN_IF_ERROR(read_session(db, id).status());
  TAU_RETURN_IF_ERROR(db.exec(kScratch));
  for (const char* sql : kRemoval) {
    Statement& step = db.prepare(sql);
    TAU_RETURN_IF_ERROR(step.parameters() > 0 ? step.bind(id).run() : step.run());
  }
  TAU_RETURN_IF_ERROR(keep_usage_of_removed(db, id));
  return db.exec(kScratch);
}

}  // namespace tau::store
