// Agents: a configuration resolved into what runs start from.
#include <algorithm>

#include "runtime/agent_model.h"
#include "runtime/core.h"
#include "runtime/memory_tools.h"

namespace tau::runtime {
namespace {

// Routes that need no provider definition.
std::optional<provider::Route> reserved_route(const std::string& model) {
  const std::string name = model.substr(0, model.find('/'));
  if (name != "offline" && name != "scripted") return std::nullopt;
  provider::Route route;
  route.provider = name;
  route.model = name;
  route.price.known = name == "offline";  // it costs nothing
  return route;
}

// The file that a replay answers from is read when an agent is made, so that what is wrong with it is told
// then.
Status check_recordings(Core& core, const AgentSnapshot& agent) {
  if (agent.spec != nullptr) {
    for (const provider::Upstream& upstream : agent.spec->upstreams)
      TAU_RETURN_IF_ERROR(core.recordings(upstream.route).status());
    return ok_status();
  }
  return agent.route.ok() ? core.recordings(**agent.route).status() : ok_status();
}

// The route of a model that is one by name, with what it is made of.
Status add_route(Core& core, const Config& config, std::string_view name, AgentSnapshot& snapshot) {
  auto spec = config.route_spec(name, core.environment());
  if (spec.status().code() == Code::kInvalidArgument) return spec.status();
  if (!spec.ok()) {
    snapshot.route = spec.status();
    return ok_status();
  }
  for (const auto& [model, why] : spec->unavailable)
    core.log(LogLevel::kWarn, "provider",
             format("routes.{}: {} is left out: {}", name, model, why.message()));
  snapshot.spec = std::make_shared<const provider::RouteSpec>(*std::move(spec));
  snapshot.route = std::make_shared<const provider::Route>(provider::outline(*snapshot.spec));
  return ok_status();
}

bool wants(const AgentConfig& config, const std::string& tool) {
  return std::find(config.tools.begin(), config.tools.end(), tool) != config.tools.end();
}

Status add_builtins(Core& core, const AgentConfig& config, tool::Registry& registry) {
  const bool runs_commands =
      core.workspace() != nullptr && core.launcher() != nullptr && wants(config, "bash");
  const bool sandboxed = runs_commands && core.sandbox().confined;
  for (std::shared_ptr<tool::Tool>& builtin : tool::builtin_tools(sandboxed)) {
    const tool::Manifest& manifest = builtin->manifest();
    const bool wanted = wants(config, manifest.name);
    // A request needs no workspace; all else does, and commands need what starts them.
    const bool possible = manifest.effect == tool::Effect::kEgress ||
                          (core.workspace() != nullptr &&
                           (manifest.effect != tool::Effect::kExec || core.launcher() != nullptr));
    if (wanted && possible) TAU_RETURN_IF_ERROR(registry.add(std::move(builtin)));
  }
  const QuarantineConfig& quarantine = config.quarantine;
  return quarantine.any() ? registry.add(tool::make_extract_tool(quarantine.questions)) : ok_status();
}

std::shared_ptr<const wire::Request> make_parameters(const AgentSnapshot& agent) {
  auto request = std::make_shared<wire::Request>();
  request->model = agent.route.ok() ? (*agent.route)->model : agent.model.str();
  request->stream = true;
  request->max_tokens = agent.config.max_tokens;
  request->temperature = agent.config.temperature;
  request->top_p = agent.config.top_p;
  request->seed = agent.config.seed;
  request->reasoning_effort = agent.config.reasoning_effort;
  request->prompt_cache = agent.config.prompt_cache;
  if (!agent.config.response_schema.empty()) {
    request->response_format.kind = wire::ResponseFormat::Kind::kJsonSchema;
    request->response_format.name = "answer";
    request->response_format.schema = agent.config.response_schema;
  }
  for (const std::shared_ptr<tool::Tool>& t : agent.tools->all()) {
    const tool::Manifest& m = t->manifest();
    request->tools.push_back(
        {.name = m.name, .description = m.description, .parameters = m.parameters, .extras = {}});
  }
  return request;
}

// Built-in tools that the configuration asks for and that cannot be offered.
void write_unavailable(json::Writer& w, const Core& core, const AgentSnapshot& agent) {
  w.key("unavailable").begin_array();
  for (const std::shared_ptr<tool::Tool>& builtin : tool::builtin_tools()) {
    const std::string& name = builtin->manifest().name;
    if (!wants(agent.config, name) || agent.tools->find(name) != nullptr) continue;
    w.begin_object().field("name", name);
    w.field("reason", core.launcher_failure().reason()).field("message", core.launcher_failure().message());
    w.end_object();
  }
  w.end_array();
}

// What stands behind commands, when there is a tool that runs them.
void write_sandbox(json::Writer& w, Core& core, const AgentSnapshot& agent) {
  if (core.launcher() == nullptr || !wants(agent.config, "bash")) return;
  const EffectiveSandbox& sandbox = core.sandbox();
  w.key("sandbox").begin_object();
  w.field("confined", sandbox.confined);
  w.key("mechanism").string(os::mechanism_name(sandbox.enforcement.mechanism));
  w.field("landlock_abi", static_cast<int64_t>(sandbox.enforcement.landlock_abi));
  w.field("notice", sandbox.notice).end_object();
}

void write_manifest(json::Writer& w, const tool::Manifest& m, bool host) {
  w.begin_object();
  w.field("name", m.name).field("description", m.description).field_raw("parameters", m.parameters);
  w.key("effect").string(tool::effect_name(m.effect));
  w.field("parallel", m.parallel).field("idempotent", m.idempotent);
  w.field("sandboxed", m.sandboxed || m.effect <= tool::Effect::kRead).field("host", host);
  w.key("destinations").begin_array();
  for (const std::string& argument : m.destination_args) w.string(argument);
  w.end_array();
  w.field("timeout_ms", m.timeout_ms).end_object();
}

}  // namespace

std::vector<wire::Message> system_prompt(Core& core, const AgentSnapshot& agent, std::string instructions,
                                         bool instructions_cut) {
  agent::PromptParts parts;
  parts.base = agent.config.system;
  parts.instructions = std::move(instructions);
  parts.instructions_cut = instructions_cut;
  if (core.workspace() != nullptr && !agent.tools->all().empty())
    parts.workspace_note = "Tools work in the workspace directory " + core.workspace()->root() + ".";
  std::vector<wire::Message> messages = agent::system_messages(parts);
  if (!core.screening().knows_secrets()) return messages;
  const Redaction redaction(core.screening().current());
  for (wire::Message& message : messages) redaction.clean(message, Author::kHost);
  return messages;
}

Status find_model(Core& core, const Config& config, AgentSnapshot& snapshot) {
  const std::string name = snapshot.model.str();
  if (auto reserved = reserved_route(name)) {
    if (reserved->provider == "scripted") {
      TAU_ASSIGN_OR_RETURN(snapshot.script, provider::parse_script(snapshot.config.script));
    }
    snapshot.route = std::make_shared<const provider::Route>(*std::move(reserved));
  } else if (name.starts_with(std::string(kRouteProvider) + "/")) {
    TAU_RETURN_IF_ERROR(add_route(core, config, name.substr(kRouteProvider.size() + 1), snapshot));
  } else {
    auto route = config.route(name, core.environment());
    if (route.status().code() == Code::kInvalidArgument) return route.status();
    if (route.ok()) {
      if (auto single = config.single_route(*route))
        snapshot.spec = std::make_shared<const provider::RouteSpec>(*std::move(single));
      snapshot.route = std::make_shared<const provider::Route>(*std::move(route));
    } else {
      snapshot.route = route.status();
    }
  }
  return check_recordings(core, snapshot);
}

StatusOr<std::shared_ptr<const AgentSnapshot>> make_snapshot(Core& core, const Config& config,
                                                             tool::Registry tools,
                                                             std::set<std::string> host_tools,
                                                             std::set<std::string> always_ask) {
  auto snapshot = std::make_shared<AgentSnapshot>();
  TAU_ASSIGN_OR_RETURN(snapshot->config, config.agent());
  snapshot->memory = config.memory();
  snapshot->model = snapshot->config.model;
  snapshot->model_reason = "configured";
  if (snapshot->model.empty()) {
    snapshot->model = core.detected().model;
    snapshot->model_reason = core.detected().reason;
  }
  TAU_RETURN_IF_ERROR(provider::parse_model_reference(snapshot->model).status());
  TAU_RETURN_IF_ERROR(find_model(core, config, *snapshot));
  snapshot->tools = std::make_shared<const tool::Registry>(std::move(tools));
  TAU_ASSIGN_OR_RETURN(snapshot->policy,
                       AgentPolicy::make(snapshot->config.policy, host_tools, always_ask, core.access()));
  snapshot->principal = config.access().principal;
  if (Audit* const audit = core.audit()) audit->policy_in_force(snapshot->policy->epoch());
  snapshot->host_tools = std::move(host_tools);
  snapshot->always_ask = std::move(always_ask);
  snapshot->parameters = make_parameters(*snapshot);
  snapshot->requests = std::make_shared<RequestPool>();
  snapshot->prefix = std::make_shared<const PromptPrefix>(
      make_prefix(system_prompt(core, *snapshot, {}, false), *snapshot->parameters));
  return std::shared_ptr<const AgentSnapshot>(std::move(snapshot));
}

Agent::Agent(std::shared_ptr<Runtime> runtime, std::unique_ptr<Config> config)
    : runtime_(std::move(runtime)), config_(std::move(config)) {}
Agent::~Agent() = default;

StatusOr<std::shared_ptr<Agent>> Agent::make(std::shared_ptr<Runtime> runtime, std::string_view config_json) {
  TAU_RETURN_IF_ERROR(runtime->check());
  Core& core = *runtime->core();
  auto config = std::make_unique<Config>(core.config());
  if (!config_json.empty()) {
    TAU_ASSIGN_OR_RETURN(json::Value document, json::parse(config_json));
    TAU_ASSIGN_OR_RETURN(*config, core.config().with({"agent", "agent", std::move(document)}));
  }
  TAU_ASSIGN_OR_RETURN(const AgentConfig resolved, config->agent());
  tool::Registry registry;
  TAU_RETURN_IF_ERROR(add_builtins(core, resolved, registry));
  if (const MemoryConfig memory = config->memory(); memory.tools && core.workers().available())
    TAU_RETURN_IF_ERROR(add_memory_tools(runtime, memory, registry));
  std::shared_ptr<Agent> agent(new Agent(std::move(runtime), std::move(config)));
  TAU_ASSIGN_OR_RETURN(agent->snapshot_, make_snapshot(core, *agent->config_, std::move(registry), {}, {}));
  return agent;
}

Status Agent::add_tool(std::shared_ptr<tool::Tool> tool, bool always_ask) {
  TAU_RETURN_IF_ERROR(runtime_->check());
  const std::string name = tool->manifest().name;
  const bool needs_worker = tool->manifest().runs == tool::Manifest::Runs::kWorker;
  if (needs_worker && !runtime_->core()->workers().available())
    return failed_precondition("needs_worker", "tool " + name + " blocks, and this runtime has no workers");
  const std::lock_guard lock(mutex_);
  tool::Registry registry = *snapshot_->tools;
  TAU_RETURN_IF_ERROR(registry.add(std::move(tool)));
  std::set<std::string> host_tools = snapshot_->host_tools;
  std::set<std::string> ask = snapshot_->always_ask;
  host_tools.insert(name);
  if (always_ask) ask.insert(name);
  TAU_ASSIGN_OR_RETURN(snapshot_, make_snapshot(*runtime_->core(), *config_, std::move(registry),
                                                std::move(host_tools), std::move(ask)));
  return ok_status();
}

std::shared_ptr<const AgentSnapshot> Agent::snapshot() const {
  const std::lock_guard lock(mutex_);
  return snapshot_;
}

std::string Agent::describe() const {
  const auto agent = snapshot();
  std::string out;
  json::Writer w(out);
  w.begin_object();
  w.field("model", agent->model).field("model_reason", agent->model_reason);
  if (!agent->route.ok()) w.field("model_error", std::string(agent->route.status().message()));
  w.key("tools").begin_array();
  for (const std::shared_ptr<tool::Tool>& t : agent->tools->all())
    write_manifest(w, t->manifest(), agent->host_tools.contains(t->manifest().name));
  w.end_array();
  write_unavailable(w, *runtime_->core(), *agent);
  w.field("policy_epoch", agent->policy->epoch());
  w.key("policy").begin_object();
  agent->policy->rules().describe(w);
  w.end_object();
  write_sandbox(w, *runtime_->core(), *agent);
  w.field_raw("config", config_->describe());
  w.end_object();
  return out;
}

}  // namespace tau::runtime
