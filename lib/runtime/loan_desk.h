// The ledger of budgets as provider asks for it, kept by the store. Private to runtime.
#pragma once

#include <memory>

#include "provider/provider.h"
#include "store/store.h"

namespace tau::runtime {

// The store outlives what is returned.
std::unique_ptr<provider::LoanDesk> make_loan_desk(store::Store& store);

}  // namespace tau::runtime
