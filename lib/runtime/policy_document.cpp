#include "runtime/policy_document.h"

#include <algorithm>
#include <optional>
#include <vector>

#include "runtime/config.h"
#include "runtime/host_document.h"
#include "runtime/policy.h"

namespace tau::runtime {
namespace {

constexpr int64_t kMinuteMs = 60'000;
constexpr int64_t kNsPerMs = 1'000'000;

Status invalid_call(std::string_view what) { return invalid_argument("invalid_call", what); }

// Arguments of a call: as an object, or as the text that a model wrote.
StatusOr<std::string> read_arguments(const json::Value& v, std::string_view what) {
  const json::Value& arguments = v["arguments"];
  if (arguments.is_object()) return json::write(arguments);
  TAU_RETURN_IF_ERROR(
      check_type(arguments.is_string(), what, "arguments", "an object, or its JSON as a string"));
  return std::string(arguments.as_string());
}

// A call and what is known of its session, with all that the monitor's views point into.
class CallDocument {
 public:
  Status read(const json::Value& call, const safety::CallMeter::Caps& caps);
  const safety::Action& action() const { return action_; }
  const safety::Scene& scene() const { return scene_; }
  const std::string& tool() const { return tool_; }
  const json::Value* arguments() const { return action_.arguments; }
  const Labels& labels() const { return labels_; }

 private:
  struct Read {
    std::string arguments;
    std::string content;
  };
  Status read_tool(const json::Value& tool);
  Status read_call_arguments(const json::Value& call);
  Status read_labels(const json::Value& labels);
  Status read_reads(const json::Value& call);
  Status read_signals(const json::Value& call);
  Status read_run(const json::Value& run, const safety::CallMeter::Caps& caps);

