// Configuration: JSON and TOML documents, merged by precedence, checked key by key, resolved into what the
// runtime needs. Pure but for load_file, key files and find_local_server; the environment comes in through a
// function.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "agent/agent.h"
#include "base/base.h"
#include "json/json.h"
#include "net/net.h"
#include "provider/provider.h"
#include "safety/safety.h"
#include "store/store.h"

namespace tau::runtime {

// Reads one environment variable; nullopt when it is unset or the environment may not be read.
using Environment = std::function<std::optional<std::string>(std::string_view name)>;

// Every variable that the library reads: the table behind --help and .env.example.
struct Variable {
  std::string_view name;
  std::string_view help;
  bool secret = false;
};
const std::vector<Variable>& environment_variables();

// A configuration document and where it came from: "user" and "project" files, "environment", "option",
// "agent".
struct Layer {
  std::string origin;
  std::string source;  // file name for messages; may be empty
  json::Value document;
};

// TOML 1.0, at most 1 MiB, as a document of the same shape. INVALID_ARGUMENT "invalid_toml" (message:
// source:line:column: what), also for dates, infinities, NaN and nesting beyond what any key needs, which
// JSON or this library cannot hold.
StatusOr<json::Value> parse_toml(std::string_view text, std::string_view source);

// The file as a layer; TOML, or JSON when the name ends in ".json". Nothing when there is no such file.
StatusOr<std::optional<Layer>> load_file(std::string_view origin, const std::string& path);

// TAU_MODEL and TAU_PROFILE as a layer; variables that are unset or empty say nothing.
Layer environment_layer(const Environment& environment);

// INVALID_ARGUMENT "unknown_key", "wrong_type", "bad_value", "unknown_tool", "invalid_model_reference" or
// "not_allowed_in_project": the message names source, key, what was expected and found, or the nearest known
// key. `project` documents come with a workspace that may be hostile: they may choose a model and params,
// lower limits, disable tools and tighten policy; nothing else.
Status check_document(const Layer& layer);

// JSON Schemas made from the one table of keys: docs/schema/config.json and docs/schema/agent.json.
std::string config_schema_json();
std::string agent_schema_json();

// The names of the built-in tools, sorted: all, and those that are offered when no configuration names any.
// The others are offered when `tools` lists them, or, where no `tools` is set, when policy.allow does.
const std::vector<std::string>& builtin_tools();
const std::vector<std::string>& default_tools();

// Each list is sorted and no name stands in two: a later layer's word on a tool replaces what lower ones
// said, and within one layer deny beats ask beats allow.
struct PolicyConfig {
  std::vector<std::string> allow;  // tool names that need no approval
  std::vector<std::string> ask;
  std::vector<std::string> deny;
  // The rest of the policy; its lists of names stay empty.
  safety::PolicySpec rules;
};

// Whose results the model is shown as handles: safety/quarantine.h.
struct QuarantineConfig {
  std::vector<std::string> held;   // tools, or "label:web": what came from a network, "label:tool": all
  std::vector<std::string> shown;  // tools that are none of them, whatever `held` says
  bool questions = false;          // extract may put questions about held texts to the run's model
  bool any() const { return !held.empty(); }
  bool holds(std::string_view tool, const Labels& labels) const;
};

struct NetworkConfig {
  std::string proxy;
  std::string ca_file;
  std::vector<std::string> private_origins;  // "http://127.0.0.1:8080": reachable though private
  bool allow_local_server = false;           // detection may use a server that another user runs
  bool native_http = true;                   // plain text goes without libcurl, where it can
  // Of requests that agents make.
  bool fetch_http = false;                      // http, not https alone
  std::vector<std::string> fetch_hosts;         // empty: all public ones
  std::vector<std::string> fetch_denied_hosts;  // win
  struct FetchCredential {
    std::string name;
    std::string origin;  // as Url::origin() writes it
    std::string secret;  // "secret://…"
    std::string header = "authorization";
    std::string prefix;
  };
  std::vector<FetchCredential> fetch_credentials;  // complete ones
};

// The audit log of the home.
struct AuditConfig {
  bool enabled = true;
  bool required = false;      // calls that are not pure wait for their record, and fail without
  bool sync_commits = false;  // records are on the disk before anybody is told
  bool replace_lost = false;  // observe::AuditOptions
  int64_t max_age_ms = 0;     // 0: no limit, as below
  int64_t max_bytes = int64_t{1} << 30;
};

// What is remembered.
struct MemoryConfig {
  std::string model;       // who makes the vectors: "hash", "none", "file:PLACE" or "provider/model"
  int64_t dimensions = 0;  // of a provider's model; 0: as many as it has
  // Of agents:
  bool tools = false;   // the tools memory_… are offered
  bool recall = false;  // what is remembered goes before prompts
  int64_t recall_count = 8;
  int64_t recall_bytes = 6'000;
  int64_t recall_wait_ms = 2'000;
  std::string workspace;  // where their memories are; channel and actor: empty: any; see memory_tools.h
  std::string channel;
  std::string actor;
};

// What goes to providers is recorded, and recordings answer in their place.
struct RecordingConfig {
  std::string directory;  // empty: nothing is recorded; a relative name is one in the home
  int64_t max_bytes = 64 << 20;
  bool repeat = false;  // of a replay: provider::ReplayOptions
  bool timing = false;
};

// The vault that "secret://" references are looked up in, unless the host gives one.
struct VaultConfig {
  std::string path;    // empty: "vault" in the home
  std::string anchor;  // empty: "<path>.epochs"
  std::string key_file;
  std::string key_env;
  std::string keyring;
};
// Who acts, and the policy of roles that says what they may do.
struct AccessConfig {
  std::string policy;    // its file; a relative name is one in the home
  std::string document;  // or its JSON text
  std::string principal = "local";
  bool any() const { return !policy.empty() || !document.empty(); }
};

// Looks a reference up for an origin.
using SecretLookup = std::function<StatusOr<Secret>(const std::string& reference, std::string_view origin)>;

inline constexpr int64_t kMillisPerDay = 86'400'000;

// What one agent runs with.
struct AgentConfig {
  std::string model;  // "provider/model"; empty: detect
  std::string system;
  std::vector<std::string> tools;  // of the built-ins; sorted
  agent::Limits limits;
  PolicyConfig policy;
  QuarantineConfig quarantine;
  std::optional<int64_t> max_tokens;
  std::optional<double> temperature;
  std::optional<double> top_p;
  std::optional<int64_t> seed;
  std::string reasoning_effort;
  wire::PromptCache prompt_cache = wire::PromptCache::kAuto;
  std::string response_schema;  // JSON text
  std::string script;           // JSON text for the scripted model
};

class HostModels;

// All layers in force. Immutable; copies share.
class Config {
 public:
  Config();  // no layer: the defaults
  // Checks every layer; lowest precedence first. A profile stands right above the file that selects it, and
  // right below the values that a layer of another kind gives beside its choice. INVALID_ARGUMENT
  // "unknown_profile" names the known ones. Keys given as api_key move out of the documents.
  static StatusOr<Config> merge(std::vector<Layer> layers);
  // The same with one more layer on top: the document given to an agent or a run.
  StatusOr<Config> with(Layer layer) const;

