// From the words of provider to those of store.
#include "runtime/loan_desk.h"

namespace tau::runtime {
namespace {

class StoreDesk final : public provider::LoanDesk {
 public:
  explicit StoreDesk(store::Store& store) : store_(store) {}

  void lend(provider::LoanAsk ask, UniqueFunction<void(StatusOr<provider::Loan>)> done) override {
    store_.lend({.scope = std::move(ask.scope),
                 .cap_usd_micros = ask.cap_usd_micros,
                 .block = ask.block,
                 .need_usd_micros = ask.need_usd_micros,
                 .want_usd_micros = ask.want_usd_micros},
                [done = std::move(done)](StatusOr<store::Loan> loan) mutable {
                  if (!loan.ok()) return done(loan.status());
                  done(provider::Loan{.block = loan->block,
                                      .granted_usd_micros = loan->granted_usd_micros,
                                      .remaining_usd_micros = loan->remaining_usd_micros});
                });
  }

  // What cannot be given back is lost, not spent twice.
  void repay(provider::Repayment repayment) override {
    store_.repay({.scope = std::move(repayment.scope),
                  .block = repayment.block,
                  .unused_usd_micros = repayment.unused_usd_micros},
                 nullptr);
  }

 private:
  store::Store& store_;
};

}  // namespace

std::unique_ptr<provider::LoanDesk> make_loan_desk(store::Store& store) {
  return std::make_unique<StoreDesk>(store);
}

}  // namespace tau::runtime
