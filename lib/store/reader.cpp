// Reads sessions, runs, journals and lineages, and verifies chains.
#include "store/reader.h"

#include <algorithm>
#include <limits>
#include <utility>

#include "store/chain.h"

namespace tau::store {
namespace {

constexpr size_t kMaxPage = 10'000;

// The statement cache knows statements by their address, so composed texts live as long as the program.
const std::string kSelectSession =
    "SELECT id, title, head_entry, parent_session, workspace, model, created_ms, updated_ms, turns, "
    "input_tokens,"
    " output_tokens, cost_usd_micros, open_run FROM sessions ";
const std::string kSessionById = kSelectSession + "WHERE id = ?1";
const std::string kSessionsByAge = kSelectSession + "ORDER BY created_ms DESC, id DESC LIMIT ?1";
const std::string kSessionsByAgeAfter =
    kSelectSession + "WHERE (created_ms, id) < (?2, ?3) ORDER BY created_ms DESC, id DESC LIMIT ?1";

const std::string kSelectRun =
    "SELECT name, session, logic_version, state, outcome, snapshot, snapshot_seq, created_ms, updated_ms, "
    "options,"
    " (SELECT chain FROM journal WHERE run = runs.id ORDER BY seq DESC LIMIT 1),"
    " integrity, readers, principal, policy_epoch, scanned_epoch FROM runs ";
const std::string kRunByName = kSelectRun + "WHERE name = ?1";
const std::string kRunsBySession = kSelectRun + "WHERE session = ?1 ORDER BY id";

const std::string kRowColumns =
    " j.lsn, r.name, j.seq, j.kind, coalesce(j.body, b.bytes), j.effects_digest, j.time_ms, j.integrity, "
    "j.readers,"
    " j.principal, j.policy_epoch, j.scanned_epoch, j.chain, j.body_digest, j.blob ";
constexpr int kBody = 4;  // where these stand among them
constexpr int kChain = 12;
constexpr int kBodyDigest = 13;
constexpr int kBlob = 14;
constexpr int kEntryName = 15;  // kLineage alone
const std::string kRowsByRun =
    "SELECT" + kRowColumns +
    "FROM journal j JOIN runs r ON r.id = j.run LEFT JOIN blobs b ON b.id = j.blob"
    " WHERE j.run = (SELECT id FROM runs WHERE name = ?1) AND j.seq >= ?2 ORDER BY j.seq";
// A parent is always older than its child, which also ends the recursion on damaged data.
const std::string kLineage =
    "WITH RECURSIVE line(id, parent, lsn, name) AS ("
    " SELECT id, parent, lsn, name FROM entries WHERE name = ?1"
    " UNION ALL SELECT e.id, e.parent, e.lsn, e.name FROM entries e JOIN line ON e.id = line.parent AND e.id "
    "< line.id)"
    " SELECT" +
    kRowColumns +
    ", line.name FROM line JOIN journal j ON j.lsn = line.lsn JOIN runs r ON r.id = j.run"
    " LEFT JOIN blobs b ON b.id = j.blob ORDER BY line.id";

std::string hex_or_empty(std::string_view bytes) {
  return bytes.empty() ? std::string() : crypto::hex(bytes);
}

// Reads the columns of a row one after another, in the order of the fields that they fill: the initializers
// of one list are evaluated in their order.
class Columns {
 public:
  explicit Columns(const Statement& query, int first = 0) : query_(query), next_(first) {}
  std::string text() { return query_.text(next_++); }
  int64_t integer() { return query_.integer(next_++); }
  std::string hex() { return hex_or_empty(query_.bytes(next_++)); }
  // Stored as a blob where it is a digest, else as it came.
  std::string hex_or_text() { return query_.type(next_) == SQLITE_BLOB ? hex() : text(); }
  RunState state() {
    const int64_t last = static_cast<int64_t>(RunState::kCancelled);
    return static_cast<RunState>(std::clamp(integer(), int64_t{0}, last));
  }
  Provenance provenance() {
    return {.integrity = text(),
            .readers = text(),
            .principal = text(),
            .policy_epoch = integer(),
            .scanned_epoch = integer()};
  }

