// How busy the limits and routes of a runtime are: the op "traffic".
#include "runtime/core.h"
#include "runtime/host_document.h"
#include "runtime/requests.h"

namespace tau::runtime {
namespace {

std::string_view state_name(provider::Breaker::State state) {
  switch (state) {
    case provider::Breaker::State::kClosed: return "closed";
    case provider::Breaker::State::kOpen: return "open";
    case provider::Breaker::State::kHalfOpen: return "half_open";
  }
  return "closed";
}

void write_limit(json::Writer& w, const provider::Limiter::NamedLoad& limit) {
  w.begin_object().field("name", limit.name);
  w.field("active", limit.load.active).field("waiting", limit.load.waiting);
  const provider::LimitRule& rule = limit.rule;
  if (rule.concurrency > 0) w.field("concurrency", rule.concurrency);
  if (rule.requests_per_minute > 0)
    w.field("requests", limit.load.requests).field("requests_per_minute", rule.requests_per_minute);
  if (rule.tokens_per_minute > 0)
    w.field("tokens", limit.load.tokens).field("tokens_per_minute", rule.tokens_per_minute);
  if (rule.max_wait_ms > 0) w.field("max_waiting", rule.max_waiting);
  w.end_object();
}

void write_route(json::Writer& w, const provider::TrafficReport::Route& route) {
  w.begin_object().field("name", route.name);
  w.field("active", route.active).field("retries", route.retries);
  w.key("upstreams").begin_array();
  for (const provider::TrafficReport::Upstream& upstream : route.upstreams) {
    w.begin_object().field("model", upstream.name).field("breaker", state_name(upstream.breaker));
    w.field("times_opened", static_cast<int64_t>(upstream.times_opened));
    if (upstream.open_ms > 0) w.field("open_ms", upstream.open_ms);
    if (upstream.held_ms > 0) w.field("held_ms", upstream.held_ms);
    if (upstream.latency_ns > 0) w.field("first_event_us", upstream.latency_ns / 1'000);
    w.end_object();
  }
  w.end_array().end_object();
}

}  // namespace

StatusOr<std::string> report_traffic(Core& core, const json::Value& request) {
  TAU_RETURN_IF_ERROR(only_keys(request, "request", {"op"}));
  const provider::TrafficReport report = core.traffic()->report();
  std::string out;
  json::Writer w(out);
  w.begin_object().key("routes").begin_array();
  for (const provider::TrafficReport::Route& route : report.routes) write_route(w, route);
  w.end_array().key("limits").begin_array();
  for (const provider::Limiter::NamedLoad& limit : report.limits) write_limit(w, limit);
  w.end_array().end_object();
  return out;
}

}  // namespace tau::runtime
