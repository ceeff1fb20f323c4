// The statements behind an append. Checks come before writes; whatever fails midway is undone by a savepoint.
#include "store/apply.h"

#include <new>
#include <utility>

#include "store/approval_rows.h"

namespace tau::store {
namespace {

constexpr size_t kMaxHeads = 8192;  // runs whose chain head is remembered

Status no_such_run(std::string_view id) {
  return failed_precondition("no_such_run", format("run {} was never recorded", id));
}

}  // namespace

Status Applier::begin() {
  // Changes whenever another connection has committed. Read inside the transaction, so nothing slips between.
  Statement& query = db_.prepare("PRAGMA data_version");
  TAU_ASSIGN_OR_RETURN(const bool row, query.step());
  const int64_t version = row ? query.integer(0) : -1;
  query.reset();
  if (version != data_version_) usage_.forget();
  if (version != data_version_ || heads_.size() > kMaxHeads) heads_.clear();
  data_version_ = version;
  return ok_status();
}

Status Applier::apply(const Batch& batch, Lsn* lsn) {
  TAU_RETURN_IF_ERROR(db_.prepare("SAVEPOINT batch").run());
  Status status;
  try {
    status = apply_all(batch, lsn);
  } catch (const std::bad_alloc&) { status = Status::out_of_memory(); }
  if (status.ok()) return db_.prepare("RELEASE batch").run();
  // The heads that the batch moved are wrong now; they are read again when needed.
  for (const JournalRow& row : batch.rows) { forget(row.run_id); }
  if (batch.run.has_value()) forget(batch.run->id);
  usage_.forget();
  if (!batch.memories.empty()) memories_.take_back();
  if (is_recoverable(status)) {
    TAU_RETURN_IF_ERROR(db_.prepare("ROLLBACK TO batch").run());
    TAU_RETURN_IF_ERROR(db_.prepare("RELEASE batch").run());
  }
  return status;
}

Status Applier::apply_all(const Batch& batch, Lsn* lsn) {
  *lsn = 0;
  if (batch.fence.has_value()) TAU_RETURN_IF_ERROR(check_fence(*batch.fence));
  bool inserted = false;
  if (batch.run.has_value()) {
    TAU_ASSIGN_OR_RETURN(const Head* head, head_of(batch.run->id));
    inserted = head == nullptr;
    if (inserted) TAU_RETURN_IF_ERROR(insert_run(*batch.run));
  }
  for (const JournalRow& row : batch.rows) { TAU_ASSIGN_OR_RETURN(*lsn, append_row(row)); }
  for (const EntryRow& entry : batch.entries) TAU_RETURN_IF_ERROR(append_entry(entry));
  // A record that is inserted before its rows learns its chain head with them.
  if (batch.run.has_value() && !(inserted && batch.rows.empty())) TAU_RETURN_IF_ERROR(update_run(*batch.run));
  if (batch.session.has_value()) TAU_RETURN_IF_ERROR(store::put_session(db_, *batch.session));
  for (const ApprovalEdit& edit : batch.approvals) TAU_RETURN_IF_ERROR(apply_approval_edit(db_, edit));
  for (const UsageNote& note : batch.usage) TAU_RETURN_IF_ERROR(usage_.add(note));
  return batch.memories.empty() ? ok_status() : memories_.apply(batch.memories);
}

Status Applier::check_fence(const Lease& lease) {
  Statement& query = db_.prepare("SELECT epoch FROM leases WHERE resource = ?1 AND pid <> 0");
  query.bind(lease.resource);
  TAU_ASSIGN_OR_RETURN(const bool row, query.step());
  const int64_t epoch = row ? query.integer(0) : -1;
  query.reset();
  if (epoch == lease.epoch) return ok_status();
  return Status(Code::kAborted, "lease_lost",
                format("{} is not held with epoch {} any more", lease.resource, lease.epoch));
}

void Applier::forget(std::string_view run_id) {
  if (const auto it = heads_.find(run_id); it != heads_.end()) heads_.erase(it);
}

// Null when the run does not exist.
StatusOr<Applier::Head*> Applier::head_of(std::string_view run_id) {
  if (const auto it = heads_.find(run_id); it != heads_.end()) return &it->second;
  Statement& run = db_.prepare("SELECT id FROM runs WHERE name = ?1");
  run.bind(run_id);
  TAU_ASSIGN_OR_RETURN(const bool known, run.step());
  if (!known) {
    run.reset();
    return nullptr;
  }
  Head head{.run = run.integer(0)};
  run.reset();
  Statement& last = db_.prepare("SELECT seq, chain FROM journal WHERE run = ?1 ORDER BY seq DESC LIMIT 1");
  last.bind(head.run);
  TAU_ASSIGN_OR_RETURN(const bool any, last.step());
  if (any) {
    head.next_seq = last.integer(0) + 1;
    if (!to_digest(last.bytes(1), &head.chain)) {
      last.reset();
      return failed_precondition("chain_broken", format("run {}: the last link is no digest", run_id));
    }
  }
  last.reset();
  return &heads_.emplace(run_id, head).first->second;
}

Status Applier::insert_run(const RunRecord& run) {
  const Provenance& p = run.provenance;
  Statement& insert = db_.prepare(
      "INSERT INTO runs(name, session, logic_version, state, outcome, snapshot, snapshot_seq, created_ms, "
      "updated_ms,"
      " options, chain, next_seq, integrity, readers, principal, policy_epoch, scanned_epoch)"
      " VALUES(?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, x'', 0, ?11, ?12, ?13, ?14, ?15)");
  insert.bind(run.id, run.session_id, run.logic_version, static_cast<int64_t>(run.state), run.outcome_json,
              run.snapshot_json, run.snapshot_seq, run.created_ms, run.updated_ms, run.options_json,
              p.integrity, p.readers, p.principal, p.policy_epoch, p.scanned_epoch);
  TAU_RETURN_IF_ERROR(insert.run());
  heads_.emplace(run.id, Head{.run = db_.last_rowid()});
  return ok_status();
}

Status Applier::update_run(const RunRecord& run) {
  TAU_ASSIGN_OR_RETURN(Head* const head, head_of(run.id));
  if (head == nullptr) return no_such_run(run.id);
  const Provenance& p = run.provenance;
  Statement& update = db_.prepare(
      "UPDATE runs SET logic_version = ?2, state = ?3, outcome = ?4, snapshot = ?5, snapshot_seq = ?6,"
      " updated_ms = ?7, next_seq = ?8, integrity = ?9, readers = ?10, principal = ?11, policy_epoch = ?12,"
      " scanned_epoch = ?13, chain = ?14 WHERE id = ?1");
  update.bind(head->run, run.logic_version, static_cast<int64_t>(run.state), run.outcome_json,
              run.snapshot_json, run.snapshot_seq, run.updated_ms, head->next_seq, p.integrity, p.readers,
              p.principal, p.policy_epoch, p.scanned_epoch);
  update.bind_blob(14, head->next_seq > 0 ? view(head->chain) : std::string_view());
  TAU_RETURN_IF_ERROR(update.run());
  if (run.state != RunState::kOpen) forget(run.id);  // it rarely grows again
  return ok_status();
}

StatusOr<Lsn> Applier::append_row(const JournalRow& row) {
  TAU_ASSIGN_OR_RETURN(Head* const head, head_of(row.run_id));
  if (head == nullptr) return no_such_run(row.run_id);
  if (row.seq != head->next_seq) {
    return failed_precondition("wrong_seq", format("run {}: row {} was appended where {} comes next",
                                                   row.run_id, row.seq, head->next_seq));
  }
  const Digest body = crypto::blake2b(row.body);
  const EffectsDigest effects(row.effects_digest);
  const Digest link = next_link(head->chain, row, body, effects);
  const bool in_blob = row.body.size() > kInlineBodyBytes;
  int64_t blob = 0;
  if (in_blob) { TAU_ASSIGN_OR_RETURN(blob, store_blob(body, row.body)); }
  const Provenance& p = row.provenance;
  Statement& insert = db_.prepare(
      "INSERT INTO journal(run, seq, time_ms, kind, integrity, readers, principal, policy_epoch, "
      "scanned_epoch,"
      " body_digest, effects_digest, chain, blob, body)"
      " VALUES(?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14)");
  insert.bind(head->run, row.seq, row.time_ms, row.kind, p.integrity, p.readers, p.principal, p.policy_epoch,
              p.scanned_epoch);
  insert.bind_blob(10, view(body)).bind_blob(12, view(link));
  effects.is_binary ? insert.bind_blob(11, effects.stored()) : insert.bind_text(11, effects.stored());
  if (in_blob) {
    insert.bind_integer(13, blob).bind_null(14);
  } else {
    insert.bind_null(13).bind_text(14, row.body);
  }
  TAU_RETURN_IF_ERROR(insert.run());
  head->chain = link;
  ++head->next_seq;
  return db_.last_rowid();
}

StatusOr<int64_t> Applier::store_blob(const Digest& digest, std::string_view bytes) {
  Statement& find = db_.prepare("SELECT id FROM blobs WHERE digest = ?1");
  find.bind_blob(1, view(digest));
  TAU_ASSIGN_OR_RETURN(const bool found, find.step());
  const int64_t id = found ? find.integer(0) : 0;
  find.reset();
  if (found) return id;
  Statement& insert = db_.prepare("INSERT INTO blobs(digest, bytes) VALUES(?1, ?2)");
  insert.bind_blob(1, view(digest)).bind_blob(2, bytes);
  TAU_RETURN_IF_ERROR(insert.run());
  return db_.last_rowid();
}

Status Applier::append_entry(const EntryRow& entry) {
  TAU_RETURN_IF_ERROR(check_names(entry));
  Statement& row = db_.prepare(
      "SELECT (SELECT lsn FROM journal WHERE run = (SELECT id FROM runs WHERE name = ?1) AND seq = ?2),"
      " (SELECT id FROM entries WHERE name = ?3), (SELECT lsn FROM entries WHERE name = ?4)");
  row.bind(entry.run_id, entry.seq, entry.parent, entry.id);
  TAU_ASSIGN_OR_RETURN(const bool any, row.step());
  const bool has_row = any && !row.is_null(0);
  const bool has_parent = any && !row.is_null(1);
  const bool exists = any && !row.is_null(2);
  const int64_t lsn = row.integer(0);
  const bool same = exists && has_row && row.integer(2) == lsn;
  const int64_t parent = row.integer(1);
  row.reset();
  if (same) return ok_status();
  if (exists) return Status(Code::kAlreadyExists, "entry_exists", format("entry {} exists", entry.id));
  if (!has_row) {
    return failed_precondition(
        "no_such_row", format("entry {} names row {} of run {}, which is not in the journal", entry.id,
                              entry.seq, entry.run_id));
  }
  if (!entry.parent.empty() && !has_parent) {
    return failed_precondition("no_such_entry", format("entry {} names the parent {}, which does not exist",
                                                       entry.id, entry.parent));
  }
  Statement& insert = db_.prepare("INSERT INTO entries(name, session, lsn, parent) VALUES(?1, ?2, ?3, ?4)");
  insert.bind(entry.id, entry.session_id, lsn);
  has_parent ? insert.bind_integer(4, parent) : insert.bind_null(4);
  return insert.run();
}

Status check_names(const EntryRow& entry) {
  if (!entry.id.empty() && !entry.session_id.empty()) return ok_status();
  return invalid_argument("invalid_entry", "an entry needs an id and the session that it belongs to");
}

Status put_session(Connection& db, const SessionRecord& s) {
  if (!s.head_entry.empty()) {
    Statement& head = db.prepare("SELECT 1 FROM entries WHERE name = ?1");
    head.bind(s.head_entry);
    TAU_ASSIGN_OR_RETURN(const bool exists, head.step());
    head.reset();
    if (!exists) {
      return failed_precondition(
          "no_such_entry", format("session {} names the head {}, which does not exist", s.id, s.head_entry));
    }
  }
  Statement& put = db.prepare(
      "INSERT INTO sessions(id, title, head_entry, parent_session, workspace, model, created_ms, updated_ms, "
      "turns,"
      " input_tokens, output_tokens, cost_usd_micros, open_run)"
      " VALUES(?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13)"
      " ON CONFLICT(id) DO UPDATE SET title = excluded.title, head_entry = excluded.head_entry,"
      " workspace = excluded.workspace, model = excluded.model, updated_ms = excluded.updated_ms,"
      " turns = excluded.turns, input_tokens = excluded.input_tokens, output_tokens = excluded.output_tokens,"
      " cost_usd_micros = excluded.cost_usd_micros, open_run = excluded.open_run");
  put.bind(s.id, s.title, s.head_entry, s.parent_session, s.workspace, s.model, s.created_ms, s.updated_ms,
           s.turns, s.input_tokens, s.output_tokens, s.cost_usd_micros, s.open_run);
  return put.run();
}

}  // namespace tau::store
