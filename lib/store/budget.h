// The ledger of budgets in the database, on a connection of the caller.
#pragma once

#include <string_view>

#include "store/owner.h"
#include "store/sqlite.h"
#include "store/store.h"

namespace tau::store {

// Each runs inside a transaction of the caller.
StatusOr<Loan> lend(Connection& db, const LoanAsk& ask, const Owners& owners, int64_t now_ms);
Status repay(Connection& db, const Repayment& repayment, const Owners& owners, int64_t now_ms);
StatusOr<std::vector<BudgetRecord>> read_budgets(Connection& db, std::string_view prefix,
                                                 const Owners& owners);

// INVALID_ARGUMENT "invalid_budget" for amounts that make no sense.
Status check_loan(const LoanAsk& ask);
// What the ledger lends when so much is lent already; nothing when that is less than what is needed.
Loan loan_of(const LoanAsk& ask, int64_t lent);

}  // namespace tau::store
