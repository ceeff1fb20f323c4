// What the calls of all loops share: limits, budgets and the health of upstreams. A thin shell around the
// state machines; any thread. Exported by provider.h.
#pragma once

#include <cstdint>
#include <memory>
#include <mutex>
#include <span>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "base/base.h"
#include "net/net.h"
#include "provider/breaker.h"
#include "provider/budget.h"
#include "provider/limiter.h"

namespace tau::provider {

struct RouteSpec;
struct RouteHealth;  // private to the module

// Caps on what is spent, in micro-dollars; 0: none. Days are those of UTC.
struct BudgetSpec {
  int64_t run_usd_micros = 0;
  int64_t session_usd_micros = 0;
  int64_t principal_day_usd_micros = 0;
  int64_t day_usd_micros = 0;
  bool any() const {
    return run_usd_micros > 0 || session_usd_micros > 0 || principal_day_usd_micros > 0 || day_usd_micros > 0;
  }
};

struct TrafficReport {
  struct Upstream {
    std::string name;  // "provider/model"
    Breaker::State breaker = Breaker::State::kClosed;
    int64_t open_ms = 0;     // until it is probed, while open
    int64_t held_ms = 0;     // that it asked to be left alone for
    int64_t latency_ns = 0;  // to its first event, lately; 0: unknown
    uint64_t times_opened = 0;
  };
  struct Route {
    std::string name;
    int64_t active = 0;   // calls under way
    int64_t retries = 0;  // of these, new tries of an upstream
    std::vector<Upstream> upstreams;
  };
  std::vector<Limiter::NamedLoad> limits;  // in use
  std::vector<Route> routes;               // that were used, by name
};

class Traffic : public std::enable_shared_from_this<Traffic> {
 public:
  // `desk` is asked for leases; null: calls under a cap are refused ("budget_unavailable").
  Traffic(Clock& clock, std::unique_ptr<LoanDesk> desk, const BudgetSpec& budgets);
  ~Traffic();
  Traffic(const Traffic&) = delete;
  Traffic& operator=(const Traffic&) = delete;

  // Told on the loop that asked, later, what became of a call that waited. One that nobody wants any more is
  // told all the same: it must undo what it was given.
  using Later = UniqueFunction<void(uint64_t id, Status status)>;

  Limiter::Answer acquire(std::span<const Limiter::Use> uses, int64_t tokens, bool may_wait, int64_t now_ns,
                          net::Loop& loop, Later later);
  void settle_limits(uint64_t id, int64_t tokens, int64_t now_ns);
  void undo_limits(uint64_t id, int64_t now_ns);
  void cancel_limits(uint64_t id, int64_t now_ns);
  // Serves those who wait. While calls of a loop wait it calls this when next_due_ns() is, and four times a
  // second, for others may have changed what is due.
  void tick(int64_t now_ns);
  int64_t next_due_ns();
  Limiter::Load load(std::string_view name, int64_t now_ns);
  // How busy all is: what a page or a metric shows.
  TrafficReport report();

  Budget::Answer reserve(std::span<const BudgetCap> caps, int64_t amount, int64_t now_ns, net::Loop& loop,
                         Later later);
  void settle_budget(uint64_t id, int64_t cost, int64_t now_ns);
  void forfeit_budget(uint64_t id, int64_t now_ns);
  void cancel_budget(uint64_t id, int64_t now_ns);
  // Gives all back that no call holds; from then on nothing is asked of the ledger. No call is under way.
  void close();
  // In a forked child: what was lent is the parent's, and the ledger is not to be asked.
  void forsake() noexcept { desk_.reset(); }
  // Blocks that nobody uses go back to the ledger.
  void give_back(int64_t now_ns, bool all);

  const BudgetSpec& budgets() const { return budgets_; }
  int64_t wall_ms() { return clock_.wall_ms(); }

  // The health of a route's upstreams: one for all loops, while the list of them is the same.
  std::shared_ptr<RouteHealth> health(const RouteSpec& spec);

 private:
  struct Waiting {
    net::Loop* loop = nullptr;
    Later later;
  };
  using Book = std::unordered_map<uint64_t, Waiting>;

  static void tell(Book& book, uint64_t id, Status status);
  void tell_limits();
  void after_budget(std::unique_lock<std::mutex> lock);

  Clock& clock_;
  std::unique_ptr<LoanDesk> desk_;
  const BudgetSpec budgets_;
  std::mutex mutex_;
  Limiter limiter_;
  Budget budget_;
  Book for_limits_;
  Book for_budget_;
  int64_t swept_ns_ = 0;
  std::unordered_map<std::string, std::shared_ptr<RouteHealth>> routes_;
};

}  // namespace tau::provider
