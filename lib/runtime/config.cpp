// Merging layers into one configuration, and reading it.
#include "runtime/config.h"

#include <algorithm>

#include "credential/credential.h"
#include "runtime/config_keys.h"
#include "runtime/config_state.h"

namespace tau::runtime {
namespace {

// Entries of policy.quarantine that are no tools.
constexpr std::string_view kHeldWeb = "label:web";
constexpr std::string_view kHeldTools = "label:tool";

constexpr std::string_view kPolicyLists[] = {"allow", "ask", "deny"};  // from loose to strict

bool is_policy_list(const KeyPath& path) {
  return path[0] == "policy" &&
         std::find(std::begin(kPolicyLists), std::end(kPolicyLists), path[1]) != std::end(kPolicyLists);
}

json::Value& value_at(json::Value& document, const KeyPath& path) {
  json::Value* at = &document;
  for (const std::string& segment : path) {
    if (json::Value* next = at->find(segment)) {
      at = next;
    } else {
      at->set(segment, json::Value::object());
      at = at->find(segment);
    }
  }
  return *at;
}

const json::Value* find_at(const json::Value& document, const KeyPath& path) {
  const json::Value* at = &document;
  for (const std::string& segment : path) {
    at = at->find(segment);
    if (at == nullptr) break;
  }
  return at;
}

bool holds(const json::Value& list, std::string_view text) {
  const auto& entries = list.as_array();
  return std::any_of(entries.begin(), entries.end(),
                     [&](const json::Value& v) { return v.as_string() == text; });
}

// Without `key`'s default: null.
json::Value default_of(const Key& key) {
  if (key.default_json.empty()) return nullptr;
  auto value = json::parse(key.default_json);
  return value.ok() ? *std::move(value) : json::Value();
}

// Overlays documents on the state, lowest precedence first.
class Merger {
 public:
  explicit Merger(Config::State& state) : state_(state) {}

  // `document` is the layer's own, or the part of it that a profile holds.
  Status overlay(size_t layer, const json::Value& document) {
    layer_ = layer;
    project_ = state_.layers[layer].origin == "project";
    const auto visit = [&](const KeyPath& path, const Key& key, const json::Value& value) {
      if (path[0] == "profiles" || is_policy_list(path)) return ok_status();
      return project_ ? apply_from_project(path, key, value) : replace(path, value);
    };
    const Status status = walk_document(document, visit);
    if (!status.ok()) return status.annotate(layer_name(state_.layers[layer]));
    merge_policy(document["policy"]);
    return ok_status();
  }

 private:
  Status replace(const KeyPath& path, json::Value value) {
    value_at(state_.merged, path) = std::move(value);
    state_.origins[key_text(path)] = layer_;
    return ok_status();
  }

  json::Value effective(const KeyPath& path, const Key& key) const {
    const json::Value* value = find_at(state_.merged, path);
    return value != nullptr ? *value : default_of(key);
  }

  Status refuse(const KeyPath& path, std::string_view why) const {
    return invalid_argument("not_allowed_in_project", format("{}: {}", key_text(path), why));
  }

  Status apply_from_project(const KeyPath& path, const Key& key, const json::Value& value) {
    const json::Value lower = effective(path, key);
    switch (key.project) {
      case ProjectRule::kNever: return refuse(path, "a project's file may not set this key");
      case ProjectRule::kSet: return replace(path, value);
      case ProjectRule::kKnownProvider: return choose_model(path, value);
      case ProjectRule::kLower: {
        const auto bound = [&](const json::Value& v) {
          return key.zero_is_unlimited && v.as_int() == 0 ? INT64_MAX : v.as_int();
        };
        if (bound(value) <= bound(lower)) return replace(path, value);
        return refuse(path, format("{} would raise the limit of {}; a project's file may only lower it",
                                   json::write(value), json::write(lower)));
      }
      case ProjectRule::kRemove:
        for (const json::Value& entry : value.as_array())
          if (!holds(lower, entry.as_string()))
            return refuse(path, format("a project's file may not add the tool \"{}\"", entry.as_string()));
        return replace(path, value);
      case ProjectRule::kAdd: {
        json::Value all = lower;
        for (const json::Value& entry : value.as_array())
          if (!holds(all, entry.as_string())) all.push_back(entry);
        return replace(path, std::move(all));
      }
    }
    return ok_status();
  }

