// Budgets: caps on what is spent, which hold under any interleaving, after a crash and across processes.
// Pure: it asks for leases and is told of them. Not for several threads at once.
//
// A durable ledger (LoanDesk) lends blocks of each cap to processes; a block is spent in memory. A call
// reserves the most that it can cost in every scope at once, or nothing, and settles what it did cost; one
// whose outcome nobody knows settles at all it reserved. What a process did not give back when it died stays
// lent. So at every moment, and whatever happens: spent <= lent <= cap.
#pragma once

#include <cstdint>
#include <deque>
#include <map>
#include <span>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "base/base.h"

namespace tau::provider {

struct BudgetCap {
  SharedString scope;  // "run:…", "session:…", "principal:…", "day:2026-11-27", and what else holds a name
  int64_t cap_usd_micros = 0;
};

// "2026-11-27": the day of a wall clock in UTC. Times before 1970 count as its first day.
std::string budget_day(int64_t wall_ms);

struct LoanAsk {
  SharedString scope;
  int64_t cap_usd_micros = 0;
  int64_t block = 0;  // that is added to; 0: a new one
  int64_t need_usd_micros = 0;
  int64_t want_usd_micros = 0;  // at least what is needed
};
struct Loan {
  int64_t block = 0;
  int64_t granted_usd_micros = 0;    // from need to want; 0: the cap leaves too little
  int64_t remaining_usd_micros = 0;  // what the cap leaves after this
};
struct Repayment {
  SharedString scope;
  int64_t block = 0;
  // Not spent. Negative: more was spent than the block held, for a provider counted more than its bound.
  int64_t unused_usd_micros = 0;
};

// The ledger. Asked from any thread; answers may come on any other.
class LoanDesk {
 public:
  virtual ~LoanDesk() = default;
  virtual void lend(LoanAsk ask, UniqueFunction<void(StatusOr<Loan>)> done) = 0;
  virtual void repay(Repayment repayment) = 0;
};

class Budget {
 public:
  static constexpr int64_t kIdleNs = 5'000 * kNanosPerMilli;  // then a block goes back
  static constexpr size_t kMaxScopes = 65'536;                // with money or calls in them, at a time

  struct Ask {
    uint64_t account = 0;  // for on_loan()
    LoanAsk loan;
  };
  struct Answer {
    enum class Kind : uint8_t { kReserved, kWaiting, kRefused };
    Kind kind = Kind::kRefused;
    uint64_t id = 0;
    Status refusal;
  };
  struct Decision {  // of a reservation that waited
    uint64_t id = 0;
    Status status;
  };
  struct Account {
    int64_t available = 0;  // lent, neither reserved nor spent; negative after an overrun
    int64_t reserved = 0;
    int64_t spent = 0;  // of the block that is open now
  };

  // Takes `amount` in all scopes, or waits for a lease. RESOURCE_EXHAUSTED "budget_exceeded" names the scope;
  // INVALID_ARGUMENT "invalid_budget" for an amount or a cap below 0; RESOURCE_EXHAUSTED
  // "budget_scopes_full".
  Answer reserve(std::span<const BudgetCap> caps, int64_t amount, int64_t now_ns);
  // What was reserved did cost so much.
  void settle(uint64_t id, int64_t cost, int64_t now_ns);
  // Nobody knows what it cost: all of it.
  void forfeit(uint64_t id, int64_t now_ns);
  // One that waits goes away.
  void cancel(uint64_t id, int64_t now_ns);

  // What the owner does next: asks the ledger, once for each, and answers; repays; tells who waited.
  bool next_ask(Ask* out);
  void on_loan(uint64_t account, const StatusOr<Loan>& loan, int64_t now_ns);
  bool next_repayment(Repayment* out);
  bool next_decision(Decision* out);

  // Gives back blocks that nobody used for a while; `all`: every one that no call has a part of.
  void give_back(int64_t now_ns, bool all);
  int64_t next_due_ns() const;  // when give_back() may have something to do

  Account account(std::string_view scope) const;
  size_t waiting() const { return waiting_.size(); }

 private:
  struct Purse : Account {
    uint64_t number = 0;
    SharedString scope;
    int64_t cap = 0;
    int64_t block = 0;
    int64_t reservations = 0;
    int64_t waiting = 0;  // reservations
    int64_t wanted = 0;   // by those
    bool asking = false;
    bool holds_up = false;  // somebody waits for this one: nobody passes
    int64_t idle_since_ns = 0;
  };
  struct Reservation {
    std::vector<Purse*> purses;
    int64_t amount = 0;
  };
  using Waiting = std::map<uint64_t, Reservation>;

  Purse* purse(const BudgetCap& cap, int64_t now_ns);
  bool take(uint64_t id, Reservation& reservation);
  void serve();
  void ask(Purse& purse, int64_t need);
  Waiting::iterator decide(Waiting::iterator at, Status status);
  void release(uint64_t id, int64_t cost, bool all, int64_t now_ns);

  std::unordered_map<std::string_view, Purse*> by_scope_;  // keys live in the purses
  std::map<uint64_t, Purse> purses_;
  std::unordered_map<uint64_t, Reservation> reserved_;
  Waiting waiting_;  // in order of arrival
  std::deque<Ask> asks_;
  std::deque<Repayment> repayments_;
  std::deque<Decision> decisions_;
  uint64_t last_id_ = 0;
  uint64_t last_purse_ = 0;
  int64_t now_ns_ = 0;
};

}  // namespace tau::provider
