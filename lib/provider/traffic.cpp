// The shell around limits and budgets. Lock order: mutex_, then whatever a loop's post() takes. The ledger is
// asked without the lock: it may answer before it returns.
#include "provider/traffic.h"

#include <algorithm>

#include "provider/health.h"
#include "provider/route.h"

namespace tau::provider {

Traffic::Traffic(Clock& clock, std::unique_ptr<LoanDesk> desk, const BudgetSpec& budgets)
    : clock_(clock), desk_(std::move(desk)), budgets_(budgets) {}

Traffic::~Traffic() {
  if (desk_ != nullptr) give_back(0, true);
}

// Under the lock: a loop cannot end meanwhile without its calls having left the book.
void Traffic::tell(Book& book, uint64_t id, Status status) {
  const auto at = book.find(id);
  if (at == book.end()) return;
  net::Loop& loop = *at->second.loop;
  loop.post([later = std::move(at->second.later), id, status = std::move(status)]() mutable {
    later(id, std::move(status));
  });
  book.erase(at);
}

void Traffic::tell_limits() {
  Limiter::Decision decision;
  while (limiter_.next_decision(&decision)) tell(for_limits_, decision.id, std::move(decision.status));
}

Limiter::Answer Traffic::acquire(std::span<const Limiter::Use> uses, int64_t tokens, bool may_wait,
                                 int64_t now_ns, net::Loop& loop, Later later) {
  const std::lock_guard lock(mutex_);
  Limiter::Answer answer = limiter_.acquire(uses, tokens, may_wait, now_ns);
  if (answer.kind == Limiter::Answer::Kind::kWaiting)
    for_limits_.emplace(answer.id, Waiting{&loop, std::move(later)});
  tell_limits();
  return answer;
}

void Traffic::settle_limits(uint64_t id, int64_t tokens, int64_t now_ns) {
  const std::lock_guard lock(mutex_);
  limiter_.settle(id, tokens, now_ns);
  tell_limits();
}

void Traffic::undo_limits(uint64_t id, int64_t now_ns) {
  const std::lock_guard lock(mutex_);
  limiter_.undo(id, now_ns);
  tell_limits();
}

void Traffic::cancel_limits(uint64_t id, int64_t now_ns) {
  const std::lock_guard lock(mutex_);
  for_limits_.erase(id);
  limiter_.cancel(id, now_ns);
  tell_limits();
}

void Traffic::tick(int64_t now_ns) {
  const std::lock_guard lock(mutex_);
  limiter_.advance(now_ns);
  tell_limits();
}

int64_t Traffic::next_due_ns() {
  const std::lock_guard lock(mutex_);
  return limiter_.next_due_ns();
}

Limiter::Load Traffic::load(std::string_view name, int64_t now_ns) {
  const std::lock_guard lock(mutex_);
  return limiter_.load(name, now_ns);
}

// Does what the budget wants done, and lets the lock go.
void Traffic::after_budget(std::unique_lock<std::mutex> lock) {
  std::vector<Budget::Ask> asks;
  std::vector<Repayment> repayments;
  Budget::Decision decision;
  while (budget_.next_decision(&decision)) tell(for_budget_, decision.id, std::move(decision.status));
  for (Budget::Ask ask; budget_.next_ask(&ask);) asks.push_back(std::move(ask));
  for (Repayment repayment; budget_.next_repayment(&repayment);) repayments.push_back(std::move(repayment));
  lock.unlock();
  for (Repayment& repayment : repayments)
    if (desk_ != nullptr) desk_->repay(std::move(repayment));
  for (Budget::Ask& ask : asks) {
    auto answer = [weak = weak_from_this(), account = ask.account](StatusOr<Loan> loan) {
      const auto self = weak.lock();
      if (self == nullptr) return;  // what it was lent is lost
      std::unique_lock again(self->mutex_);
      self->budget_.on_loan(account, loan, 0);
      self->after_budget(std::move(again));
    };
    if (desk_ != nullptr) {
      desk_->lend(std::move(ask.loan), std::move(answer));
    } else {
      answer(failed_precondition("no_ledger", "this runtime keeps no ledger"));
    }
  }
}

Budget::Answer Traffic::reserve(std::span<const BudgetCap> caps, int64_t amount, int64_t now_ns,
                                net::Loop& loop, Later later) {
  std::unique_lock lock(mutex_);
  Budget::Answer answer = budget_.reserve(caps, amount, now_ns);
  if (answer.kind != Budget::Answer::Kind::kWaiting) return answer;
  for_budget_.emplace(answer.id, Waiting{&loop, std::move(later)});
  after_budget(std::move(lock));
  return answer;
}

void Traffic::settle_budget(uint64_t id, int64_t cost, int64_t now_ns) {
  std::unique_lock lock(mutex_);
  budget_.settle(id, cost, now_ns);
  after_budget(std::move(lock));
}

void Traffic::forfeit_budget(uint64_t id, int64_t now_ns) {
  std::unique_lock lock(mutex_);
  budget_.forfeit(id, now_ns);
  after_budget(std::move(lock));
}

void Traffic::cancel_budget(uint64_t id, int64_t now_ns) {
  std::unique_lock lock(mutex_);
  for_budget_.erase(id);
  budget_.cancel(id, now_ns);
  after_budget(std::move(lock));
}

void Traffic::close() {
  give_back(0, true);
  desk_.reset();
}

void Traffic::give_back(int64_t now_ns, bool all) {
  std::unique_lock lock(mutex_);
  budget_.give_back(now_ns, all);
  after_budget(std::move(lock));
}

TrafficReport Traffic::report() {
  const int64_t now_ns = clock_.monotonic_ns();
  TrafficReport report;
  std::vector<std::pair<std::string, std::shared_ptr<RouteHealth>>> used;
  {
    const std::lock_guard lock(mutex_);
    report.limits = limiter_.loads(now_ns);
    used.assign(routes_.begin(), routes_.end());
  }
  std::sort(used.begin(), used.end(), [](const auto& a, const auto& b) { return a.first < b.first; });
  const auto left_ms = [&](int64_t until_ns) {
    return std::max<int64_t>(0, (until_ns - now_ns + kNanosPerMilli - 1) / kNanosPerMilli);
  };
  for (const auto& [name, health] : used) {
    const std::lock_guard lock(health->mutex);
    TrafficReport::Route route{name, health->retries.active(), health->retries.retries(), {}};
    for (size_t i = 0; i < health->upstreams.size(); ++i) {
      const RouteHealth::Upstream& upstream = health->upstreams[i];
      const Breaker::State state = upstream.breaker.state(now_ns);
      route.upstreams.push_back(
          {.name = health->names[i],
           .breaker = state,
           .open_ms = state == Breaker::State::kOpen ? left_ms(upstream.breaker.open_until_ns()) : 0,
           .held_ms = left_ms(upstream.held_until_ns),
           .latency_ns = upstream.latency.value_ns(now_ns),
           .times_opened = upstream.breaker.times_opened()});
    }
    report.routes.push_back(std::move(route));
  }
  return report;
}

std::shared_ptr<RouteHealth> Traffic::health(const RouteSpec& spec) {
  const std::lock_guard lock(mutex_);
  std::shared_ptr<RouteHealth>& known = routes_[spec.name];
  if (known == nullptr || !known->is_of(spec)) known = std::make_shared<RouteHealth>(spec);
  return known;
}

}  // namespace tau::provider