  StatusOr<AgentConfig> agent() const;
  NetworkConfig network() const;
  bool relaxed_durability() const;
  store::Retention retention() const;
  safety::RuleChoice rule_choice() const;  // what is looked for beside registered secrets
  AuditConfig audit() const;
  MemoryConfig memory() const;
  VaultConfig vault() const;
  RecordingConfig recording() const;
  // Of the route NAME, else of all models; provider::CachePolicy::enabled() is false where there is none.
  provider::CachePolicy cache(std::string_view route) const;
  AccessConfig access() const;
  // The same, with references looked up there.
  Config with_secrets(std::shared_ptr<const SecretLookup> lookup) const;
  // Where and how `model` is reached; for "scripted" and "offline" only provider and model are set.
  // INVALID_ARGUMENT "invalid_model_reference" names the known providers, "missing_base_url" a configured one
  // without; else as credential() fails.
  StatusOr<provider::Route> route(std::string_view model, const Environment& environment) const;
  // The same without its key, and so also where none is there.
  StatusOr<provider::Route> keyless_route(std::string_view model) const;
  // The route NAME of the configuration. INVALID_ARGUMENT "unknown_route", "route_without_upstreams"; else as
  // route() fails, when no upstream can be reached.
  StatusOr<provider::RouteSpec> route_spec(std::string_view name, const Environment& environment) const;
  bool has_route(std::string_view name) const;
  // [{"name","strategy","upstreams":[{"model","weight","context_tokens","max_output_tokens","price"}],
  // "unavailable":[{"model","reason","message"}],"reason"}]; "price" is null when it is unknown, "reason"
  // says why a route cannot be used. No secret.
  std::string describe_routes(const Environment& environment) const;
  // One model under the limits of its provider and the budgets; nothing when there are none.
  std::optional<provider::RouteSpec> single_route(const provider::Route& route) const;
  provider::BudgetSpec budgets() const;
  // The same, with what a catalog knows of models; and the file that it is in, empty: the default.
  Config with_catalog(std::shared_ptr<const provider::ModelCatalog> catalog) const;
  std::string models_file() const;
  // The same for habits of providers.
  Config with_quirks(std::shared_ptr<const provider::QuirkTable> quirks) const;
  std::string quirks_file() const;
  // The same, with models that the program supplies, now or later.
  Config with_host_models(std::shared_ptr<const HostModels> models) const;
  // What each known or configured provider would need: [{"name","base_url","dialect","default_model","key",
  // "ready","reason"}]; "key" names the variable or file, "reason" says why it is not ready. No secret.
  std::string describe_providers(const Environment& environment) const;
  // The credential of a provider by its name. It is bound to the base URL in force in the layer that gave the
  // key (a known variable to the provider's own): PERMISSION_DENIED "credential_origin_mismatch" for another
  // origin. UNAUTHENTICATED "missing_key" names the variable or key that would supply it. Secrets are never
  // in documents that came from files: a key as api_key is accepted from "option" and "agent" layers only;
  // the user's file may name a secret of the vault there, which knows its origin itself, or key_env or
  // key_file.
  StatusOr<Secret> credential(std::string_view credential_id, const net::Url& url,
                              const Environment& environment) const;
  // Every key of a provider that is there: what the scanners should know.
  void for_each_key(const Environment& environment,
                    const std::function<void(std::string_view id, const Secret& key)>& use) const;
  // The effective document with the origin of each value; secrets as "[REDACTED]".
  // {"profile":"fast","layers":[{"origin":"user","source":"tau.toml"}],
  //  "values":{"limits.max_turns":{"value":50,"origin":"default"}, …}}
  std::string describe() const;