 private:
  const Statement& query_;
  int next_;
};

SessionRecord session_at(const Statement& q) {
  Columns c(q);
  return {.id = c.text(),
          .title = c.text(),
          .head_entry = c.text(),
          .parent_session = c.text(),
          .workspace = c.text(),
          .model = c.text(),
          .created_ms = c.integer(),
          .updated_ms = c.integer(),
          .turns = c.integer(),
          .input_tokens = c.integer(),
          .output_tokens = c.integer(),
          .cost_usd_micros = c.integer(),
          .open_run = c.text()};
}

RunRecord run_at(const Statement& q) {
  Columns c(q);
  return {.id = c.text(),
          .session_id = c.text(),
          .logic_version = c.integer(),
          .state = c.state(),
          .outcome_json = c.text(),
          .snapshot_json = c.text(),
          .snapshot_seq = c.integer(),
          .created_ms = c.integer(),
          .updated_ms = c.integer(),
          .options_json = c.text(),
          .chain_head = c.hex(),
          .provenance = c.provenance()};
}

JournalRow row_at(const Statement& q) {
  Columns c(q, 1);  // after the lsn
  return {.run_id = c.text(),
          .seq = c.integer(),
          .kind = c.text(),
          .body = c.text(),
          .effects_digest = c.hex_or_text(),
          .time_ms = c.integer(),
          .provenance = c.provenance()};
}

// Erased, as opposed to a blob that ought to be there and is not.
bool is_tombstone(const Statement& q) { return q.is_null(kBody) && q.is_null(kBlob); }

JournalEntry entry_at(const Statement& q) {
  return {.lsn = q.integer(0),
          .row = row_at(q),
          .entry_id = {},
          .chain = hex_or_empty(q.bytes(kChain)),
          .purged = is_tombstone(q)};
}

Status no_such_session(std::string_view id) { return not_found("no_such_session", format("session {}", id)); }
Status no_such_run(std::string_view id) { return not_found("no_such_run", format("run {}", id)); }

// Everything a query yields, each row through `make`.
template <class T, class Make>
StatusOr<std::vector<T>> collect(Statement& query, Make make) {
  std::vector<T> out;
  for (;;) {
    TAU_ASSIGN_OR_RETURN(const bool row, query.step());
    if (!row) break;
    out.push_back(make(query));
  }
  query.reset();
  return out;
}

template <class T, class Make>
StatusOr<T> first(Statement& query, Make make, Status missing) {
  TAU_ASSIGN_OR_RETURN(const bool row, query.step());
  if (!row) return missing;
  T value = make(query);
  query.reset();
  return value;
}

}  // namespace

StatusOr<std::vector<SessionRecord>> read_sessions(Connection& db, size_t limit, std::string_view after_id) {
  const int64_t page = static_cast<int64_t>(std::min(limit, kMaxPage));
  if (after_id.empty()) {
    Statement& query = db.prepare(kSessionsByAge.c_str());
    return collect<SessionRecord>(query.bind(page), session_at);
  }
  TAU_ASSIGN_OR_RETURN(const SessionRecord after, read_session(db, after_id));
  Statement& query = db.prepare(kSessionsByAgeAfter.c_str());
  return collect<SessionRecord>(query.bind(page, after.created_ms, after.id), session_at);
}

StatusOr<SessionRecord> read_session(Connection& db, std::string_view id) {
  Statement& query = db.prepare(kSessionById.c_str());
  return first<SessionRecord>(query.bind(id), session_at, no_such_session(id));
}

StatusOr<std::vector<JournalEntry>> read_lineage(Connection& db, std::string_view entry) {
  if (entry.empty()) return std::vector<JournalEntry>();
  Statement& query = db.prepare(kLineage.c_str());
  TAU_ASSIGN_OR_RETURN(auto line, collect<JournalEntry>(query.bind(entry), [](const Statement& q) {
                         JournalEntry out = entry_at(q);
                         out.entry_id = q.text(kEntryName);
                         return out;
                       }));
  if (line.empty()) return not_found("no_such_entry", format("entry {}", entry));
  return line;
}

StatusOr<RunRecord> read_run(Connection& db, std::string_view id) {
  Statement& query = db.prepare(kRunByName.c_str());
  return first<RunRecord>(query.bind(id), run_at, no_such_run(id));
}

StatusOr<std::vector<RunRecord>> read_runs(Connection& db, std::string_view session_id) {
  Statement& query = db.prepare(kRunsBySession.c_str());
  return collect<RunRecord>(query.bind(session_id), run_at);
}

StatusOr<std::vector<JournalEntry>> read_journal(Connection& db, std::string_view run_id, int64_t from_seq) {
  Statement& query = db.prepare(kRowsByRun.c_str());
  TAU_ASSIGN_OR_RETURN(auto rows, collect<JournalEntry>(query.bind(run_id, from_seq), entry_at));
  if (rows.empty()) TAU_RETURN_IF_ERROR(read_run(db, run_id).status());  // nothing, or no such run?
  return rows;
}

namespace {

// Walks the rows of one run in order and compares each with what its predecessors make of it.
class ChainCheck {
 public:
  explicit ChainCheck(std::string_view run_id) : run_id_(run_id) {}