  Status choose_model(const KeyPath& path, const json::Value& value) {
    const auto model = provider::parse_model_reference(value.as_string());
    if (!model.ok()) return ok_status();  // empty: no choice
    const bool known =
        provider::find_provider(model->provider) != nullptr || model->provider == "offline" ||
        model->provider == kReplayProvider ||
        (model->provider == kRouteProvider ? state_.merged["routes"].contains(model->model)
                                           : state_.merged["providers"].contains(model->provider));
    if (known) return replace(path, value);
    return refuse(path,
                  format("the provider \"{}\" is not defined; a project's file may only choose one that is",
                         model->provider));
  }

  // A later layer's word on a tool replaces what lower layers said; a project's only when it is stricter.
  void merge_policy(const json::Value& policy) {
    for (size_t strictness = 0; strictness < std::size(kPolicyLists); ++strictness) {
      const json::Value* list = policy.find(kPolicyLists[strictness]);
      if (list == nullptr) continue;
      const KeyPath path = {"policy", std::string(kPolicyLists[strictness])};
      if (!find_at(state_.merged, path)) value_at(state_.merged, path) = json::Value::array();
      state_.origins[key_text(path)] = layer_;
      for (const json::Value& tool : list->as_array()) set_policy(tool.as_string(), strictness);
    }
  }

  void set_policy(std::string_view tool, size_t strictness) {
    for (size_t other = 0; other < std::size(kPolicyLists); ++other) {
      json::Value* list = find_policy(other);
      if (list == nullptr || !holds(*list, tool)) continue;
      if (project_ && other >= strictness) return;
      auto& entries = list->mutable_array();
      std::erase_if(entries, [&](const json::Value& v) { return v.as_string() == tool; });
    }
    find_policy(strictness)->push_back(tool);
  }

  json::Value* find_policy(size_t strictness) {
    return state_.merged.find("policy")->find(kPolicyLists[strictness]);
  }

