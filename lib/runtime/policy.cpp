#include "runtime/policy.h"

#include <algorithm>
#include <vector>

#include "runtime/access.h"

namespace tau::runtime {
namespace {

static_assert(static_cast<int>(safety::EffectClass::kIrreversible) ==
              static_cast<int>(tool::Effect::kIrreversible));

// Made once: verdicts are made all the time, and most codes are too long to be kept in place.
const SharedString& shared_reason(std::string_view code) {
  static const auto* const all = [] {
    auto reasons = std::make_unique<std::vector<SharedString>>();
    for (const safety::ReasonText& reason : safety::reason_texts()) reasons->emplace_back(reason.code);
    return reasons.release();
  }();
  static const SharedString* const unknown = new SharedString("denied");
  const auto at = std::find_if(all->begin(), all->end(), [&](const SharedString& r) { return r == code; });
  return at == all->end() ? *unknown : *at;
}

// What the model is told when a call is denied.
std::string denial(const safety::Judgement& judgement, const std::string& tool) {
  std::string text =
      format("the policy denies this call of {}: {}", tool, safety::reason_text(judgement.reason));
  if (!judgement.argument.empty()) text += format(" (argument \"{}\")", judgement.argument);
  return text;
}

// What a call of the tool http is to policy. One that cannot be read fails as a call, before anything is
// sent.
struct Request {
  std::string scope;
  bool changes_there = false;
  bool to_private_place = false;
};

Request request_of(const json::Value& arguments, const safety::Egress* places) {
  const StatusOr<tool::HttpCallTraits> traits = tool::http_call_traits(arguments);
  if (!traits.ok()) return {};
  Request out;
  out.scope = safety::request_scope(traits->method, traits->url);
  out.changes_there = traits->mutating;
  out.to_private_place = places == nullptr || places->place(traits->url) == safety::EgressPlace::kGranted;
  return out;
}

}  // namespace

safety::EffectClass effect_class(tool::Effect effect) {
  const bool known = effect <= tool::Effect::kIrreversible;
  return known ? static_cast<safety::EffectClass>(effect) : safety::EffectClass::kUnknown;
}

StatusOr<std::shared_ptr<const safety::MonitorRules>> compile_policy(const PolicyConfig& config) {
  safety::PolicySpec spec = config.rules;
  spec.allow = config.allow;
  spec.ask = config.ask;
  spec.deny = config.deny;
  return safety::MonitorRules::compile(std::move(spec));
}

StatusOr<std::shared_ptr<const AgentPolicy>> AgentPolicy::make(const PolicyConfig& config,
                                                               std::set<std::string> host_tools,
                                                               std::set<std::string> always_ask,
                                                               std::shared_ptr<const AccessControl> access) {
  auto policy = std::make_shared<AgentPolicy>();
  TAU_ASSIGN_OR_RETURN(policy->rules_, compile_policy(config));
  const int64_t epoch = policy->rules_->epoch();
  policy->epoch_ = access == nullptr ? epoch : access->epoch(epoch);
  policy->access_ = std::move(access);
  policy->host_tools_ = std::move(host_tools);
  policy->always_ask_ = std::move(always_ask);
  return std::shared_ptr<const AgentPolicy>(std::move(policy));
}

tool::Verdict MonitorPolicy::decide(const tool::Facts& facts) {
  const tool::Manifest& manifest = facts.manifest;
  const safety::MonitorRules& rules = policy_->rules();
  tool::Verdict out;
  out.policy_epoch = policy_->epoch();
  if (const AccessControl* access = policy_->access(); access != nullptr) {
    const Status allowed = access->authorize_call(facts, rules, policy_->is_of_host(manifest.name));
    if (!allowed.ok()) {
      static const SharedString* const kReason = new SharedString(kAccessDenied);
      out.reason = *kReason;
      out.message = allowed.message();
      return out;
    }
  }
  safety::Action action;
  action.tool = manifest.name;
  action.effect = effect_class(manifest.effect);
  action.arguments = &facts.call.arguments;
  action.destinations = manifest.destination_args;
  action.of_host = policy_->is_of_host(manifest.name);
  action.always_ask = policy_->always_asks(manifest.name);
  action.confined = manifest.sandboxed;
  Request request;
  if (manifest.name == tool::kHttpTool && !action.of_host)
    request = request_of(facts.call.arguments, places_);
  action.request = request.scope;
  action.changes_there = request.changes_there;
  action.to_private_place = request.to_private_place;
  safety::Scene scene;
  scene.context = &facts.call.labels;
  scene.meter = &meter_;
  if (rules.caps().any()) scene.now_ns = clock_.monotonic_ns();
  if (const tool::SessionFacts* session = facts.session; session != nullptr) {
    // Only destinations are compared with what the user wrote.
    if (action.effect >= safety::EffectClass::kWrite) scene.user = &session->user_text();
    scene.signals_seen = session->saw_signals();
    scene.earlier_reads = [session](const auto& visit) { session->each_read(visit); };
  }
  const safety::Judgement judgement = rules.decide(action, scene);
  out.decision = static_cast<tool::Decision>(judgement.ruling);
  out.reason = shared_reason(judgement.reason);
  if (judgement.ruling == safety::Ruling::kDeny) {
    out.message = denial(judgement, manifest.name);
    return out;
  }
  meter_.charge(rules.caps(), manifest.name, scene.now_ns);
  if (judgement.ruling != safety::Ruling::kAsk) return out;
  out.scope = request.scope;
  out.binding =
      safety::approval_binding(manifest.name, facts.call.arguments, facts.call.labels, out.policy_epoch);
  return out;
}

}  // namespace tau::runtime
