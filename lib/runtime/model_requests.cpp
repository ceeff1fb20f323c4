// Requests about models: what is known of each, and where from.
#include <algorithm>
#include <set>

#include "runtime/config.h"
#include "runtime/config_state.h"
#include "runtime/core.h"
#include "runtime/host_document.h"
#include "runtime/requests.h"

namespace tau::runtime {
namespace {

using provider::Ability;
using provider::ModelCatalog;
using provider::ModelFacts;

void write_ability(json::Writer& w, std::string_view name, Ability ability) {
  w.key(name);
  if (ability == Ability::kUnknown) {
    w.null();
  } else {
    w.boolean(ability == Ability::kYes);
  }
}

void write_count(json::Writer& w, std::string_view name, int64_t count) {
  w.key(name);
  if (count == 0) {
    w.null();
  } else {
    w.integer(count);
  }
}

void write_price(json::Writer& w, const provider::Price& price) {
  w.key("price");
  if (!price.known) return void(w.null());
  w.begin_object();
  w.field("input", price.input_usd_micros).field("output", price.output_usd_micros);
  w.field("cached_input", price.cached_input_usd_micros).field("cache_write", price.cache_write_usd_micros);
  if (price.cache_write_hour_usd_micros > 0) w.field("cache_write_hour", price.cache_write_hour_usd_micros);
  if (price.long_above_tokens > 0) {
    w.key("long").begin_object().field("above_tokens", price.long_above_tokens);
    w.field("input", price.long_input_usd_micros).field("output", price.long_output_usd_micros);
    w.field("cached_input", price.long_cached_input_usd_micros);
    w.field("cache_write", price.long_cache_write_usd_micros).end_object();
  }
  w.end_object();
}

// The row of a catalog that speaks of a model: that of the home wins.
struct Found {
  const ModelFacts* facts = nullptr;
  bool built_in = true;
};
Found find_row(const Config& config, std::string_view model) {
  const ModelCatalog* own = config.state().catalog.get();
  if (own != nullptr)
    if (const ModelFacts* facts = own->find(model)) return {facts, false};
  return {ModelCatalog::built_in().find(model), true};
}

void write_source(json::Writer& w, const Found& row) {
  if (row.facts == nullptr) {
    w.key("catalog").null().key("source").null().key("as_of").null();
    return;
  }
  w.field("catalog", row.built_in ? "built_in" : "file");
  w.field("source", row.facts->source.str()).field("as_of", row.facts->as_of.str());
}

// What a call of it would go by: the configuration over the catalogs.
void write_route(json::Writer& w, const provider::Route& route, const Found& row) {
  w.begin_object().field("model", format("{}/{}", route.provider, route.model));
  write_count(w, "context_tokens", route.context_tokens);
  write_count(w, "max_output_tokens", route.max_output_tokens);
  write_count(w, "image_tokens", route.image_tokens);
  write_price(w, route.price);
  write_ability(w, "tools", route.abilities.tools);
  write_ability(w, "images", route.abilities.images);
  write_ability(w, "reasoning", route.abilities.reasoning);
  write_source(w, row);
}

// Null where it failed, whose reason is kept: the first one counts.
void write_amount(json::Writer& w, std::string_view name, const StatusOr<int64_t>& amount, Status& why) {
  w.key(name);
  if (amount.ok()) return void(w.integer(*amount));
  w.null();
  if (why.ok()) why = amount.status();
}

int64_t output_limit(const wire::Request& asked, const provider::Route& route) {
  if (!asked.max_tokens) return route.max_output_tokens;
  return route.max_output_tokens > 0 ? std::min(*asked.max_tokens, route.max_output_tokens)
                                     : *asked.max_tokens;
}

StatusOr<int64_t> prompt_bound(const wire::Request& asked, const provider::Route& route) {
  TAU_ASSIGN_OR_RETURN(const provider::PromptBound bound, provider::bound_prompt(asked));
  TAU_ASSIGN_OR_RETURN(const int64_t tokens, bound.with_images(route.image_tokens));
  return route.context_tokens > 0 ? std::min(tokens, route.context_tokens) : tokens;
}

StatusOr<int64_t> cost_bound(const wire::Request& asked, const provider::Route& route,
                             const StatusOr<int64_t>& prompt, int64_t output) {
  TAU_RETURN_IF_ERROR(prompt.status());
  if (output <= 0)
    return failed_precondition("output_unbounded", "neither the request nor the model limits the answer");
  TAU_ASSIGN_OR_RETURN(const provider::PromptBound bound, provider::bound_prompt(asked));
  return provider::cost_bound_usd_micros(route.price, *prompt, output, bound.hour_cache);
}

}  // namespace

StatusOr<std::string> list_models(Core& core, const json::Value& request) {
  TAU_RETURN_IF_ERROR(only_keys(request, "request", {"op", "provider"}));
  TAU_RETURN_IF_ERROR(check_type(!request.contains("provider") || request["provider"].is_string(), "request",
                                 "provider", "a string"));
  const std::string_view only = request["provider"].as_string();
  const Config& config = core.config();
  std::set<std::string_view> names;
  for (const auto& [name, facts] : ModelCatalog::built_in().models()) names.insert(name);
  if (config.state().catalog != nullptr)
    for (const auto& [name, facts] : config.state().catalog->models()) names.insert(name);
  std::string out;
  json::Writer w(out);
  w.begin_object().field("as_of", ModelCatalog::built_in().as_of()).key("models").begin_array();
  for (const std::string_view name : names) {
    if (!only.empty() && name.substr(0, name.find('/')) != only) continue;
    const auto route = config.keyless_route(name);
    if (!route.ok()) continue;  // of a provider that nobody configured
    write_route(w, *route, find_row(config, name));
    w.end_object();
  }
  w.end_array().end_object();
  return out;
}

StatusOr<std::string> show_model(Core& core, const json::Value& request) {
  TAU_RETURN_IF_ERROR(only_keys(request, "request", {"op", "model"}));
  TAU_ASSIGN_OR_RETURN(const std::string model, need_string(request, "request", "model"));
  const Config& config = core.config();
  TAU_ASSIGN_OR_RETURN(const provider::Route route, config.keyless_route(model));
  if (route.provider == kRouteProvider)
    return invalid_argument("invalid_model_reference",
                            format("\"{}\" is a route: ask for its upstreams one by one", model));
  std::string out;
  json::Writer w(out);
  write_route(w, route, find_row(config, model));
  w.field("base_url", route.base_url);
  w.field("dialect", route.dialect != nullptr ? route.dialect->name() : std::string_view());
  const Status ready = config.route(model, core.environment()).status();
  w.field("ready", ready.ok()).field("reason", ready.message());
  wire::write_quirks(w.key("quirks"), route.quirks);
  w.end_object();
  return out;
}

StatusOr<std::string> estimate_call(Core& core, const json::Value& request) {
  TAU_RETURN_IF_ERROR(only_keys(request, "request", {"op", "model", "request", "output_tokens"}));
  TAU_ASSIGN_OR_RETURN(const std::string model, need_string(request, "request", "model"));
  TAU_RETURN_IF_ERROR(
      check_type(request["request"].is_object(), "request", "request", "a request in the neutral form"));
  TAU_ASSIGN_OR_RETURN(const int64_t answer, read_count(request, "request", "output_tokens"));
  TAU_ASSIGN_OR_RETURN(const provider::Route route, core.config().keyless_route(model));
  if (route.provider == kRouteProvider)
    return invalid_argument("invalid_model_reference",
                            format("\"{}\" is a route: ask for its upstreams one by one", model));
  TAU_ASSIGN_OR_RETURN(const wire::Request asked, wire::request_from_json(json::write(request["request"])));
  const StatusOr<int64_t> prompt = prompt_bound(asked, route);
  const int64_t limit = output_limit(asked, route);
  wire::Usage usage;
  usage.input = provider::estimate_prompt_tokens(asked, route.image_tokens);
  usage.output = answer > 0 ? answer : asked.max_tokens.value_or(0);
  Status why;
  std::string out;
  json::Writer w(out);
  w.begin_object().field("model", model);
  write_amount(w, "tokens_bound", prompt, why);
  w.field("tokens_estimate", usage.input);
  write_count(w, "output_limit", limit);
  w.field("priced", route.price.known);
  write_amount(w, "cost_bound_usd_micros", cost_bound(asked, route, prompt, limit), why);
  w.key("cost_estimate_usd_micros");
  if (route.price.known) {
    w.integer(provider::cost_usd_micros(route.price, usage));
  } else {
    w.null();
  }
  if (!why.ok()) w.field("reason", why.reason()).field("message", why.message());
  w.end_object();
  return out;
}

}  // namespace tau::runtime
