// Verification of a whole database. Everything is read in one transaction, so that a writer beside it does
// not make two halves disagree.
#include <array>

#include "store/chain.h"
#include "store/memory_verify.h"
#include "store/prune.h"
#include "store/read_only.h"
#include "store/reader.h"
#include "store/store.h"

namespace tau::store {
namespace {

constexpr size_t kMaxProblems = 100;

struct Reference {
  const char* sql;  // yields what is wrong, one text a row
  const char* reason;
  const char* message;
};

constexpr std::array<Reference, 9> kReferences = {{
    {"SELECT 'lsn ' || lsn FROM journal WHERE run NOT IN (SELECT id FROM runs)", "missing_run",
     "a journal row belongs to no run"},
    {"SELECT 'lsn ' || lsn FROM journal WHERE blob IS NOT NULL AND blob NOT IN (SELECT id FROM blobs)",
     "missing_blob", "the body of a journal row is gone"},
    {"SELECT name FROM entries WHERE lsn NOT IN (SELECT lsn FROM journal)", "missing_row",
     "an entry names a journal row that is gone"},
    {"SELECT name FROM entries WHERE parent IS NOT NULL AND parent NOT IN (SELECT id FROM entries)",
     "missing_entry", "the parent of an entry is gone"},
    {"SELECT name FROM entries WHERE parent >= id", "entry_order", "an entry is older than its parent"},
    {"SELECT max(e.name) FROM entries e JOIN journal j ON j.lsn = e.lsn WHERE e.parent IS NULL GROUP BY "
     "j.run "
     "HAVING count(*) > 1",
     "entry_order", "two entries of a run have no parent: what came before is cut off"},
    {"SELECT DISTINCT r.name FROM entries e JOIN journal j ON j.lsn = e.lsn JOIN runs r ON r.id = j.run "
     "WHERE e.session <> r.session",
     "wrong_session", "a run and its entries are of different sessions"},
    {"SELECT id FROM sessions WHERE head_entry <> '' AND head_entry NOT IN (SELECT name FROM entries)",
     "missing_entry", "the head of a session is gone"},
    {"SELECT id FROM sessions WHERE open_run <> '' AND open_run NOT IN (SELECT name FROM runs)",
     "missing_run", "the open run of a session is gone"},
}};

class Verifier {
 public:
  explicit Verifier(Connection& db) : db_(db) {}

  StatusOr<Soundness> run() {
    TAU_RETURN_IF_ERROR(db_.exec("BEGIN"));
    TAU_RETURN_IF_ERROR(count());
    TAU_ASSIGN_OR_RETURN(const bool whole, pages());
    if (whole) {  // else what follows would only repeat that
      TAU_RETURN_IF_ERROR(references());
      TAU_RETURN_IF_ERROR(blobs());
      TAU_RETURN_IF_ERROR(chains());
      TAU_RETURN_IF_ERROR(verify_memories(db_, [this](std::string_view reason, std::string message) {
        problem(reason, std::move(message));
      }));
    }
    return std::move(found_);
  }

 private:
  void problem(std::string_view reason, std::string message) {
    if (found_.problems.size() == kMaxProblems) {
      ++found_.more_problems;
    } else {
      found_.problems.push_back({std::string(reason), std::move(message)});
    }
  }

  Status count() {
    TAU_ASSIGN_OR_RETURN(found_.schema_version, db_.query_integer("PRAGMA user_version"));
    TAU_ASSIGN_OR_RETURN(found_.sessions, db_.query_integer("SELECT count(*) FROM sessions"));
    TAU_ASSIGN_OR_RETURN(found_.runs, db_.query_integer("SELECT count(*) FROM runs"));
    TAU_ASSIGN_OR_RETURN(found_.open_runs,
                         db_.query_integer("SELECT count(*) FROM sessions WHERE open_run <> ''"));
    TAU_ASSIGN_OR_RETURN(found_.rows, db_.query_integer("SELECT count(*) FROM journal"));
    TAU_ASSIGN_OR_RETURN(found_.entries, db_.query_integer("SELECT count(*) FROM entries"));
    TAU_ASSIGN_OR_RETURN(found_.blobs, db_.query_integer("SELECT count(*) FROM blobs"));
    TAU_ASSIGN_OR_RETURN(found_.memories, db_.query_integer("SELECT count(*) FROM memories"));
    TAU_ASSIGN_OR_RETURN(found_.bytes, bytes_in_use(db_));
    return ok_status();
  }

  // SQLite takes a page that it has no memory for to be damaged: what is wrong is found twice.
  StatusOr<bool> pages() {
    std::vector<std::string> wrong;
    for (int look = 0; look < 2; ++look) {
      TAU_ASSIGN_OR_RETURN(wrong, wrong_pages());
      if (wrong.empty()) return true;
    }
    for (std::string& what : wrong) problem("database_corrupt", std::move(what));
    return false;
  }

  StatusOr<std::vector<std::string>> wrong_pages() {
    Statement check(db_.handle(), "PRAGMA integrity_check(100)");
    std::vector<std::string> wrong;
    for (;;) {
      TAU_ASSIGN_OR_RETURN(const bool row, check.step());
      if (!row) return wrong;
      if (check.bytes(0) != "ok") wrong.push_back(check.text(0));
    }
  }

  Status references() {
    for (const Reference& reference : kReferences) {
      Statement query(db_.handle(), reference.sql);
      for (;;) {
        TAU_ASSIGN_OR_RETURN(const bool row, query.step());
        if (!row) break;
        problem(reference.reason, format("{}: {}", query.bytes(0), reference.message));
      }
    }
    return ok_status();
  }

  Status blobs() {
    Statement query(db_.handle(), "SELECT id, digest, bytes FROM blobs");
    for (;;) {
      TAU_ASSIGN_OR_RETURN(const bool row, query.step());
      if (!row) return ok_status();
      if (query.bytes(1) != view(crypto::blake2b(query.bytes(2))))
        problem("blob_changed", format("blob {} does not match its digest", query.integer(0)));
    }
  }

  Status chains() {
    Statement query(db_.handle(), "SELECT name FROM runs ORDER BY id");
    for (;;) {
      TAU_ASSIGN_OR_RETURN(const bool row, query.step());
      if (!row) return ok_status();
      const Status status = verify_run_chain(db_, query.text(0));
      if (status.ok()) continue;
      if (status.reason() != "chain_broken") return status;
      problem(status.reason(), std::string(status.message()));
    }
  }

  Connection& db_;
  Soundness found_;
};

}  // namespace

StatusOr<Soundness> verify_database(const std::string& path) {
  StoreOptions options;
  options.path = path;
  options.read_only = true;
  return read_quietly(options, [](Connection& db) { return Verifier(db).run(); });
}

}  // namespace tau::store