  Status add(const Statement& q) {
    const JournalRow row = row_at(q);
    const bool in_order = row.seq == next_seq_++;
    if (!in_order) return broken(q, "a row before it is missing");
    Digest body{};
    Digest stored{};
    if (!to_digest(q.bytes(kBodyDigest), &body) || !to_digest(q.bytes(kChain), &stored))
      return broken(q, "a digest is malformed");
    if (!is_tombstone(q) && (q.is_null(kBody) || crypto::blake2b(row.body) != body)) {
      return broken(q, "the body does not match its digest");
    }
    const Digest link = next_link(chain_, row, body, EffectsDigest(row.effects_digest));
    if (link != stored) return broken(q, "the link does not match");
    chain_ = link;
    note_anchor();
    return ok_status();
  }

  // The run record remembers how far the chain had come when it was last written.
  void expect(int64_t rows, std::string_view chain) {
    anchor_rows_ = rows;
    anchor_ = std::string(chain);
  }

  Status finish() const {
    if (next_seq_ < anchor_rows_) {
      return data_loss("chain_broken",
                       format("run {}: row {} and later ones are missing", run_id_, next_seq_));
    }
    if (!anchor_ok_) {
      return data_loss("chain_broken", format("run {}: row {} is not the one that the run record names",
                                              run_id_, anchor_rows_ - 1));
    }
    return ok_status();
  }

 private:
  void note_anchor() {
    if (next_seq_ == anchor_rows_) anchor_ok_ = view(chain_) == anchor_;
  }
  Status broken(const Statement& q, std::string_view why) const {
    return data_loss("chain_broken",
                     format("run {}: row {} (lsn {}): {}", run_id_, next_seq_ - 1, q.integer(0), why));
  }

  std::string_view run_id_;
  int64_t next_seq_ = 0;
  Digest chain_{};
  int64_t anchor_rows_ = 0;
  std::string anchor_;
  bool anchor_ok_ = true;
};

}  // namespace

Status verify_run_chain(Connection& db, std::string_view run_id) {
  ChainCheck check(run_id);
  Statement& run = db.prepare("SELECT next_seq, chain FROM runs WHERE name = ?1");
  TAU_ASSIGN_OR_RETURN(const bool known, run.bind(run_id).step());
  if (!known) return no_such_run(run_id);
  check.expect(run.integer(0), run.bytes(1));
  run.reset();
  Statement& rows = db.prepare(kRowsByRun.c_str());
  rows.bind(run_id, int64_t{std::numeric_limits<int64_t>::min()});
  for (;;) {
    TAU_ASSIGN_OR_RETURN(const bool row, rows.step());
    if (!row) break;
    if (Status status = check.add(rows); !status.ok()) {
      rows.reset();
      return status;
    }
  }
  rows.reset();
  return check.finish();
}

}  // namespace tau::store