  Config::State& state_;
  size_t layer_ = 0;
  bool project_ = false;
};

// Where the profile's values stand: right above the file that chose it, right below any other layer.
struct Choice {
  std::string profile;
  size_t layer = 0;
  bool above = false;
};

Choice choose_profile(const std::vector<Layer>& layers) {
  Choice choice;
  for (size_t i = 0; i < layers.size(); ++i)
    if (const json::Value* name = layers[i].document.find("profile"))
      choice = {std::string(name->as_string()), i, layers[i].origin == "user"};
  return choice;
}

Status unknown_profile(const std::vector<Layer>& layers, const Choice& choice) {
  std::vector<std::string> known;
  for (const Layer& layer : layers)
    for (const auto& [name, values] : layer.document["profiles"].as_object()) known.push_back(name);
  std::sort(known.begin(), known.end());
  known.erase(std::unique(known.begin(), known.end()), known.end());
  std::string list;
  for (const std::string& name : known) list += (list.empty() ? "" : ", ") + name;
  return invalid_argument("unknown_profile", format("{}: profile: there is no profile \"{}\"; known: {}",
                                                    layer_name(layers[choice.layer]), choice.profile,
                                                    list.empty() ? "none" : list));
}

Status overlay_profile(Merger& merger, const std::vector<Layer>& layers, const Choice& choice) {
  for (size_t i = 0; i < layers.size(); ++i)
    if (const json::Value* values = layers[i].document["profiles"].find(choice.profile))
      TAU_RETURN_IF_ERROR(merger.overlay(i, *values));
  return ok_status();
}

Status merge_layers(Config::State& state) {
  const std::vector<Layer>& layers = state.layers;
  const Choice choice = choose_profile(layers);
  if (!choice.profile.empty() && std::none_of(layers.begin(), layers.end(), [&](const Layer& layer) {
        return layer.document["profiles"].contains(choice.profile);
      }))
    return unknown_profile(layers, choice);
  state.profile = choice.profile;
  Merger merger(state);
  for (size_t i = 0; i < layers.size(); ++i) {
    const bool here = i == choice.layer && !choice.profile.empty();
    if (here && !choice.above) TAU_RETURN_IF_ERROR(overlay_profile(merger, layers, choice));
    TAU_RETURN_IF_ERROR(merger.overlay(i, layers[i].document));
    if (here && choice.above) TAU_RETURN_IF_ERROR(overlay_profile(merger, layers, choice));
  }
  return ok_status();
}

// Takes every api_key out of the document, so that what is stored, shown and copied holds none. The name of a
// secret in the vault is none.
void take_keys(Config::State& state, size_t layer) {
  json::Value* providers = state.layers[layer].document.find("providers");
  if (providers == nullptr) return;
  for (auto& [name, values] : providers->mutable_object()) {
    json::Value* key = values.find("api_key");
    if (key == nullptr) continue;
    if (credential::is_reference(key->as_string())) continue;
    std::string& text = key->mutable_string();
    state.keys.push_back({name, layer, std::make_shared<const Secret>(text)});
    secure_wipe(text.data(), text.size());
    text = kRedacted;
  }
}

// `first_new`: layers before it were checked and hold no key any more.
StatusOr<std::shared_ptr<const Config::State>> build(Config::State state, size_t first_new) {
  for (size_t i = first_new; i < state.layers.size(); ++i) {
    TAU_RETURN_IF_ERROR(check_document(state.layers[i]));
    take_keys(state, i);
  }
  TAU_RETURN_IF_ERROR(merge_layers(state));
  return std::shared_ptr<const Config::State>(std::make_shared<Config::State>(std::move(state)));
}

std::vector<std::string> sorted_strings(const json::Value& list) {
  std::vector<std::string> out;
  for (const json::Value& entry : list.as_array()) out.emplace_back(entry.as_string());
  std::sort(out.begin(), out.end());
  out.erase(std::unique(out.begin(), out.end()), out.end());
  return out;
}

agent::Limits read_limits(const json::Value& values) {
  agent::Limits limits;
  const auto read = [&](std::string_view name, int64_t& out) { out = values[name].as_int(out); };
  read("max_turns", limits.max_turns);
  read("max_tokens", limits.max_tokens);
  read("max_cost_usd_micros", limits.max_cost_usd_micros);
  read("max_wall_ms", limits.max_wall_ms);
  read("max_prompt_bytes", limits.max_prompt_bytes);
  read("max_parallel_tools", limits.max_parallel_tools);
  read("max_calls_per_turn", limits.max_calls_per_turn);
  read("approval_timeout_ms", limits.approval_timeout_ms);
  read("structured_retries", limits.structured_retries);
  return limits;
}

std::optional<int64_t> optional_int(const json::Value& value) {
  return value.is_null() ? std::nullopt : std::optional(value.as_int());
}

std::optional<double> optional_double(const json::Value& value) {
  return value.is_null() ? std::nullopt : std::optional(value.as_double());
}

// A tool that is not among the default ones is offered where the user lets it act without asking.
std::vector<std::string> offered_tools(const json::Value& policy) {
  std::vector<std::string> offered = default_tools();
  for (const std::string& allowed : sorted_strings(policy["allow"])) {
    const bool builtin = std::binary_search(builtin_tools().begin(), builtin_tools().end(), allowed);
    const auto at = std::lower_bound(offered.begin(), offered.end(), allowed);
    if (builtin && (at == offered.end() || *at != allowed)) offered.insert(at, allowed);
  }
  return offered;
}

std::string optional_json(const json::Value& value) { return value.is_null() ? "" : json::write(value); }

}  // namespace

Config::Config() : state_(std::make_shared<const State>()) {}

StatusOr<Config> Config::merge(std::vector<Layer> layers) {
  State state;
  state.layers = std::move(layers);
  TAU_ASSIGN_OR_RETURN(auto built, build(std::move(state), 0));
  return Config(std::move(built));
}

StatusOr<Config> Config::with(Layer layer) const {
  State state;
  state.layers = state_->layers;
  state.keys = state_->keys;
  state.secrets = state_->secrets;
  state.catalog = state_->catalog;
  state.host_models = state_->host_models;
  state.layers.push_back(std::move(layer));
  TAU_ASSIGN_OR_RETURN(auto built, build(std::move(state), state_->layers.size()));
  return Config(std::move(built));
}

namespace {

// Every value was checked when its document was.
safety::PolicySpec read_rules(const json::Value& policy) {
  safety::PolicySpec spec;
  if (const auto preset = safety::parse_preset(policy["preset"].as_string()); preset.ok())
    spec.preset = *preset;
  spec.task_tools = sorted_strings(policy["task_tools"]);
  spec.approved = sorted_strings(policy["approved"]);
  for (const json::Value& text : policy["rules"].as_array())
    if (auto rule = safety::parse_argument_rule(text.as_string()); rule.ok())
      spec.rules.push_back(*std::move(rule));
  for (const json::Value& text : policy["flows"].as_array())
    if (auto flow = safety::parse_flow(text.as_string()); flow.ok()) spec.flows.push_back(*std::move(flow));
  for (const json::Value& text : policy["requests"].as_array())
    if (auto scope = safety::parse_request_scope(text.as_string()); scope.ok())
      spec.requests.push_back(*std::move(scope));
  for (const auto& [tool, keys] : policy["tools"].as_object())
    if (keys.contains("destinations"))
      spec.destinations.emplace_back(tool, sorted_strings(keys["destinations"]));
  std::sort(spec.destinations.begin(), spec.destinations.end());
  if (const std::string_view signals = policy["signals"].as_string(); !signals.empty())
    spec.signals = signals == "deny"  ? safety::Ruling::kDeny
                   : signals == "ask" ? safety::Ruling::kAsk
                                      : safety::Ruling::kAllow;
  spec.calls_per_minute = policy["calls_per_minute"].as_int(-1);
  spec.tool_calls_per_minute = policy["tool_calls_per_minute"].as_int(-1);
  spec.max_calls = policy["max_calls"].as_int(-1);
  return spec;
}

// The list adds to what the preset holds; a tool's own key decides of the tool.
QuarantineConfig read_quarantine(const json::Value& policy) {
  QuarantineConfig out;
  out.held = sorted_strings(policy["quarantine"]);
  const auto preset = safety::parse_preset(policy["preset"].as_string());
  if (preset.ok() && safety::preset_rules(*preset).holds_web) out.held.emplace_back(kHeldWeb);
  for (const auto& [tool, keys] : policy["tools"].as_object()) {
    const json::Value* const held = keys.find("quarantine");
    if (held != nullptr) (held->as_bool() ? out.held : out.shown).push_back(tool);
  }
  out.shown.emplace_back("extract");
  out.questions = policy["quarantine_questions"].as_bool();
  return out;
}

}  // namespace

StatusOr<AgentConfig> Config::agent() const {
  const json::Value& values = state_->merged;
  AgentConfig config;
  config.model = values["model"].as_string();
  config.system = values["system"].as_string();
  config.tools = values.contains("tools") ? sorted_strings(values["tools"]) : offered_tools(values["policy"]);
  const auto disabled = sorted_strings(values["tools_disabled"]);
  std::erase_if(config.tools, [&](const std::string& tool) {
    return std::binary_search(disabled.begin(), disabled.end(), tool);
  });
  config.limits = read_limits(values["limits"]);
  const json::Value& policy = values["policy"];
  config.policy = {sorted_strings(policy["allow"]), sorted_strings(policy["ask"]),
                   sorted_strings(policy["deny"]), read_rules(policy)};
  config.quarantine = read_quarantine(policy);
  const json::Value& params = values["params"];
  config.max_tokens = optional_int(params["max_tokens"]);
  config.temperature = optional_double(params["temperature"]);
  config.top_p = optional_double(params["top_p"]);
  config.seed = optional_int(params["seed"]);
  config.reasoning_effort = params["reasoning_effort"].as_string();
  const std::string_view cache = params["prompt_cache"].as_string();
  if (cache == "off") config.prompt_cache = wire::PromptCache::kOff;
  if (cache == "1h") config.prompt_cache = wire::PromptCache::kHour;
  config.response_schema = optional_json(values["response_schema"]);
  config.script = optional_json(values["script"]);
  if (const json::Value* schema = values.find("response_schema")) {
    const auto compiled = json::Schema::compile(*schema);
    if (!compiled.ok()) return compiled.status().annotate("response_schema");
  }
  return config;
}

namespace {

std::vector<NetworkConfig::FetchCredential> read_credentials(const json::Value& table) {
  std::vector<NetworkConfig::FetchCredential> out;
  for (const auto& [name, keys] : table.as_object()) {
    const StatusOr<net::Url> url = net::parse_url(keys["origin"].as_string());
    if (!url.ok() || keys["secret"].is_null()) continue;
    const bool usual = keys["key_header"].is_null();
    out.push_back({name, url->origin(), std::string(keys["secret"].as_string()),
                   std::string(keys["key_header"].as_string("authorization")),
                   std::string(keys["key_prefix"].as_string(usual ? "Bearer " : ""))});
  }
  return out;
}

}  // namespace

NetworkConfig Config::network() const {
  const json::Value& values = state_->merged["network"];
  const json::Value& fetch = values["fetch"];
  return {std::string(values["proxy"].as_string()),
          std::string(values["ca_file"].as_string()),
          sorted_strings(values["private_origins"]),
          values["allow_local_server"].as_bool(),
          values["native_http"].as_bool(true),
          fetch["http"].as_bool(),
          sorted_strings(fetch["hosts"]),
          sorted_strings(fetch["denied_hosts"]),
          read_credentials(fetch["credentials"])};
}

store::Retention Config::retention() const {
  const json::Value& keys = state_->merged["retention"];
  return {.max_age_ms = keys["max_age_days"].as_int() * kMillisPerDay,
          .max_bytes = keys["max_bytes"].as_int()};
}

AuditConfig Config::audit() const {
  const json::Value& keys = state_->merged["audit"];
  const AuditConfig usual;
  const bool required = keys["required"].as_bool();
  return {.enabled = required || keys["enabled"].as_bool(usual.enabled),
          .required = required,
          .sync_commits = required || keys["sync"].as_string() == "commit",
          .replace_lost = keys["replace_lost"].as_bool(),
          .max_age_ms = keys["max_age_days"].as_int() * kMillisPerDay,
          .max_bytes = keys["max_bytes"].as_int(usual.max_bytes)};
}

MemoryConfig Config::memory() const {
  const json::Value& keys = state_->merged["memory"];
  const auto text = [&](std::string_view key) { return std::string(keys[key].as_string()); };
  return {.model = std::string(keys["model"].as_string("hash")),
          .dimensions = keys["dimensions"].as_int(),
          .tools = keys["tools"].as_bool(),
          .recall = keys["recall"].as_bool(),
          .recall_count = keys["recall_count"].as_int(8),
          .recall_bytes = keys["recall_bytes"].as_int(6'000),
          .recall_wait_ms = keys["recall_wait_ms"].as_int(2'000),
          .workspace = std::string(keys["workspace"].as_string("default")),
          .channel = text("channel"),
          .actor = text("actor")};
}

VaultConfig Config::vault() const {
  const json::Value& keys = state_->merged["vault"];
  const auto text = [&](std::string_view key) { return std::string(keys[key].as_string()); };
  return {text("path"), text("anchor"), text("key_file"), text("key_env"), text("keyring")};
}

AccessConfig Config::access() const {
  const json::Value& keys = state_->merged["access"];
  AccessConfig out;
  out.policy = keys["policy"].as_string();
  out.document = optional_json(keys["document"]);
  out.principal = keys["principal"].as_string(out.principal);
  return out;
}

Config Config::with_secrets(std::shared_ptr<const SecretLookup> lookup) const {
  auto state = std::make_shared<State>(*state_);
  state->secrets = std::move(lookup);
  return Config(std::move(state));
}

bool Config::relaxed_durability() const {
  return state_->merged["store"]["durability"].as_string() == "relaxed";
}

safety::RuleChoice Config::rule_choice() const {
  const json::Value& keys = state_->merged["safety"];
  return {.credentials = keys["redact"].as_string() != "secrets",
          .personal = sorted_strings(keys["pii"]),
          .personal_signals = keys["pii_action"].as_string() == "signal"};
}

bool QuarantineConfig::holds(std::string_view tool, const Labels& labels) const {
  const auto is = [](std::string_view name) {
    return [name](const std::string& entry) { return entry == name; };
  };
  if (std::any_of(shown.begin(), shown.end(), is(tool))) return false;
  const auto lists = [&](std::string_view name) { return std::any_of(held.begin(), held.end(), is(name)); };
  return lists(tool) || (lists(kHeldWeb) && labels.has(Source::kWeb)) ||
         (lists(kHeldTools) && labels.has(Source::kTool));
}

const json::Value& Config::document() const { return state_->merged; }

}  // namespace tau::runtime
