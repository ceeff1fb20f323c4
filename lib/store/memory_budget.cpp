// The ledger of budgets without a disk.
#include <algorithm>
#include <limits>

#include "store/budget.h"
#include "store/memory_store.h"

namespace tau::store {

StatusOr<Loan> MemoryStore::lend_now(const LoanAsk& ask) {
  TAU_RETURN_IF_ERROR(check_loan(ask));
  const std::lock_guard lock(mutex_);
  const auto known = lent_.find(ask.scope.view());
  Loan loan = loan_of(ask, known == lent_.end() ? 0 : known->second);
  if (loan.granted_usd_micros == 0) return loan;
  if (ask.block == 0) {
    blocks_.emplace(loan.block = ++last_block_, Block{ask.scope.str(), 0});
  } else if (const auto block = blocks_.find(ask.block);
             block == blocks_.end() || block->second.scope != ask.scope.view()) {
    return Status(Code::kAborted, "lease_lost", format("there is no block {}", ask.block));
  }
  blocks_.at(loan.block).granted += loan.granted_usd_micros;
  lent_[ask.scope.str()] += loan.granted_usd_micros;
  return loan;
}

Status MemoryStore::repay_now(const Repayment& repayment) {
  const std::lock_guard lock(mutex_);
  const auto block = blocks_.find(repayment.block);
  if (block == blocks_.end() || block->second.scope != repayment.scope.view() ||
      block->second.granted < repayment.unused_usd_micros)
    return Status(Code::kAborted, "lease_lost", format("there is no such block {}", repayment.block));
  lent_[block->second.scope] -=
      std::max(repayment.unused_usd_micros, std::numeric_limits<int64_t>::min() / 1'024);
  blocks_.erase(block);
  return ok_status();
}

void MemoryStore::lend(LoanAsk ask, UniqueFunction<void(StatusOr<Loan>)> done) { done(lend_now(ask)); }

void MemoryStore::repay(Repayment repayment, UniqueFunction<void(Status)> done) {
  Status status = repay_now(repayment);
  if (done) done(std::move(status));
}

StatusOr<std::vector<BudgetRecord>> MemoryStore::list_budgets(std::string_view prefix) {
  const std::lock_guard lock(mutex_);
  std::vector<BudgetRecord> records;
  for (auto at = lent_.lower_bound(prefix); at != lent_.end() && at->first.starts_with(prefix); ++at) {
    BudgetRecord& record = records.emplace_back();
    record.scope = at->first;
    record.lent_usd_micros = at->second;
    for (const auto& [id, block] : blocks_)
      if (block.scope == at->first) record.held_usd_micros += block.granted;
  }
  return records;
}

}  // namespace tau::store
