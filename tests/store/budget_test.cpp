// The ledger of budgets: however many processes ask and die, no more is lent than the cap.
#include <gtest/gtest.h>

#include <future>

#include "child.h"
#include "store_fixture.h"

namespace tau::store {
namespace {

StatusOr<Loan> lend(Store& store, LoanAsk ask) {
  std::promise<StatusOr<Loan>> told;
  store.lend(std::move(ask), [&](StatusOr<Loan> loan) { told.set_value(std::move(loan)); });
  return told.get_future().get();
}

Status repay(Store& store, Repayment repayment) {
  std::promise<Status> told;
  store.repay(std::move(repayment), [&](Status status) { told.set_value(std::move(status)); });
  return told.get_future().get();
}

BudgetRecord record_of(Store& store, std::string_view scope) {
  auto records = store.list_budgets(scope);
  EXPECT_TRUE(records.ok()) << records.status().to_string();
  return records.ok() && !records->empty() ? records->front() : BudgetRecord();
}

class StoreBudget : public testing::Test {
 protected:
  std::unique_ptr<Store> open() {
    auto store = open_store({.path = dir_.file("tau.db")}, clock_);
    if (store.ok()) return std::move(*store);
    std::fprintf(stderr, "open_store: %s\n", store.status().to_string().c_str());
    return nullptr;
  }
  TempDir dir_;
  FixedClock clock_;
};

// Both stores keep the same contract.
void keeps_the_contract(Store& store) {
  const LoanAsk ask = {.scope = "day", .cap_usd_micros = 100, .need_usd_micros = 10, .want_usd_micros = 60};
  const auto first = lend(store, ask);
  ASSERT_TRUE(first.ok()) << first.status().to_string();
  EXPECT_EQ(first->granted_usd_micros, 60);
  EXPECT_EQ(first->remaining_usd_micros, 40);
  LoanAsk more = ask;
  more.block = first->block;
  EXPECT_EQ(lend(store, more)->granted_usd_micros, 40) << "what is left";
  const auto none = lend(store, ask);
  EXPECT_EQ(none->granted_usd_micros, 0);
  EXPECT_EQ(none->remaining_usd_micros, 0);
  EXPECT_EQ(record_of(store, "day").lent_usd_micros, 100);
  EXPECT_EQ(record_of(store, "day").held_usd_micros, 100);

  const Repayment back = {.scope = "day", .block = first->block, .unused_usd_micros = 70};
  EXPECT_EQ(repay(store, {.scope = "day", .block = first->block, .unused_usd_micros = 101}).reason(),
            "lease_lost");
  EXPECT_EQ(repay(store, {.scope = "other", .block = first->block, .unused_usd_micros = 1}).reason(),
            "lease_lost");
  EXPECT_TRUE(repay(store, back).ok());
  EXPECT_EQ(repay(store, back).reason(), "lease_lost") << "only once";
  EXPECT_EQ(lend(store, more).status().reason(), "lease_lost") << "it went back";
  EXPECT_EQ(record_of(store, "day").lent_usd_micros, 30);
  EXPECT_EQ(lend(store, {.scope = "day", .cap_usd_micros = 100, .need_usd_micros = 71, .want_usd_micros = 71})
                ->granted_usd_micros,
            0);

  // A cap that was lowered lends nothing; more than the block was spent is owed.
  EXPECT_EQ(lend(store, {.scope = "day", .cap_usd_micros = 30, .need_usd_micros = 1, .want_usd_micros = 1})
                ->granted_usd_micros,
            0);
  const auto last = lend(store, ask);
  EXPECT_TRUE(repay(store, {.scope = "day", .block = last->block, .unused_usd_micros = -40}).ok());
  EXPECT_EQ(record_of(store, "day").lent_usd_micros, 30 + 60 + 40);

  for (const LoanAsk& bad :
       {LoanAsk{.scope = "", .cap_usd_micros = 1, .need_usd_micros = 1, .want_usd_micros = 1},
        LoanAsk{.scope = "x", .cap_usd_micros = -1, .need_usd_micros = 1, .want_usd_micros = 1},
        LoanAsk{.scope = "x", .cap_usd_micros = 9, .need_usd_micros = 0, .want_usd_micros = 1},
        LoanAsk{.scope = "x", .cap_usd_micros = 9, .need_usd_micros = 2, .want_usd_micros = 1}})
    EXPECT_EQ(lend(store, bad).status().reason(), "invalid_budget");
}

TEST_F(StoreBudget, LendsUpToTheCapAndTakesBackOnce) { keeps_the_contract(*open()); }
TEST_F(StoreBudget, SoDoesTheStoreWithoutADisk) { keeps_the_contract(*make_memory_store(clock_)); }

TEST_F(StoreBudget, WhatIsLentIsThereAfterReopening) {
  ASSERT_TRUE(
      lend(*open(), {.scope = "day", .cap_usd_micros = 100, .need_usd_micros = 60, .want_usd_micros = 60})
          .ok());
  const auto store = open();
  EXPECT_EQ(record_of(*store, "day").lent_usd_micros, 60);
  EXPECT_EQ(
      lend(*store, {.scope = "day", .cap_usd_micros = 100, .need_usd_micros = 41, .want_usd_micros = 41})
          ->granted_usd_micros,
      0);
}

TEST_F(StoreBudget, ABlockOfAProcessThatWasKilledIsLost) {
  Child child([this](Child& self) {
    const auto store = open();
    const auto loan =
        lend(*store, {.scope = "day", .cap_usd_micros = 100, .need_usd_micros = 60, .want_usd_micros = 60});
    self.ready();
    self.wait_for_parent();
    return loan.ok();
  });
  child.await_ready();
  child.kill();
  const auto store = open();
  EXPECT_EQ(record_of(*store, "day").lost_usd_micros, 60);
  const auto loan =
      lend(*store, {.scope = "day", .cap_usd_micros = 100, .need_usd_micros = 40, .want_usd_micros = 60});
  EXPECT_EQ(loan->granted_usd_micros, 40);
  // Block ids are those of a process: nobody gives back what another one held.
  EXPECT_EQ(repay(*store, {.scope = "day", .block = loan->block - 1, .unused_usd_micros = 1}).reason(),
            "lease_lost");
}

// Four processes ask, spend and give back as fast as they can; one of them is killed in the middle.
TEST_F(StoreBudget, FourProcessesAreNeverOver) {
  constexpr int64_t kCap = 5'000;
  const auto work = [this](Child& self) {
    const auto store = open();
    self.ready();
    self.wait_for_parent();
    for (int i = 0; i < 60; ++i) {
      const auto loan = lend(
          *store, {.scope = "day", .cap_usd_micros = kCap, .need_usd_micros = 20, .want_usd_micros = 50});
      if (!loan.ok()) return false;
      if (loan->granted_usd_micros == 0) return true;
      if (!repay(*store,
                 {.scope = "day", .block = loan->block, .unused_usd_micros = loan->granted_usd_micros - 20})
               .ok())
        return false;
    }
    return true;
  };
  (void)open();
  Child a(work), b(work), c(work);
  auto doomed = std::make_unique<Child>([&](Child& self) {
    self.ready();
    const auto store = open();
    for (;;)
      (void)lend(*store,
                 {.scope = "day", .cap_usd_micros = kCap, .need_usd_micros = 1, .want_usd_micros = 1});
    return true;
  });
  for (Child* child : {&a, &b, &c, doomed.get()}) child->await_ready();
  for (Child* child : {&a, &b, &c}) child->go_on();
  EXPECT_TRUE(a.finish());
  doomed->kill();
  EXPECT_TRUE(b.finish());
  EXPECT_TRUE(c.finish());
  const auto store = open();
  const BudgetRecord record = record_of(*store, "day");
  EXPECT_LE(record.lent_usd_micros, kCap);
  EXPECT_EQ(record.held_usd_micros, 0);
  // Three processes spent 20 of each loan, and the rest is what the dead one held.
  EXPECT_EQ((record.lent_usd_micros - record.lost_usd_micros) % 20, 0);
}

TEST_F(StoreBudget, WhoMayNotWriteIsTold) {
  (void)open();
  auto store = open_store({.path = dir_.file("tau.db"), .read_only = true}, clock_);
  ASSERT_TRUE(store.ok());
  EXPECT_EQ(lend(**store, {.scope = "x", .cap_usd_micros = 1, .need_usd_micros = 1, .want_usd_micros = 1})
                .status()
                .reason(),
            "store_read_only");
}

}  // namespace
}  // namespace tau::store
