// Routes and budgets of the configuration.
#include <algorithm>

#include "runtime/config.h"
#include "runtime/config_keys.h"
#include "runtime/config_state.h"

namespace tau::runtime {
namespace {

void read(const json::Value& value, int64_t& out) { out = value.as_int(out); }

provider::LimitRule read_rule(const json::Value& values) {
  provider::LimitRule rule;
  read(values["requests_per_minute"], rule.requests_per_minute);
  read(values["tokens_per_minute"], rule.tokens_per_minute);
  read(values["concurrency"], rule.concurrency);
  read(values["max_waiting"], rule.max_waiting);
  read(values["max_wait_ms"], rule.max_wait_ms);
  return rule;
}

provider::BreakerPolicy read_breaker(const json::Value& values) {
  provider::BreakerPolicy policy;
  read(values["failures"], policy.failures);
  read(values["failure_percent"], policy.failure_percent);
  read(values["min_calls"], policy.min_calls);
  read(values["window_ms"], policy.window_ms);
  read(values["open_ms"], policy.open_ms);
  read(values["max_open_ms"], policy.max_open_ms);
  return policy;
}

// Every upstream has its turn, and one of them a second one.
void read_retry(const json::Value& values, size_t upstreams, provider::RouteSpec& spec) {
  const auto turns = static_cast<int64_t>(upstreams) + 1;
  spec.retry.max_attempts =
      static_cast<int>(values["max_attempts"].as_int(std::max<int64_t>(spec.retry.max_attempts, turns)));
  read(values["base_delay_ms"], spec.retry.base_delay_ms);
  read(values["max_delay_ms"], spec.retry.max_delay_ms);
  read(values["max_retry_after_ms"], spec.retry.max_retry_after_ms);
  read(values["percent"], spec.retry_percent);
}

void write_upstream(json::Writer& w, const provider::Upstream& upstream) {
  const provider::Route& route = upstream.route;
  w.begin_object().field("model", format("{}/{}", route.provider, route.model));
  w.field("weight", upstream.weight);
  w.field("context_tokens", route.context_tokens).field("max_output_tokens", route.max_output_tokens);
  w.key("price");
  if (route.price.known) {
    w.begin_object();
    w.field("input", route.price.input_usd_micros).field("output", route.price.output_usd_micros);
    w.field("cached_input", route.price.cached_input_usd_micros);
    w.field("cache_write", route.price.cache_write_usd_micros).end_object();
  } else {
    w.null();
  }
  w.end_object();
}

}  // namespace

std::string Config::describe_routes(const Environment& environment) const {
  std::string out;
  json::Writer w(out);
  w.begin_array();
  for (const auto& [name, values] : state_->merged["routes"].as_object()) {
    const auto spec = route_spec(name, environment);
    w.begin_object().field("name", name);
    w.field("reason", spec.ok() ? "" : spec.status().message());
    if (spec.ok()) {
      w.field("strategy", provider::strategy_name(spec->strategy));
      w.key("upstreams").begin_array();
      for (const provider::Upstream& upstream : spec->upstreams) write_upstream(w, upstream);
      w.end_array();
      w.key("unavailable").begin_array();
      for (const auto& [model, why] : spec->unavailable)
        w.begin_object()
            .field("model", model)
            .field("reason", why.reason())
            .field("message", why.message())
            .end_object();
      w.end_array();
    }
    w.end_object();
  }
  w.end_array();
  return out;
}

StatusOr<UpstreamName> parse_upstream(std::string_view text) {
  UpstreamName name{std::string(text), 1};
  const size_t mark = text.rfind('=');
  const std::string_view digits = mark == text.npos ? std::string_view() : text.substr(mark + 1);
  if (!digits.empty() && digits.size() <= 6 && digits.find_first_not_of("0123456789") == digits.npos) {
    name.model = text.substr(0, mark);
    name.weight = std::stoll(std::string(digits));
  }
  TAU_ASSIGN_OR_RETURN(const auto reference, provider::parse_model_reference(name.model));
  if (reference.provider == kRouteProvider || reference.provider == "scripted")
    return invalid_argument("invalid_model_reference",
                            format("{} cannot be an upstream of a route", name.model));
  return name;
}

bool Config::has_route(std::string_view name) const { return state_->merged["routes"].contains(name); }

provider::BudgetSpec Config::budgets() const {
  const json::Value& values = state_->merged["budget"];
  provider::BudgetSpec spec;
  read(values["run_usd_micros"], spec.run_usd_micros);
  read(values["session_usd_micros"], spec.session_usd_micros);
  read(values["principal_day_usd_micros"], spec.principal_day_usd_micros);
  read(values["day_usd_micros"], spec.day_usd_micros);
  return spec;
}

StatusOr<provider::RouteSpec> Config::route_spec(std::string_view name,
                                                 const Environment& environment) const {
  if (!has_route(name)) {
    std::string known;
    for (const auto& [other, values] : state_->merged["routes"].as_object())
      known += (known.empty() ? "" : ", ") + other;
    return invalid_argument("unknown_route", format("the route \"{}\" is not configured; known: {}", name,
                                                    known.empty() ? std::string("none") : known));
  }
  const json::Value& values = state_->merged["routes"][name];
  provider::RouteSpec spec;
  spec.name = name;
  spec.strategy =
      provider::find_strategy(values["strategy"].as_string()).value_or(provider::Strategy::kOrdered);
  spec.breaker = read_breaker(values["breaker"]);
  spec.limits = read_rule(values["limits"]);
  spec.principal_limits = read_rule(values["principal_limits"]);
  read(values["hedge_after_ms"], spec.hedge_after_ms);
  spec.stream_recovery = values["stream_recovery"].as_bool();
  read(values["budget"]["day_usd_micros"], spec.day_usd_micros);
  for (const json::Value& entry : values["upstreams"].as_array()) {
    TAU_ASSIGN_OR_RETURN(const UpstreamName upstream, parse_upstream(entry.as_string()));
    auto reached = route(upstream.model, environment);
    if (reached.status().code() == Code::kInvalidArgument)
      return reached.status().annotate(format("routes.{}", name));
    if (!reached.ok()) {
      spec.unavailable.emplace_back(upstream.model, reached.status());
      continue;
    }
    spec.upstreams.push_back(governed(*std::move(reached)));
    spec.upstreams.back().weight = upstream.weight;
  }
  if (spec.upstreams.empty() && !spec.unavailable.empty())
    return spec.unavailable.front().second.annotate(format("routes.{}", name));
  if (spec.upstreams.empty())
    return invalid_argument("route_without_upstreams", format("routes.{}.upstreams names no model", name));
  read_retry(values["retry"], spec.upstreams.size(), spec);
  return spec;
}

provider::Upstream Config::governed(provider::Route route) const {
  provider::Upstream upstream;
  upstream.limits = read_rule(state_->merged["providers"][route.provider]["limits"]);
  upstream.route = std::move(route);
  upstream.route.retry.max_attempts = 1;  // the route retries
  return upstream;
}

std::optional<provider::RouteSpec> Config::single_route(const provider::Route& route) const {
  provider::Upstream upstream = governed(route);
  // A route is what tries again; a model of the program makes one try.
  if (!budgets().any() && !upstream.limits.any() && route.host == nullptr) return std::nullopt;
  provider::RouteSpec spec;
  spec.name = route.provider + "/" + route.model;
  spec.retry = route.retry;
  spec.breaker.failures = 0;  // there is nobody else to ask
  spec.breaker.failure_percent = 0;
  spec.upstreams.push_back(std::move(upstream));
  return spec;
}

Config Config::with_catalog(std::shared_ptr<const provider::ModelCatalog> catalog) const {
  auto state = std::make_shared<State>(*state_);
  state->catalog = std::move(catalog);
  return Config(std::move(state));
}

Config Config::with_quirks(std::shared_ptr<const provider::QuirkTable> quirks) const {
  auto state = std::make_shared<State>(*state_);
  state->quirks = std::move(quirks);
  return Config(std::move(state));
}

std::string Config::quirks_file() const { return std::string(state_->merged["quirks"]["file"].as_string()); }

Config Config::with_host_models(std::shared_ptr<const HostModels> models) const {
  auto state = std::make_shared<State>(*state_);
  state->host_models = std::move(models);
  return Config(std::move(state));
}

std::string Config::models_file() const { return std::string(state_->merged["models"]["file"].as_string()); }

}  // namespace tau::runtime
