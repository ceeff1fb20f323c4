// Budgets: spent <= lent <= cap, in every interleaving of calls, leases, crashes and processes.
#include <gtest/gtest.h>

#include <limits>
#include <map>
#include <memory>
#include <optional>

#include "provider/budget.h"
#include "seeds.h"

namespace tau::provider {
namespace {

using Kind = Budget::Answer::Kind;

// The ledger as its contract says, in the simplest form.
class Ledger {
 public:
  Loan lend(const LoanAsk& ask) {
    int64_t& lent = lent_[ask.scope.str()];
    const int64_t left = ask.cap_usd_micros - lent;
    Loan loan{
        .block = ask.block, .granted_usd_micros = 0, .remaining_usd_micros = std::max<int64_t>(left, 0)};
    if (left < ask.need_usd_micros) return loan;
    if (loan.block == 0) loan.block = ++last_block_;
    loan.granted_usd_micros = std::min(left, ask.want_usd_micros);
    loan.remaining_usd_micros = left - loan.granted_usd_micros;
    lent += loan.granted_usd_micros;
    return loan;
  }
  void repay(const Repayment& repayment) { lent_[repayment.scope.str()] -= repayment.unused_usd_micros; }
  int64_t lent(const std::string& scope) const {
    const auto at = lent_.find(scope);
    return at == lent_.end() ? 0 : at->second;
  }

