// Names that calls through a route have in common, and what they tell of their decisions.
#include <algorithm>

#include "provider/routed_call.h"

namespace tau::provider {

RoutedNames::RoutedNames(const RouteSpec& spec) : route_(SharedString::concat({"route:", spec.name})) {
  for (const Upstream& upstream : spec.upstreams)
    keys_.push_back(SharedString::concat({"provider:", upstream.route.provider}));
}

void RoutedNames::at(int64_t wall_ms) {
  constexpr int64_t kDayMs = 86'400'000;
  const int64_t number = std::max<int64_t>(wall_ms, 0) / kDayMs;
  if (number == day_number_) return;
  day_number_ = number;
  const std::string day = budget_day(wall_ms);
  day_ = SharedString::concat({" day:", day});
  home_day_ = SharedString::concat({"day:", day});
  route_day_ = SharedString::concat({route_, day_});
}

void RoutedCall::tell(std::string_view decision, std::string_view reason, const Leg* leg,
                      std::string_view message, int64_t wait) {
  RouteDecision told;
  told.decision = decision;
  told.reason = reason;
  told.message = message;
  told.attempt = failover_.attempts();
  told.wait_ms = wait;
  if (leg != nullptr) {
    told.upstream = health_->names[leg->upstream];
    told.route = &route_of(leg->upstream);
  }
  sink_.on_decision(told);
}

void RoutedCall::tell_upstream(std::string_view decision, std::string_view reason, size_t upstream,
                               std::string_view message) {
  tell_name(decision, reason, health_->names[upstream], message);
}

void RoutedCall::tell_name(std::string_view decision, std::string_view reason, std::string_view upstream,
                           std::string_view message) {
  RouteDecision told;
  told.decision = decision;
  told.reason = reason;
  told.message = message;
  told.attempt = failover_.attempts();
  told.upstream = upstream;
  sink_.on_decision(told);
}

}  // namespace tau::provider
