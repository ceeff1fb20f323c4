// Budgets in memory, on top of leases.
#include "provider/budget.h"

#include <algorithm>
#include <limits>

namespace tau::provider {
namespace {

// A block is a sixteenth of its cap: most calls of a process need no other lease, and what others cannot have
// meanwhile is little.
constexpr int64_t kBlocksPerCap = 16;

Status exceeded(std::string_view scope, int64_t cap, int64_t amount, int64_t left) {
  return resource_exhausted(
      "budget_exceeded",
      format("the call may cost {} micro-dollars; of the budget {}, {} in all, {} are left", amount, scope,
             cap, std::max<int64_t>(left, 0)));
}

}  // namespace

// Days to civil date: Howard Hinnant, "chrono-compatible low-level date algorithms".
std::string budget_day(int64_t wall_ms) {
  const int64_t z = std::max<int64_t>(wall_ms, 0) / 86'400'000 + 719'468;
  const int64_t era = z / 146'097;
  const int64_t doe = z - era * 146'097;
  const int64_t yoe = (doe - doe / 1'460 + doe / 36'524 - doe / 146'096) / 365;
  const int64_t doy = doe - (365 * yoe + yoe / 4 - yoe / 100);
  const int64_t mp = (5 * doy + 2) / 153;
  const int64_t month = mp < 10 ? mp + 3 : mp - 9;
  return format("{:04}-{:02}-{:02}", yoe + era * 400 + (month <= 2 ? 1 : 0), month,
                doy - (153 * mp + 2) / 5 + 1);
}

Budget::Purse* Budget::purse(const BudgetCap& cap, int64_t now_ns) {
  if (const auto known = by_scope_.find(cap.scope.view()); known != by_scope_.end()) {
    known->second->cap = cap.cap_usd_micros;
    return known->second;
  }
  if (purses_.size() >= kMaxScopes) return nullptr;
  Purse& made = purses_[++last_purse_];
  made.number = last_purse_;
  made.scope = cap.scope;
  made.cap = cap.cap_usd_micros;
  made.idle_since_ns = now_ns;
  by_scope_.emplace(made.scope.view(), &made);
  return &made;
}

Budget::Answer Budget::reserve(std::span<const BudgetCap> caps, int64_t amount, int64_t now_ns) {
  now_ns_ = std::max(now_ns_, now_ns);
  Answer answer;
  for (const BudgetCap& cap : caps) {
    if (amount < 0 || cap.cap_usd_micros < 0) {
      answer.refusal = invalid_argument(
          "invalid_budget",
          format("{} micro-dollars of the budget {} of {}", amount, cap.scope.view(), cap.cap_usd_micros));
      return answer;
    }
    if (amount <= cap.cap_usd_micros) continue;
    answer.refusal = exceeded(cap.scope, cap.cap_usd_micros, amount, cap.cap_usd_micros);
    return answer;
  }
  Reservation reservation{.purses = {}, .amount = amount};
  for (const BudgetCap& cap : caps) {
    Purse* const found = purse(cap, now_ns_);
    if (found == nullptr) {
      answer.refusal = resource_exhausted("budget_scopes_full", "too many budgets are in use at once");
      return answer;
    }
    if (std::ranges::find(reservation.purses, found) == reservation.purses.end())
      reservation.purses.push_back(found);
  }
  answer.id = ++last_id_;
  if (take(answer.id, reservation)) {
    answer.kind = Answer::Kind::kReserved;
    return answer;
  }
  for (Purse* const p : reservation.purses) {
    ++p->waiting;
    p->wanted += std::min(amount, p->cap - std::min(p->wanted, p->cap));
  }
  waiting_.emplace(answer.id, std::move(reservation));
  serve();
  answer.kind = Answer::Kind::kWaiting;
  return answer;
}

// All or nothing, and nobody passes one that waits for the same purse.
bool Budget::take(uint64_t id, Reservation& reservation) {
  for (const Purse* const p : reservation.purses)
    if (p->available < reservation.amount || p->holds_up) return false;
  for (Purse* const p : reservation.purses) {
    p->available -= reservation.amount;
    p->reserved += reservation.amount;
    ++p->reservations;
  }
  reserved_.emplace(id, std::move(reservation));
  return true;
}

void Budget::ask(Purse& p, int64_t need) {
  if (p.asking) return;
  p.asking = true;
  const int64_t block = std::max(p.cap / kBlocksPerCap, p.wanted);
  asks_.push_back({.account = p.number,
                   .loan = {.scope = p.scope,
                            .cap_usd_micros = p.cap,
                            .block = p.block,
                            .need_usd_micros = need,
                            .want_usd_micros = std::max(need, block)}});
}

Budget::Waiting::iterator Budget::decide(Waiting::iterator at, Status status) {
  for (Purse* const p : at->second.purses) {
    if (--p->waiting == 0) {
      p->wanted = 0;
      p->holds_up = false;
    }
    p->wanted -= std::min(p->wanted, at->second.amount);
    p->idle_since_ns = now_ns_;
  }
  decisions_.push_back({at->first, std::move(status)});
  return waiting_.erase(at);
}

// Everybody who waits, the oldest first.
void Budget::serve() {
  for (auto& [id, reservation] : waiting_)
    for (Purse* const p : reservation.purses) p->holds_up = false;
  for (auto at = waiting_.begin(); at != waiting_.end();) {
    Reservation copy{at->second.purses, at->second.amount};
    if (take(at->first, copy)) {
      at = decide(at, ok_status());
      continue;
    }
    for (Purse* const p : at->second.purses) {
      if (p->available >= at->second.amount) continue;
      p->holds_up = true;
      ask(*p, at->second.amount - p->available);
    }
    ++at;
  }
}

void Budget::on_loan(uint64_t account, const StatusOr<Loan>& loan, int64_t now_ns) {
  now_ns_ = std::max(now_ns_, now_ns);
  const auto found = purses_.find(account);
  if (found == purses_.end() || !found->second.asking) return;
  Purse& p = found->second;
  p.asking = false;
  p.idle_since_ns = now_ns_;
  const bool granted = loan.ok() && loan->granted_usd_micros > 0;
  // The ledger knows of no such block: nothing of it may be spent, and the next one is new.
  if (loan.status().reason() == "lease_lost") {
    p.block = 0;
    p.available = std::min<int64_t>(p.available, 0);
  }
  if (granted) {
    p.block = loan->block;
    p.available += loan->granted_usd_micros;
  } else {
    for (auto at = waiting_.begin(); at != waiting_.end();) {
      const bool concerned = std::ranges::find(at->second.purses, &p) != at->second.purses.end();
      const int64_t amount = at->second.amount;
      const int64_t left = p.available + (loan.ok() ? loan->remaining_usd_micros : 0);
      if (!concerned || (loan.ok() ? left >= amount : p.available >= amount)) {
        ++at;
        continue;
      }
      at = decide(
          at, loan.ok() ? exceeded(p.scope, p.cap, amount, left)
                        : unavailable("budget_unavailable", format("the ledger of budgets gave no lease: {}",
                                                                   loan.status().message())));
    }
  }
  serve();
}

void Budget::release(uint64_t id, int64_t cost, bool all, int64_t now_ns) {
  now_ns_ = std::max(now_ns_, now_ns);
  const auto found = reserved_.find(id);
  if (found == reserved_.end()) return;
  const Reservation reservation = std::move(found->second);
  reserved_.erase(found);
  if (all) cost = reservation.amount;
  for (Purse* const p : reservation.purses) {
    p->reserved -= reservation.amount;
    p->available += reservation.amount - cost;
    p->spent += cost;
    --p->reservations;
    p->idle_since_ns = now_ns_;
  }
  if (!waiting_.empty()) serve();
}

void Budget::settle(uint64_t id, int64_t cost, int64_t now_ns) {
  constexpr int64_t kMost = std::numeric_limits<int64_t>::max() / 4;  // sums stay within the type
  release(id, std::clamp<int64_t>(cost, 0, kMost), false, now_ns);
}

void Budget::forfeit(uint64_t id, int64_t now_ns) { release(id, 0, true, now_ns); }

void Budget::cancel(uint64_t id, int64_t now_ns) {
  now_ns_ = std::max(now_ns_, now_ns);
  const auto at = waiting_.find(id);
  if (at == waiting_.end()) return;
  decide(at, ok_status());
  decisions_.pop_back();
  serve();
}

bool Budget::next_ask(Ask* out) {
  if (asks_.empty()) return false;
  *out = std::move(asks_.front());
  asks_.pop_front();
  return true;
}

bool Budget::next_repayment(Repayment* out) {
  if (repayments_.empty()) return false;
  *out = std::move(repayments_.front());
  repayments_.pop_front();
  return true;
}

bool Budget::next_decision(Decision* out) {
  if (decisions_.empty()) return false;
  *out = std::move(decisions_.front());
  decisions_.pop_front();
  return true;
}

// A purse that is forgotten before its repayment is confirmed can spend nothing twice: if the repayment gets
// lost, the money is.
void Budget::give_back(int64_t now_ns, bool all) {
  now_ns_ = std::max(now_ns_, now_ns);
  for (auto at = purses_.begin(); at != purses_.end();) {
    Purse& p = at->second;
    const bool used = p.reservations > 0 || p.waiting > 0 || p.asking;
    if (used || (!all && now_ns_ - p.idle_since_ns < kIdleNs)) {
      ++at;
      continue;
    }
    if (p.block != 0)
      repayments_.push_back({.scope = p.scope, .block = p.block, .unused_usd_micros = p.available});
    by_scope_.erase(p.scope.view());
    at = purses_.erase(at);
  }
}

int64_t Budget::next_due_ns() const {
  int64_t due = std::numeric_limits<int64_t>::max();
  for (const auto& [number, p] : purses_)
    if (p.reservations == 0 && p.waiting == 0 && !p.asking) due = std::min(due, p.idle_since_ns + kIdleNs);
  return due;
}

Budget::Account Budget::account(std::string_view scope) const {
  const auto known = by_scope_.find(scope);
  return known == by_scope_.end() ? Account() : static_cast<const Account&>(*known->second);
}

}  // namespace tau::provider