 private:
  std::map<std::string, int64_t> lent_;
  int64_t last_block_ = 0;
};

// Answers every ask at once.
void settle_asks(Budget& budget, Ledger& ledger) {
  Budget::Ask ask;
  while (budget.next_ask(&ask)) budget.on_loan(ask.account, ledger.lend(ask.loan), 0);
  Repayment repayment;
  while (budget.next_repayment(&repayment)) ledger.repay(repayment);
}

std::optional<Status> decision_of(Budget& budget, uint64_t id) {
  Budget::Decision decision;
  while (budget.next_decision(&decision))
    if (decision.id == id) return decision.status;
  return std::nullopt;
}

TEST(Budget, WaitsForALeaseAndSpendsItInMemory) {
  Budget budget;
  Ledger ledger;
  const BudgetCap cap{"day", 1'600};
  const Budget::Answer first = budget.reserve({&cap, 1}, 60, 0);
  ASSERT_EQ(first.kind, Kind::kWaiting);
  settle_asks(budget, ledger);
  EXPECT_TRUE(decision_of(budget, first.id)->ok());
  EXPECT_EQ(ledger.lent("day"), 100);
  const Budget::Answer second = budget.reserve({&cap, 1}, 40, 0);
  EXPECT_EQ(second.kind, Kind::kReserved);
  budget.settle(first.id, 10, 0);
  EXPECT_EQ(budget.reserve({&cap, 1}, 50, 0).kind, Kind::kReserved);
}

TEST(Budget, WhatIsNotSpentComesBackToTheLedger) {
  Budget budget;
  Ledger ledger;
  const BudgetCap cap{"day", 1'600};
  const uint64_t id = budget.reserve({&cap, 1}, 60, 0).id;
  settle_asks(budget, ledger);
  budget.give_back(0, true);
  settle_asks(budget, ledger);
  EXPECT_EQ(ledger.lent("day"), 100) << "a call is under way";
  budget.settle(id, 7, 0);
  budget.give_back(Budget::kIdleNs - 1, false);
  settle_asks(budget, ledger);
  EXPECT_EQ(ledger.lent("day"), 100);
  budget.give_back(Budget::kIdleNs, false);
  settle_asks(budget, ledger);
  EXPECT_EQ(ledger.lent("day"), 7);
}

TEST(Budget, RefusesWhatTheCapDoesNotHoldAndNamesIt) {
  Budget budget;
  Ledger ledger;
  const BudgetCap caps[] = {{"session:s", 1'000}, {"day", 100}};
  EXPECT_EQ(budget.reserve(caps, 101, 0).refusal.reason(), "budget_exceeded");
  const uint64_t id = budget.reserve(caps, 100, 0).id;
  settle_asks(budget, ledger);
  ASSERT_TRUE(decision_of(budget, id)->ok());
  const Budget::Answer more = budget.reserve(caps, 1, 0);
  settle_asks(budget, ledger);
  const std::optional<Status> refused = decision_of(budget, more.id);
  ASSERT_TRUE(refused.has_value());
  EXPECT_EQ(refused->reason(), "budget_exceeded");
  EXPECT_NE(refused->message().find("day"), std::string_view::npos);
  budget.settle(id, 100, 0);
  EXPECT_EQ(ledger.lent("day"), 100);
}

TEST(Budget, AnUnknownOutcomeCostsAllThatWasReserved) {
  Budget budget;
  Ledger ledger;
  const BudgetCap cap{"day", 100};
  const uint64_t id = budget.reserve({&cap, 1}, 100, 0).id;
  settle_asks(budget, ledger);
  budget.forfeit(id, 0);
  budget.give_back(0, true);
  settle_asks(budget, ledger);
  EXPECT_EQ(ledger.lent("day"), 100);
}

TEST(Budget, ALedgerThatFailsRefusesTheCall) {
  Budget budget;
  const BudgetCap cap{"day", 100};
  const uint64_t id = budget.reserve({&cap, 1}, 1, 0).id;
  Budget::Ask ask;
  ASSERT_TRUE(budget.next_ask(&ask));
  budget.on_loan(ask.account, data_loss("store_poisoned", "broken"), 0);
  EXPECT_EQ(decision_of(budget, id)->reason(), "budget_unavailable");
}

TEST(Budget, ABlockThatTheLedgerDoesNotKnowIsNotSpent) {
  Budget budget;
  Ledger ledger;
  const BudgetCap cap{"day", 1'600};
  const uint64_t first = budget.reserve({&cap, 1}, 60, 0).id;
  settle_asks(budget, ledger);
  ASSERT_TRUE(decision_of(budget, first)->ok());
  const uint64_t second = budget.reserve({&cap, 1}, 60, 0).id;  // 40 are left of the block
  Budget::Ask ask;
  ASSERT_TRUE(budget.next_ask(&ask));
  EXPECT_NE(ask.loan.block, 0);
  budget.on_loan(ask.account, Status(Code::kAborted, "lease_lost", ""), 0);
  EXPECT_EQ(decision_of(budget, second)->reason(), "budget_unavailable");
  EXPECT_EQ(budget.account("day").available, 0);
  const uint64_t third = budget.reserve({&cap, 1}, 10, 0).id;
  ASSERT_TRUE(budget.next_ask(&ask));
  EXPECT_EQ(ask.loan.block, 0) << "a new one";
  budget.on_loan(ask.account, ledger.lend(ask.loan), 0);
  EXPECT_TRUE(decision_of(budget, third)->ok());
}

TEST(Budget, AnAnswerDearerThanItsBoundIsOwedToTheLedger) {
  Budget budget;
  Ledger ledger;
  const BudgetCap cap{"day", 160};
  const uint64_t id = budget.reserve({&cap, 1}, 10, 0).id;
  settle_asks(budget, ledger);
  budget.settle(id, 50, 0);
  EXPECT_EQ(budget.account("day").available, -40);
  const uint64_t next = budget.reserve({&cap, 1}, 10, 0).id;
  settle_asks(budget, ledger);
  EXPECT_TRUE(decision_of(budget, next)->ok());
  EXPECT_GE(ledger.lent("day"), 60);
}

TEST(Budget, NumbersWithoutSenseAreRefused) {
  Budget budget;
  const BudgetCap cap{"day", 100};
  const BudgetCap negative{"day", -1};
  EXPECT_EQ(budget.reserve({&cap, 1}, -1, 0).refusal.reason(), "invalid_budget");
  EXPECT_EQ(budget.reserve({&negative, 1}, 0, 0).refusal.reason(), "invalid_budget");
  EXPECT_EQ(budget.reserve({&cap, 1}, std::numeric_limits<int64_t>::max(), 0).refusal.reason(),
            "budget_exceeded");
  EXPECT_EQ(budget.reserve({&cap, 1}, 0, 0).kind, Kind::kReserved);
}

TEST(Budget, DaysAreThoseOfUtc) {
  EXPECT_EQ(budget_day(0), "1970-01-01");
  EXPECT_EQ(budget_day(-1), "1970-01-01");
  EXPECT_EQ(budget_day(951'782'399'999), "2000-02-28");
  EXPECT_EQ(budget_day(951'782'400'000), "2000-02-29");
  EXPECT_EQ(budget_day(1'795'823'999'999), "2026-11-27");
}

// Four processes with one ledger. Leases arrive late and in any order, processes die, some outcomes are lost.
class Machine {
 public:
  explicit Machine(uint64_t seed) : dice_(seed), seed_(seed) {
    for (const char* scope : {"day", "principal:a", "session:s"})
      caps_.push_back({scope, 50 + dice_.below(2'000)});
    for (auto& process : processes_) process = std::make_unique<Process>();
  }

  void run(bool crashes) {
    for (int step = 0; step < 150 && !testing::Test::HasFatalFailure(); ++step) {
      now_ += dice_.below(2'000) * kNanosPerMilli;
      auto& process = processes_[static_cast<size_t>(dice_.below(4))];
      switch (dice_.below(crashes && dice_.one_in(10) ? 7 : 6)) {
        case 0:
        case 1: begin(*process); break;
        case 2: answer(*process); break;
        case 3: end(*process); break;
        case 4: process->budget.give_back(now_, dice_.one_in(8)); break;
        case 5: cancel(*process); break;
        default: crash(process);
      }
      collect(*process);
      check();
    }
    finish(crashes);
  }

 private:
  struct Call {
    int64_t amount = 0;
    std::vector<std::string> scopes;
  };
  struct Process {
    Budget budget;
    std::vector<std::pair<uint64_t, StatusOr<Loan>>> answers;  // on their way
    std::map<uint64_t, Call> waiting;
    std::map<uint64_t, Call> running;
  };

  void begin(Process& process) {
    Call call{.amount = dice_.below(120), .scopes = {}};
    std::vector<BudgetCap> caps;
    for (const BudgetCap& cap : caps_) {
      if (dice_.one_in(3)) continue;
      caps.push_back(cap);
      call.scopes.push_back(cap.scope.str());
    }
    const Budget::Answer answer = process.budget.reserve(caps, call.amount, now_);
    if (answer.kind == Kind::kReserved) run_call(process, answer.id, call);
    if (answer.kind == Kind::kWaiting) process.waiting.emplace(answer.id, call);
  }
  void run_call(Process& process, uint64_t id, const Call& call) {
    for (const std::string& scope : call.scopes) possible_[scope] += call.amount;
    process.running.emplace(id, call);
  }
  // The ledger acts when it is asked; its answer travels.
  void collect(Process& process) {
    Budget::Ask ask;
    while (process.budget.next_ask(&ask)) {
      const bool fails = dice_.one_in(40);
      // A lease whose answer is lost is lent all the same.
      const Loan loan = ledger_.lend(ask.loan);
      StatusOr<Loan> told = loan;
      if (fails) told = unavailable("store_busy", "lost");
      lost_ = lost_ || (fails && loan.granted_usd_micros > 0);
      process.answers.emplace_back(ask.account, told);
    }
    Repayment repayment;
    while (process.budget.next_repayment(&repayment)) ledger_.repay(repayment);
    Budget::Decision decision;
    while (process.budget.next_decision(&decision)) {
      const auto at = process.waiting.find(decision.id);
      ASSERT_NE(at, process.waiting.end()) << seed_;
      if (decision.status.ok()) run_call(process, decision.id, at->second);
      process.waiting.erase(at);
    }
  }
  void answer(Process& process) {
    if (process.answers.empty()) return;
    const auto at = static_cast<size_t>(dice_.below(static_cast<int64_t>(process.answers.size())));
    const auto [account, loan] = process.answers[at];
    process.answers.erase(process.answers.begin() + static_cast<std::ptrdiff_t>(at));
    process.budget.on_loan(account, loan, now_);
  }
  void end(Process& process) {
    if (process.running.empty()) return;
    const auto at = process.running.begin();
    const int64_t cost = dice_.below(at->second.amount + 1);
    const bool unknown = dice_.one_in(5);
    if (unknown) {
      process.budget.forfeit(at->first, now_);
    } else {
      process.budget.settle(at->first, cost, now_);
      for (const std::string& scope : at->second.scopes) possible_[scope] -= at->second.amount - cost;
    }
    process.running.erase(at);
  }
  void cancel(Process& process) {
    if (process.waiting.empty()) return;
    process.budget.cancel(process.waiting.begin()->first, now_);
    process.waiting.erase(process.waiting.begin());
  }
  // Calls that were under way may have cost all that was reserved.
  void crash(std::unique_ptr<Process>& process) { process = std::make_unique<Process>(); }

  void check() {
    for (const BudgetCap& cap : caps_) {
      const std::string scope = cap.scope.str();
      ASSERT_LE(possible_[scope], ledger_.lent(scope)) << seed_ << " " << scope;
      ASSERT_LE(ledger_.lent(scope), cap.cap_usd_micros) << seed_ << " " << scope;
    }
  }
  // Nobody waits for ever; and without a crash nothing stays lent that was not spent.
  void finish(bool crashed) {
    for (auto& process : processes_) {
      for (int round = 0; !process->waiting.empty(); ++round) {
        ASSERT_LT(round, 1'000) << seed_;
        collect(*process);
        while (!process->answers.empty()) answer(*process);
        collect(*process);
        if (round > 10) end(*process);
      }
      while (!process->answers.empty()) answer(*process);
      while (!process->running.empty()) end(*process);
      process->budget.give_back(now_, true);
      collect(*process);
    }
    check();
    if (crashed || lost_) return;
    for (const BudgetCap& cap : caps_)
      ASSERT_EQ(possible_[cap.scope.str()], ledger_.lent(cap.scope.str())) << seed_;
  }

  test::Dice dice_;
  const uint64_t seed_;
  Ledger ledger_;
  std::vector<BudgetCap> caps_;
  std::array<std::unique_ptr<Process>, 4> processes_;
  std::map<std::string, int64_t> possible_;  // the most that calls have cost so far
  bool lost_ = false;
  int64_t now_ = 0;
};

TEST(Budget, IsNeverOverAndLosesNothingWithoutACrash) {
  for (uint64_t seed = 0; seed < test::kSeeds; ++seed) {
    Machine(seed).run(false);
    if (HasFatalFailure()) FAIL() << "seed " << seed;
  }
}

TEST(Budget, IsNeverOverWhenProcessesDie) {
  for (uint64_t seed = 0; seed < test::kSeeds; ++seed) {
    Machine(seed).run(true);
    if (HasFatalFailure()) FAIL() << "seed " << seed;
  }
}

}  // namespace
}  // namespace tau::provider
