// The statements behind calls that wait for an approval.
#include "store/approval_rows.h"

#include <utility>

#include "store/lease.h"

namespace tau::store {
namespace {

// The statement cache knows statements by their address, so composed texts live as long as the program.
const std::string kColumns =
    "id, session, run, call, tool, effect, reason, scope, not_sandboxed, argument_bytes, binding, integrity,"
    " readers, principal, policy_epoch, scanned_epoch, lease_epoch, created_ms, expires_ms, state, allow,"
    " decider, note, decided_ms, ";
const std::string kOne = "SELECT " + kColumns + "arguments FROM approvals WHERE id = ?1";
const std::string kEach =
    "SELECT " + kColumns + "'' FROM approvals WHERE state < ?1 ORDER BY created_ms, id LIMIT ?2";
constexpr int kArguments = 24;  // the column behind kColumns

constexpr int64_t value_of(ApprovalState state) { return static_cast<int64_t>(state); }

ApprovalRow read_row(const Statement& query) {
  ApprovalRow row;
  row.id = query.bytes(0);
  row.session_id = query.bytes(1);
  row.run_id = query.bytes(2);
  row.call_id = query.text(3);
  row.tool = query.bytes(4);
  row.effect = query.bytes(5);
  row.reason = query.bytes(6);
  row.scope = query.bytes(7);
  row.not_sandboxed = query.integer(8) != 0;
  row.argument_bytes = query.integer(9);
  row.binding = query.bytes(10);
  row.integrity = query.bytes(11);
  row.readers = query.bytes(12);
  row.principal = query.bytes(13);
  row.policy_epoch = query.integer(14);
  row.scanned_epoch = query.integer(15);
  row.lease_epoch = query.integer(16);
  row.created_ms = query.integer(17);
  row.expires_ms = query.integer(18);
  row.state = static_cast<ApprovalState>(query.integer(19));
  row.decision.allow = query.integer(20) != 0;
  row.decision.decider = query.bytes(21);
  row.decision.note = query.text(22);
  row.decision.time_ms = query.integer(23);
  row.arguments = query.text(kArguments);
  return row;
}

// Whoever waits holds the lease of the session as it did when it asked.
StatusOr<bool> is_alive(Connection& db, const ApprovalRow& row, const Owners& owners) {
  return holds_lease(
      db, {.resource = SharedString::concat({"session:", row.session_id}), .epoch = row.lease_epoch}, owners);
}

// Bounds what is kept: the answered of long ago, what processes that died left of this session, and the
// oldest.
Status make_room(Connection& db, const ApprovalRow& row) {
  TAU_RETURN_IF_ERROR(
      db.prepare("DELETE FROM approvals WHERE state >= 2 AND created_ms < ?1 AND decided_ms < ?1")
          .bind(row.created_ms - kApprovalKeptMs)
          .run());
  TAU_RETURN_IF_ERROR(
      db.prepare("DELETE FROM approvals WHERE session = ?1 AND state < 2 AND lease_epoch <> ?2")
          .bind(row.session_id, row.lease_epoch)
          .run());
  return db
      .prepare(
          "DELETE FROM approvals WHERE id IN"
          " (SELECT id FROM approvals ORDER BY created_ms DESC, id DESC LIMIT -1 OFFSET ?1)")
      .bind(static_cast<int64_t>(kMaxApprovalRows - 1))
      .run();
}

Status insert(Connection& db, const ApprovalRow& row) {
  TAU_RETURN_IF_ERROR(make_room(db, row));
  Statement& put = db.prepare(
      "INSERT INTO approvals(id, session, run, call, tool, effect, reason, scope, not_sandboxed, arguments,"
      " argument_bytes, binding, integrity, readers, principal, policy_epoch, scanned_epoch, lease_epoch,"
      " created_ms, expires_ms, state, allow, decider, note, decided_ms)"
      " VALUES(?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15, ?16, ?17, ?18, ?19, ?20,"
      " 0, 0, '', '', 0)");
  put.bind(row.id, row.session_id, row.run_id, row.call_id, row.tool, row.effect, row.reason, row.scope,
           int64_t{row.not_sandboxed}, row.arguments, row.argument_bytes, row.binding, row.integrity,
           row.readers, row.principal, row.policy_epoch, row.scanned_epoch, row.lease_epoch, row.created_ms,
           row.expires_ms);
  return put.run();
}

Status unknown(std::string_view id) {
  return not_found("approval_unknown", format("there is no approval {}", repair_utf8(id)));
}

Status decided_already(std::string_view id) {
  return failed_precondition("approval_decided", format("{} was decided already", id));
}

// Its own host's answer, or time: the first one counts.
Status settle(Connection& db, const ApprovalEdit& edit, ApprovalState state) {
  const ApprovalDecision& by = edit.decision;
  Statement& update = db.prepare(
      "UPDATE approvals SET state = ?2, allow = ?3, decider = ?4, note = ?5, decided_ms = ?6, arguments = ''"
      " WHERE id = ?1 AND state = 0");
  update.bind(edit.id, value_of(state), int64_t{by.allow}, by.decider, by.note, by.time_ms);
  TAU_RETURN_IF_ERROR(update.run());
  if (db.changes() == 1) return ok_status();
  Statement& query = db.prepare("SELECT 1 FROM approvals WHERE id = ?1 AND state = 1");
  query.bind(edit.id);
  TAU_ASSIGN_OR_RETURN(const bool decided, query.step());
  query.reset();
  return decided ? decided_already(edit.id) : unknown(edit.id);
}

}  // namespace

Status apply_approval_edit(Connection& db, const ApprovalEdit& edit) {
  using Kind = ApprovalEdit::Kind;
  switch (edit.kind) {
    case Kind::kAsk: return insert(db, *edit.row);
    case Kind::kAnswer: return settle(db, edit, ApprovalState::kApplied);
    case Kind::kExpire: return settle(db, edit, ApprovalState::kWithdrawn);
    case Kind::kApply:
      return db.prepare("UPDATE approvals SET state = 2, arguments = '' WHERE id = ?1 AND state = 1")
          .bind(edit.id)
          .run();
    case Kind::kReturn:
      return db
          .prepare(
              "UPDATE approvals SET state = 0, allow = 0, decider = '', note = '', decided_ms = 0"
              " WHERE id = ?1 AND state = 1")
          .bind(edit.id)
          .run();
    case Kind::kWithdraw:
      return db.prepare("UPDATE approvals SET state = 3, arguments = '' WHERE id = ?1 AND state < 2")
          .bind(edit.id)
          .run();
  }
  return ok_status();
}

Status decide_approval(Connection& db, std::string_view id, const ApprovalDecision& decision,
                       const Owners& owners) {
  TAU_ASSIGN_OR_RETURN(const ApprovalRow row, read_approval(db, id, owners));
  if (row.state == ApprovalState::kWithdrawn)
    return failed_precondition("approval_withdrawn", format("nobody waits for {} any more", id));
  if (row.state != ApprovalState::kWaiting) return decided_already(id);
  if (!row.alive)
    return failed_precondition("approval_stale", format("the process that waited for {} is gone", id));
  if (row.expires_ms != 0 && row.expires_ms <= decision.time_ms)
    return failed_precondition("approval_expired", format("{} has expired", id));
  return db
      .prepare(
          "UPDATE approvals SET state = 1, allow = ?2, decider = ?3, note = ?4, decided_ms = ?5"
          " WHERE id = ?1 AND state = 0")
      .bind(id, int64_t{decision.allow}, decision.decider, decision.note, decision.time_ms)
      .run();
}

StatusOr<std::vector<ApprovalRow>> read_approvals(Connection& db, bool all, const Owners& owners) {
  Statement& query = db.prepare(kEach.c_str());
  const ApprovalState end = all ? ApprovalState::kWithdrawn : ApprovalState::kDecided;
  query.bind(value_of(end) + 1, static_cast<int64_t>(kMaxApprovalRows));
  std::vector<ApprovalRow> rows;
  while (true) {
    TAU_ASSIGN_OR_RETURN(const bool more, query.step());
    if (!more) break;
    rows.push_back(read_row(query));
  }
  query.reset();
  for (ApprovalRow& row : rows) { TAU_ASSIGN_OR_RETURN(row.alive, is_alive(db, row, owners)); }
  return rows;
}

StatusOr<ApprovalRow> read_approval(Connection& db, std::string_view id, const Owners& owners) {
  Statement& query = db.prepare(kOne.c_str());
  query.bind(id);
  TAU_ASSIGN_OR_RETURN(const bool found, query.step());
  if (!found) {
    query.reset();
    return unknown(id);
  }
  ApprovalRow row = read_row(query);
  query.reset();
  TAU_ASSIGN_OR_RETURN(row.alive, is_alive(db, row, owners));
  return row;
}

StatusOr<std::vector<DecidedApproval>> read_decided(Connection& db) {
  Statement& query = db.prepare("SELECT id, allow, decider, note, decided_ms FROM approvals WHERE state = 1");
  std::vector<DecidedApproval> decided;
  while (true) {
    TAU_ASSIGN_OR_RETURN(const bool more, query.step());
    if (!more) break;
    decided.push_back({.id = query.text(0),
                       .decision = {.allow = query.integer(1) != 0,
                                    .decider = query.bytes(2),
                                    .note = query.text(3),
                                    .time_ms = query.integer(4)}});
  }
  query.reset();
  return decided;
}

}  // namespace tau::store
