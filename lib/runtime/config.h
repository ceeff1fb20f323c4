// Configuration: JSON and TOML documents, merged by precedence, checked key by key, resolved into what the
// runtime needs. Pure but for load_file; the environment comes in through a function.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "agent/agent.h"
#include "base/base.h"
#include "json/json.h"
#include "net/net.h"
#include "provider/provider.h"

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

// A configuration document and where it came from: "user" and "project" files, "environment", "option", "agent".
struct Layer {
  std::string origin;
  std::string source;  // file name for messages; may be empty
  json::Value document;
};

StatusOr<json::Value> parse_toml(std::string_view text, std::string_view source);

// INVALID_ARGUMENT "unknown_key", "wrong_type", "bad_value" or "not_allowed_in_project": the message names source,
// key, what was expected, and the nearest known key. `project` documents come with a workspace that may be hostile: they
// may choose a model and params, lower limits, disable tools and tighten policy; nothing else.
Status check_document(const Layer& layer);

// One row per key, for docs/schema/config.json and for `describe`.
std::string config_schema_json();

struct PolicyConfig {
  std::vector<std::string> allow;  // tool names that need no approval
  std::vector<std::string> ask;
  std::vector<std::string> deny;
};

struct NetworkConfig {
  std::string proxy;
  std::string ca_file;
  std::vector<std::string> private_origins;  // "http://127.0.0.1:8080": reachable though private
};

// What one agent runs with.
struct AgentConfig {
  std::string model;  // "provider/model"; empty: detect
  std::string system;
  std::vector<std::string> tools;  // of the built-ins; sorted
  agent::Limits limits;
  PolicyConfig policy;
  std::optional<int64_t> max_tokens;
  std::optional<double> temperature;
  std::optional<double> top_p;
  std::optional<int64_t> seed;
  std::string reasoning_effort;
  std::string response_schema;  // JSON text
  std::string script;           // JSON text for the scripted model
};

// All layers in force, lowest precedence first.
class Config {
 public:
  // Checks every layer. Profiles ("profiles"."NAME") are overlaid when "profile" names one.
  static StatusOr<Config> merge(std::vector<Layer> layers);
  // The same with one more layer on top: the document given to an agent or a run.
  StatusOr<Config> with(Layer layer) const;

  StatusOr<AgentConfig> agent() const;
  NetworkConfig network() const;
  bool relaxed_durability() const;
  // Where and how `model` is reached. INVALID_ARGUMENT "invalid_model_reference" names the known providers;
  // UNAUTHENTICATED "missing_key" names the variable or key that would supply the credential.
  StatusOr<provider::Route> route(std::string_view model, const Environment& environment) const;
  // The credential of a provider by id, bound to the origin of its base URL. Secrets are never in documents
  // that came from files: api_key is accepted from "option" and "agent" layers only; files name key_env or key_file.
  StatusOr<Secret> credential(std::string_view credential_id, const net::Url& url, const Environment& environment) const;
  // The effective document with the origin of each value; secrets as "[REDACTED]".
  std::string describe() const;

  const json::Value& document() const { return merged_; }

 private:
  std::vector<Layer> layers_;
  json::Value merged_;
};

// The model to use when none is configured: a key in the environment, else a server on this machine that speaks the OpenAI
// dialect (its listening socket must belong to this user or root), else "offline/offline". `local_server` may be null.
struct Detected {
  std::string model;   // "provider/model"
  std::string reason;  // for people: "OPENAI_API_KEY is set"
};
Detected detect_model(const Config& config, const Environment& environment,
                      const std::function<std::optional<Detected>()>& local_server);

// Looks for such a server on the well-known ports and asks it for its models (GET /models, at most `timeout_ms`).
std::optional<Detected> find_local_server(Clock& clock, int64_t timeout_ms);

// Egress as this module grants it: http only to granted private origins or loopback by grant, https anywhere public,
// metadata addresses never. Owns copies of what it needs; any loop.
std::unique_ptr<net::EgressPolicy> make_egress_policy(const Config& config);

}  // namespace tau::runtime
