// How the upstreams of a route are, as all loops see it. Any thread.
#pragma once

#include <mutex>
#include <string>
#include <vector>

#include "provider/breaker.h"
#include "provider/route.h"
#include "provider/router.h"

namespace tau::provider {

struct RouteHealth {
  struct Upstream {
    explicit Upstream(const BreakerPolicy& policy) : breaker(policy) {}
    Breaker breaker;
    Latency latency;
    int64_t held_until_ns = 0;  // it asked to be left alone
  };

  explicit RouteHealth(const RouteSpec& spec) : retries(spec.retry_percent) {
    for (const provider::Upstream& u : spec.upstreams) {
      names.push_back(u.route.provider + "/" + u.route.model);
      upstreams.emplace_back(spec.breaker);
    }
  }
  bool is_of(const RouteSpec& spec) const {
    if (names.size() != spec.upstreams.size()) return false;
    for (size_t i = 0; i < names.size(); ++i)
      if (names[i] != spec.upstreams[i].route.provider + "/" + spec.upstreams[i].route.model) return false;
    return true;
  }

  std::vector<std::string> names;  // "provider/model"; these do not change
  std::mutex mutex;                // of what follows
  std::vector<Upstream> upstreams;
  RetryBudget retries;
};

}  // namespace tau::provider
