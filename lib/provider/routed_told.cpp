// What a call through a route tells of its decisions.
#include "provider/routed_call.h"

namespace tau::provider {

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
