// What is lent of a cap changes in one transaction with the block that it is lent to.
#include "store/budget.h"

#include <algorithm>
#include <limits>

namespace tau::store {
namespace {

StatusOr<int64_t> read_lent(Connection& db, std::string_view scope) {
  Statement& query = db.prepare("SELECT lent FROM budgets WHERE scope = ?1");
  query.bind(scope);
  TAU_ASSIGN_OR_RETURN(const bool row, query.step());
  const int64_t lent = row ? query.integer(0) : 0;
  query.reset();
  return lent;
}

Status add_lent(Connection& db, std::string_view scope, int64_t amount, int64_t now_ms) {
  return db
      .prepare(
          "INSERT INTO budgets(scope, lent, changed_ms) VALUES(?1, ?2, ?3)"
          " ON CONFLICT(scope) DO UPDATE SET lent = lent + ?2, changed_ms = ?3")
      .bind(scope, amount, now_ms)
      .run();
}

Status not_held(int64_t block, std::string_view scope) {
  return Status(Code::kAborted, "lease_lost",
                format("block {} of the budget {} is not held by this process", block, scope));
}

// The block must be this process's own.
Status add_to_block(Connection& db, const LoanAsk& ask, int64_t amount, const ProcessIdentity& self) {
  Statement& update = db.prepare(
      "UPDATE budget_blocks SET granted = granted + ?1 WHERE id = ?2 AND scope = ?3 AND boot_id = ?4"
      " AND pid = ?5 AND start_time = ?6 AND pid_namespace = ?7");
  update.bind(amount, ask.block, ask.scope, self.boot_id, self.pid, self.start_time, self.pid_namespace);
  TAU_RETURN_IF_ERROR(update.run());
  return db.changes() == 1 ? ok_status() : not_held(ask.block, ask.scope);
}

StatusOr<int64_t> make_block(Connection& db, const LoanAsk& ask, int64_t amount,
                             const ProcessIdentity& self) {
  Statement& insert = db.prepare(
      "INSERT INTO budget_blocks(scope, granted, boot_id, pid, start_time, pid_namespace)"
      " VALUES(?1, ?2, ?3, ?4, ?5, ?6)");
  insert.bind(ask.scope, amount, self.boot_id, self.pid, self.start_time, self.pid_namespace);
  TAU_RETURN_IF_ERROR(insert.run());
  return db.last_rowid();
}

}  // namespace

Status check_loan(const LoanAsk& ask) {
  const bool sound = !ask.scope.empty() && ask.cap_usd_micros >= 0 && ask.need_usd_micros > 0 &&
                     ask.want_usd_micros >= ask.need_usd_micros && ask.block >= 0;
  if (sound) return ok_status();
  return invalid_argument(
      "invalid_budget",
      format("{} to {} micro-dollars of the budget \"{}\" of {} cannot be lent", ask.need_usd_micros,
             ask.want_usd_micros, ask.scope.view(), ask.cap_usd_micros));
}

Loan loan_of(const LoanAsk& ask, int64_t lent) {
  Loan loan{.block = ask.block, .granted_usd_micros = 0, .remaining_usd_micros = 0};
  if (lent >= ask.cap_usd_micros) return loan;
  // Overflows for no amounts that can be lent: below zero the ledger holds nothing that anybody wrote.
  const int64_t left = ask.cap_usd_micros - std::max<int64_t>(lent, 0);
  loan.granted_usd_micros = left < ask.need_usd_micros ? 0 : std::min(left, ask.want_usd_micros);
  loan.remaining_usd_micros = left - loan.granted_usd_micros;
  return loan;
}

StatusOr<Loan> lend(Connection& db, const LoanAsk& ask, const Owners& owners, int64_t now_ms) {
  TAU_RETURN_IF_ERROR(check_loan(ask));
  TAU_ASSIGN_OR_RETURN(const int64_t lent, read_lent(db, ask.scope));
  Loan loan = loan_of(ask, lent);
  if (loan.granted_usd_micros == 0) return loan;
  TAU_RETURN_IF_ERROR(add_lent(db, ask.scope, loan.granted_usd_micros, now_ms));
  if (loan.block != 0) {
    TAU_RETURN_IF_ERROR(add_to_block(db, ask, loan.granted_usd_micros, owners.self()));
  } else {
    TAU_ASSIGN_OR_RETURN(loan.block, make_block(db, ask, loan.granted_usd_micros, owners.self()));
  }
  return loan;
}

// A block goes back once, by the process that has it: the row is gone then. More than it holds never does.
Status repay(Connection& db, const Repayment& repayment, const Owners& owners, int64_t now_ms) {
  const ProcessIdentity& self = owners.self();
  Statement& remove = db.prepare(
      "DELETE FROM budget_blocks WHERE id = ?1 AND scope = ?2 AND granted >= ?3 AND boot_id = ?4 AND pid = ?5"
      " AND start_time = ?6 AND pid_namespace = ?7");
  remove.bind(repayment.block, repayment.scope, repayment.unused_usd_micros, self.boot_id, self.pid,
              self.start_time, self.pid_namespace);
  TAU_RETURN_IF_ERROR(remove.run());
  if (db.changes() != 1) return not_held(repayment.block, repayment.scope);
  // The most that an overrun can make of the sum stays within the type.
  const int64_t unused = std::max(repayment.unused_usd_micros, std::numeric_limits<int64_t>::min() / 1'024);
  return unused == 0 ? ok_status() : add_lent(db, repayment.scope, -unused, now_ms);
}

StatusOr<std::vector<BudgetRecord>> read_budgets(Connection& db, std::string_view prefix,
                                                 const Owners& owners) {
  std::vector<BudgetRecord> records;
  Statement& query = db.prepare(
      "SELECT scope, lent, changed_ms FROM budgets WHERE substr(scope, 1, length(?1)) = ?1 ORDER BY scope");
  query.bind(prefix);
  for (;;) {
    TAU_ASSIGN_OR_RETURN(const bool row, query.step());
    if (!row) break;
    records.push_back({.scope = query.text(0),
                       .lent_usd_micros = query.integer(1),
                       .held_usd_micros = 0,
                       .lost_usd_micros = 0,
                       .changed_ms = query.integer(2)});
  }
  query.reset();
  Statement& blocks = db.prepare(
      "SELECT granted, boot_id, pid, start_time, pid_namespace FROM budget_blocks WHERE scope = ?1");
  for (BudgetRecord& record : records) {
    blocks.bind(record.scope);
    for (;;) {
      TAU_ASSIGN_OR_RETURN(const bool row, blocks.step());
      if (!row) break;
      const ProcessIdentity owner{.boot_id = blocks.text(1),
                                  .pid = blocks.integer(2),
                                  .start_time = blocks.integer(3),
                                  .pid_namespace = blocks.integer(4)};
      (owners.is_alive(owner) ? record.held_usd_micros : record.lost_usd_micros) += blocks.integer(0);
    }
    blocks.reset();
  }
  return records;
}

}  // namespace tau::store