  // Merged; secrets as "[REDACTED]".
  const json::Value& document() const;

  struct State;  // private to the module: config_state.h
  const State& state() const { return *state_; }

 private:
  provider::Upstream governed(provider::Route route) const;
  explicit Config(std::shared_ptr<const State> state) : state_(std::move(state)) {}
  std::shared_ptr<const State> state_;
};

// The provider part of a model that is a route: "route/NAME"; and of recordings: "replay/NAME".
inline constexpr std::string_view kRouteProvider = "route";
inline constexpr std::string_view kReplayProvider = "replay";

// An entry of routes.NAME.upstreams: "provider/model", or "provider/model=WEIGHT".
struct UpstreamName {
  std::string model;
  int64_t weight = 1;
};
StatusOr<UpstreamName> parse_upstream(std::string_view text);  // INVALID_ARGUMENT "invalid_model_reference"

// The model to use when none is configured: a key in the environment, else a server on this machine that
// speaks the OpenAI dialect (its listening socket must belong to this user or root), else "offline/offline".
// `local_server` may be null.
struct Detected {
  std::string model;   // "provider/model"
  std::string reason;  // for people: "OPENAI_API_KEY is set"
};
Detected detect_model(const Config& config, const Environment& environment,
                      const std::function<std::optional<Detected>()>& local_server);

// Looks for such a server on the well-known ports and asks it for its models (GET /models, at most
// `timeout_ms` in all). `any_owner` skips the owner check (network.allow_local_server).
std::optional<Detected> find_local_server(Clock& clock, int64_t timeout_ms, bool any_owner = false);

// Egress of requests to providers: https anywhere public; http and private addresses only for granted
// origins, which are the base URLs of known and configured providers, and network.private_origins.
// Connections may go to the proxy. Refusals are those of safety::Egress. Owns copies of what it needs; any
// loop.
std::unique_ptr<net::EgressPolicy> make_egress_policy(const Config& config);

// Egress of requests that agents make: public hosts, or those of network.fetch.hosts alone, on the scheme's
// own port, by https (by http if network.fetch.http says so); and network.private_origins. Base URLs of
// providers are granted to providers, not to agents.
std::unique_ptr<net::EgressPolicy> make_fetch_policy(const Config& config);
// How HTTP is spoken, whoever asks.
net::HttpClientOptions http_client_options(const Config& config);
// The rules that this policy is made of.
safety::Egress make_fetch_rules(const Config& config);
// Of requests that agents make: what network.fetch.credentials binds to their origins, looked up in the vault
// at each request. The secret is known to `screening` before it goes out: FAILED_PRECONDITION
// "credential_too_short" when an answer that repeats it could not be told from other text.
std::unique_ptr<net::CredentialSource> make_fetch_credentials(const Config& config,
                                                              std::shared_ptr<safety::Screening> screening);
// The same, and no request that holds a secret known to `screening`: PERMISSION_DENIED "egress_secret" names
// it.
std::unique_ptr<net::EgressPolicy> keep_secrets(std::unique_ptr<net::EgressPolicy> inner,
                                                std::shared_ptr<const safety::Screening> screening);

}  // namespace tau::runtime
