// From a model reference to a route: the table of known providers with what the configuration says over it.
#include <algorithm>

#include "runtime/auth_config.h"
#include "runtime/config.h"
#include "runtime/config_keys.h"
#include "runtime/config_state.h"
#include "runtime/host_model.h"

namespace tau::runtime {
namespace {

constexpr std::string_view kAwsScheme = "aws_sigv4";
constexpr std::string_view kNowhere = "https://recording.invalid";

// Known and configured, sorted, without the library's own models.
std::vector<std::string> provider_names(const json::Value& configured) {
  std::vector<std::string> names;
  for (const auto& known : provider::known_providers()) names.emplace_back(known.name);
  for (const auto& [name, values] : configured.as_object()) names.push_back(name);
  std::sort(names.begin(), names.end());
  names.erase(std::unique(names.begin(), names.end()), names.end());
  return names;
}

std::string known_names(const json::Value& configured) {
  std::string text = "offline, replay, route, scripted";
  for (const std::string& name : provider_names(configured)) text += ", " + name;
  return text;
}

void read(const json::Value& value, int64_t& out) { out = value.as_int(out); }
void read(const json::Value& value, std::string& out) { out = value.as_string(out); }
void read(const json::Value& value, bool& out) { out = value.as_bool(out); }

void read_model_facts(const json::Value& values, provider::Route& route) {
  const json::Value& price = values["price"];
  read(price["input"], route.price.input_usd_micros);
  read(price["output"], route.price.output_usd_micros);
  read(price["cached_input"], route.price.cached_input_usd_micros);
  read(price["cache_write"], route.price.cache_write_usd_micros);
  read(values["context_tokens"], route.context_tokens);
  read(values["max_output_tokens"], route.max_output_tokens);
  route.price.known = !price["input"].is_null() && !price["output"].is_null();
}

// What nobody configured: by the catalog of the home, then by the built-in one, which speaks of the
// provider's own server alone. A model server on this machine costs nothing.
void complete_facts(const Config::State& state, const provider::KnownProvider* known,
                    provider::Route& route) {
  const std::string name = route.provider + "/" + route.model;
  if (state.catalog != nullptr)
    if (const auto* facts = state.catalog->find(name)) provider::complete(route, *facts);
  if (known == nullptr) return;
  const auto own = net::parse_url(known->base_url);
  const auto used = net::parse_url(route.base_url);
  if (!own.ok() || !used.ok() || own->origin() != used->origin()) return;
  if (const auto* facts = provider::ModelCatalog::built_in().find(name)) provider::complete(route, *facts);
  if (known->key_variable.empty()) route.price.known = true;
}

}  // namespace

void read_timing(const json::Value& values, provider::Route& route) {
  const json::Value& deadlines = values["deadlines"];
  read(deadlines["connect_ms"], route.deadlines.connect_ms);
  read(deadlines["first_byte_ms"], route.deadlines.first_byte_ms);
  read(deadlines["idle_ms"], route.deadlines.idle_ms);
  read(deadlines["progress_ms"], route.deadlines.progress_ms);
  read(deadlines["total_ms"], route.deadlines.total_ms);
  const json::Value& retry = values["retry"];
  route.retry.max_attempts = static_cast<int>(retry["max_attempts"].as_int(route.retry.max_attempts));
  read(retry["base_delay_ms"], route.retry.base_delay_ms);
  read(retry["max_delay_ms"], route.retry.max_delay_ms);
  read(retry["max_retry_after_ms"], route.retry.max_retry_after_ms);
}

std::string provider_base_url(const Config::State& state, std::string_view provider) {
  const auto* known = provider::find_provider(provider);
  std::string url(state.merged["providers"][provider]["base_url"].as_string(known ? known->base_url : ""));
  while (url.ends_with('/')) url.pop_back();
  return url;
}

StatusOr<provider::Route> Config::keyless_route(std::string_view model) const {
  TAU_ASSIGN_OR_RETURN(const auto reference, provider::parse_model_reference(model));
  provider::Route route;
  route.provider = reference.provider;
  route.model = reference.model;
  // They cost nothing.
  if (route.provider == "offline" || route.provider == kReplayProvider) route.price.known = true;
  if (route.provider == kReplayProvider && !is_config_name(route.model))
    return invalid_argument("invalid_model_reference",
                            format("\"{}\": the name of a recording is 1 to 64 of [A-Za-z0-9_-]", model));
  if (route.provider == kReplayProvider) route.base_url = kNowhere;
  if (is_reserved_provider(route.provider)) return route;

  const json::Value& configured = state_->merged["providers"];
  const json::Value& values = configured[route.provider];
  if (state_->host_models != nullptr)
    if (auto own = state_->host_models->find(reference)) {
      read_timing(values, *own);
      if (values.contains("price")) read_model_facts(values, *own);
      return *std::move(own);
    }
  const auto* known = provider::find_provider(route.provider);
  if (known == nullptr && values.is_null())
    return invalid_argument("invalid_model_reference",
                            format("the provider \"{}\" of \"{}\" is not known; known: {}", route.provider,
                                   model, known_names(configured)));
  route.base_url = provider_base_url(*state_, route.provider);
  read(values["recording"], route.recording);
  read(values["record"], route.record);
  const bool recorded = !route.recording.empty();  // nothing is reached
  if (recorded && route.base_url.empty()) route.base_url = kNowhere;
  if (route.base_url.empty())
    return invalid_argument(
        "missing_base_url",
        format("providers.{0}: \"{0}\" is not a built-in provider and needs a base_url", route.provider));
  route.dialect = wire::find_dialect(values["dialect"].as_string(known ? known->dialect : "openai_chat"));
  route.table = state_->quirks;
  const provider::QuirkTable& table =
      route.table != nullptr ? *route.table : provider::QuirkTable::built_in();
  table.apply(route.provider, route.model, route.quirks);
  if (!values["quirks"].is_null()) TAU_RETURN_IF_ERROR(wire::set_quirks(values["quirks"], route.quirks));
  read_timing(values, route);
  read_model_facts(values, route);
  complete_facts(*state_, known, route);
  read(values["key_header"], route.credential_header);
  read(values["key_prefix"], route.credential_prefix);
  route.aws_signature = values["key_scheme"].as_string() == kAwsScheme;
  read(values["aws_region"], route.aws_region);
  read(values["query"], route.query);
  for (const auto& [name, text] : values["headers"].as_object())
    route.headers.emplace_back(name, std::string(text.as_string()));
  return route;
}

StatusOr<provider::Route> Config::route(std::string_view model, const Environment& environment) const {
  TAU_ASSIGN_OR_RETURN(provider::Route route, keyless_route(model));
  // Nothing is reached, or a function of the program.
  const bool local = is_reserved_provider(route.provider) || route.host != nullptr;
  if (local || !route.recording.empty()) return route;
  TAU_ASSIGN_OR_RETURN(const net::Url url, net::parse_url(provider::endpoint_url(route, true)));
  const KeySource source = find_key_source(*state_, route.provider);
  // The variable of a known provider belongs to that provider's own origin: another server is asked without
  // it.
  const bool elsewhere = !source.configured && source.origin != url.origin();
  if (source.kind == KeySource::Kind::kNone || elsewhere) return route;
  if (source.kind == KeySource::Kind::kAuth) {
    TAU_ASSIGN_OR_RETURN(const AuthSpec auth, read_auth(*this, source.name));
    route.auth = source.name;
    // Whatever the dialect's keys go into: a token of OAuth has a header of its own (RFC 6750).
    if (route.credential_header.empty()) {
      route.credential_header = "authorization";
      route.credential_prefix = "Bearer ";
    }
    // Without a person's login there is nothing to wait for; the others get their token when it is needed.
    if (provider::needs_login(auth.oauth.grant))
      TAU_RETURN_IF_ERROR(credential(route.provider, url, environment).status());
  } else {
    TAU_RETURN_IF_ERROR(credential(route.provider, url, environment).status());
  }
  route.credential_id = route.provider;
  return route;
}

std::string Config::describe_providers(const Environment& environment) const {
  std::string out;
  json::Writer w(out);
  w.begin_array();
  for (const std::string& name : provider_names(state_->merged["providers"])) {
    const auto* known = provider::find_provider(name);
    const std::string_view model = known != nullptr ? known->default_model : std::string_view();
    const auto reached = route(format("{}/{}", name, model.empty() ? "any" : model), environment);
    const json::Value& values = state_->merged["providers"][name];
    w.begin_object().field("name", name).field("base_url", provider_base_url(*state_, name));
    w.field("dialect", values["dialect"].as_string(known != nullptr ? known->dialect : "openai_chat"));
    w.field("default_model", model);
    const KeySource source = find_key_source(*state_, name);
    w.field("key", source.kind == KeySource::Kind::kStored ? "option" : std::string_view(source.name));
    w.field("ready", reached.ok()).field("reason", reached.ok() ? "" : reached.status().message());
    w.end_object();
  }
  w.end_array();
  return out;
}

}  // namespace tau::runtime