  std::string tool_;
  std::vector<std::string> destinations_;
  std::optional<json::Value> arguments_;
  Labels labels_;
  safety::UserText user_;
  std::vector<Read> reads_;
  safety::CallMeter meter_;
  safety::Action action_;
  safety::Scene scene_;
};

Status CallDocument::read(const json::Value& call, const safety::CallMeter::Caps& caps) {
  TAU_RETURN_IF_ERROR(
      only_keys(call, "call", {"tool", "arguments", "labels", "user", "reads", "signals", "run"}));
  TAU_RETURN_IF_ERROR(read_tool(call["tool"]));
  TAU_RETURN_IF_ERROR(read_call_arguments(call));
  if (call.contains("labels")) TAU_RETURN_IF_ERROR(read_labels(call["labels"]));
  TAU_ASSIGN_OR_RETURN(const std::vector<std::string> user, read_strings(call, "call", "user"));
  for (const std::string& message : user) user_.add(message);
  scene_.user = &user_;
  TAU_RETURN_IF_ERROR(read_reads(call));
  TAU_RETURN_IF_ERROR(read_signals(call));
  return call.contains("run") ? read_run(call["run"], caps) : ok_status();
}

Status CallDocument::read_tool(const json::Value& tool) {
  constexpr std::string_view kWhat = "call.tool";
  TAU_RETURN_IF_ERROR(only_keys(tool, kWhat, {"name", "effect", "destinations", "host", "ask", "sandboxed"}));
  TAU_ASSIGN_OR_RETURN(tool_, need_string(tool, kWhat, "name"));
  action_.tool = tool_;
  action_.effect = safety::EffectClass::kIrreversible;
  if (tool.contains("effect")) {
    TAU_ASSIGN_OR_RETURN(const std::string name, need_string(tool, kWhat, "effect"));
    const StatusOr<tool::Effect> effect = tool::parse_effect(name);
    if (!effect.ok())
      return invalid_call("call.tool.effect: expected pure, read, write, egress, exec or irreversible");
    action_.effect = effect_class(*effect);
  }
  TAU_ASSIGN_OR_RETURN(destinations_, read_strings(tool, kWhat, "destinations"));
  action_.destinations = destinations_;
  TAU_ASSIGN_OR_RETURN(action_.of_host, read_flag(tool, kWhat, "host", true));
  TAU_ASSIGN_OR_RETURN(action_.always_ask, read_flag(tool, kWhat, "ask", false));
  TAU_ASSIGN_OR_RETURN(action_.confined, read_flag(tool, kWhat, "sandboxed", false));
  return ok_status();
}

// What a model wrote and nobody can read is denied, not an error of the host.
Status CallDocument::read_call_arguments(const json::Value& call) {
  const json::Value& given = call["arguments"];
  if (given.is_object()) {
    action_.arguments = &given;
    return ok_status();
  }
  TAU_ASSIGN_OR_RETURN(const std::string text, read_arguments(call, "call"));
  if (StatusOr<json::Value> parsed = json::parse(text); parsed.ok()) arguments_ = *std::move(parsed);
  if (arguments_) action_.arguments = &*arguments_;
  return ok_status();
}

Status CallDocument::read_labels(const json::Value& labels) {
  constexpr std::string_view kWhat = "call.labels";
  TAU_RETURN_IF_ERROR(only_keys(labels, kWhat, {"integrity", "readers"}));
  TAU_ASSIGN_OR_RETURN(const std::vector<std::string> sources, read_strings(labels, kWhat, "integrity"));
  // A model has always seen something; who does not know what leaves the labels out.
  TAU_RETURN_IF_ERROR(check_type(!sources.empty(), kWhat, "integrity", "a list of at least one source"));
  for (const std::string& source : sources) {
    const StatusOr<Labels> one = parse_integrity(source);
    if (source.empty() || !one.ok())
      return invalid_call(format(
          "call.labels.integrity: \"{}\" is no source; there are system, user, workspace, tool:NAME, web, "
          "memory and model",
          truncate_utf8(source, 64)));
    labels_.join(*one);
  }
  TAU_ASSIGN_OR_RETURN(std::vector<std::string> readers, read_strings(labels, kWhat, "readers"));
  const bool all = !labels.contains("readers") || readers == std::vector<std::string>{"*"};
  if (!all) labels_.restrict_readers(std::move(readers));
  scene_.context = &labels_;
  return ok_status();
}

Status CallDocument::read_reads(const json::Value& call) {
  TAU_RETURN_IF_ERROR(
      check_type(!call.contains("reads") || call["reads"].is_array(), "call", "reads", "a list"));
  for (const json::Value& read : call["reads"].as_array()) {
    const std::string what = format("call.reads[{}]", reads_.size());
    TAU_RETURN_IF_ERROR(only_keys(read, what, {"arguments", "content"}));
    Read one;
    TAU_ASSIGN_OR_RETURN(one.arguments, read_arguments(read, what));
    TAU_ASSIGN_OR_RETURN(one.content, need_string(read, what, "content"));
    reads_.push_back(std::move(one));
  }
  scene_.earlier_reads = [this](const auto& visit) {
    for (const Read& read : reads_) visit({read.arguments, read.content});
  };
  return ok_status();
}

// Families of what the model was shown, as tau_injection_signals() names them.
Status CallDocument::read_signals(const json::Value& call) {
  TAU_ASSIGN_OR_RETURN(const std::vector<std::string> names, read_strings(call, "call", "signals"));
  const auto families = safety::injection_families();
  for (const std::string& name : names)
    if (std::ranges::find(families, name, &safety::InjectionFamily::name) == families.end())
      return invalid_call(
          format("call.signals: \"{}\" is no family of signals of injection", truncate_utf8(name, 64)));
  scene_.signals_seen = !names.empty();
  return ok_status();
}

// Counts the calls again that the run has made, each at its time.
Status CallDocument::read_run(const json::Value& run, const safety::CallMeter::Caps& caps) {
  constexpr std::string_view kWhat = "call.run";
  TAU_RETURN_IF_ERROR(only_keys(run, kWhat, {"calls", "recent"}));
  TAU_ASSIGN_OR_RETURN(const int64_t calls, read_count(run, kWhat, "calls"));
  TAU_RETURN_IF_ERROR(
      check_type(!run.contains("recent") || run["recent"].is_array(), kWhat, "recent", "a list"));
  std::vector<std::pair<int64_t, std::string>> recent;  // ages
  for (const json::Value& one : run["recent"].as_array()) {
    const std::string what = format("call.run.recent[{}]", recent.size());
    TAU_RETURN_IF_ERROR(only_keys(one, what, {"tool", "age_ms"}));
    TAU_ASSIGN_OR_RETURN(std::string tool, need_string(one, what, "tool"));
    TAU_ASSIGN_OR_RETURN(const int64_t age_ms, read_count(one, what, "age_ms"));
    recent.emplace_back(std::min(age_ms, kMinuteMs), std::move(tool));
  }
  if (calls < static_cast<int64_t>(recent.size()))
    return invalid_call("call.run.calls: fewer calls than call.run.recent lists");
  std::sort(recent.begin(), recent.end(), std::greater<>());
  constexpr int64_t kNow = 2 * kMinuteMs * kNsPerMs;
  scene_.now_ns = kNow;
  meter_.add_earlier(calls - static_cast<int64_t>(recent.size()));
  for (const auto& [age_ms, tool] : recent) meter_.charge(caps, tool, kNow - age_ms * kNsPerMs);
  scene_.meter = &meter_;
  return ok_status();
}

std::string verdict_json(const safety::Judgement& judgement, const CallDocument& call) {
  std::string out;
  json::Writer w(out);
  w.begin_object().field("verdict", safety::ruling_name(judgement.ruling));
  w.field("reason", judgement.reason).field("message", safety::reason_text(judgement.reason));
  w.field("rule", judgement.rule);
  if (!judgement.argument.empty()) w.field("argument", judgement.argument);
  w.key("signals").begin_array();
  if (judgement.untrusted_input) w.string("untrusted_input");
  if (judgement.private_data) w.string("private_data");
  if (judgement.way_out) w.string("way_out");
  w.end_array().field("policy_epoch", judgement.policy_epoch);
  if (judgement.ruling == safety::Ruling::kAsk)
    w.field("binding",
            safety::approval_binding(call.tool(), *call.arguments(), call.labels(), judgement.policy_epoch));
  w.end_object();
  return out;
}

}  // namespace

StatusOr<std::shared_ptr<const StandalonePolicy>> StandalonePolicy::make(std::string_view document) {
  TAU_ASSIGN_OR_RETURN(json::Value policy, json::parse(document.empty() ? "{}" : document));
  json::Value whole = json::Value::object();
  whole.set("policy", std::move(policy));
  TAU_ASSIGN_OR_RETURN(const Config config, Config::merge({{"option", "document", std::move(whole)}}));
  TAU_ASSIGN_OR_RETURN(const AgentConfig agent, config.agent());
  TAU_ASSIGN_OR_RETURN(auto rules, compile_policy(agent.policy));
  return std::shared_ptr<const StandalonePolicy>(new StandalonePolicy(std::move(rules)));
}

StatusOr<std::string> StandalonePolicy::decide(std::string_view call) const {
  TAU_ASSIGN_OR_RETURN(const json::Value document, json::parse(call));
  CallDocument facts;
  TAU_RETURN_IF_ERROR(facts.read(document, rules_->caps()));
  return verdict_json(rules_->decide(facts.action(), facts.scene()), facts);
}

std::string StandalonePolicy::describe() const {
  std::string out;
  json::Writer w(out);
  w.begin_object();
  rules_->describe(w);
  w.field_raw("presets", safety::presets_json()).key("reasons").begin_array();
  for (const safety::ReasonText& reason : safety::reason_texts())
    w.begin_object().field("code", reason.code).field("text", reason.text).end_object();
  w.end_array().end_object();
  return out;
}

}  // namespace tau::runtime
