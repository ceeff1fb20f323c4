// Routes: one name for several models, with what decides among them. Exported by provider.h.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "provider/breaker.h"  // IWYU pragma: export
#include "provider/budget.h"   // IWYU pragma: export
#include "provider/limiter.h"  // IWYU pragma: export
#include "provider/provider.h"
#include "provider/traffic.h"  // IWYU pragma: export

namespace tau::provider {

std::string_view strategy_name(Strategy strategy);  // "ordered", "weighted", "latency", "cost"
std::optional<Strategy> find_strategy(std::string_view name);

struct Upstream {
  Route route;  // its own retries are not used: the route retries
  int64_t weight = 1;
  LimitRule limits;  // shared by everything that uses this provider's key
};

struct RouteSpec {
  std::string name;
  Strategy strategy = Strategy::kOrdered;
  std::vector<Upstream> upstreams;
  RetryPolicy retry;             // of a call as a whole
  int64_t retry_percent = 20;    // of the calls under way that may be new tries of an upstream
  int64_t hedge_after_ms = 0;    // without a first event: a second upstream is asked beside it; 0: never
  bool stream_recovery = false;  // a stream that breaks off may begin anew at another upstream
  BreakerPolicy breaker;         // of each upstream
  LimitRule limits;              // of the route
  LimitRule principal_limits;    // of each principal, on this route
  // Models that cannot be asked, and why: they are left out.
  std::vector<std::pair<std::string, Status>> unavailable;
  int64_t day_usd_micros = 0;  // the most that this route spends in a day (UTC); 0: no cap
};

// What holds before an upstream is chosen: no call costs more, none may be longer.
Route outline(const RouteSpec& spec);

// A model that is a route: it chooses, limits, retries and fails over, and tells of each decision.
// `upstreams` are the models of spec->upstreams, each making one attempt per call. Nothing that has reached
// the host is taken back, unless stream_recovery says so. route() has the dearest price and the largest
// limits of all upstreams: what holds for the call is known when one is chosen.
std::unique_ptr<Model> make_routed_model(std::shared_ptr<const RouteSpec> spec,
                                         std::vector<std::unique_ptr<Model>> upstreams,
                                         std::shared_ptr<Traffic> traffic, net::Loop& loop, Random& random);

}  // namespace tau::provider
