#include "runtime/policy.h"

namespace tau::runtime {
namespace {

constexpr int64_t kPolicyEpoch = 1;

}  // namespace

// A name that stands in several lists follows the first of them here.
ListPolicy::ListPolicy(const PolicyConfig& config, std::set<std::string> host_tools,
                       std::set<std::string> always_ask) {
  const auto add = [this](const auto& names, Rule rule) {
    for (const std::string& name : names) rules_.try_emplace(name, rule);
  };
  add(config.deny, Rule::kDeny);
  add(always_ask, Rule::kAskByTool);
  add(config.ask, Rule::kAskByPolicy);
  add(config.allow, Rule::kAllow);
  add(host_tools, Rule::kHostTool);
}

tool::Verdict ListPolicy::decide(const tool::Facts& facts) {
  const auto at = rules_.find(facts.manifest.name);
  tool::Verdict out = verdict(at == rules_.end() ? Rule::kNone : at->second, facts.manifest);
  out.policy_epoch = kPolicyEpoch;
  return out;
}

tool::Verdict ListPolicy::verdict(Rule rule, const tool::Manifest& manifest) {
  static const auto* const kAllowed = new SharedString("allowed_by_policy");
  static const auto* const kAllowedHostTool = new SharedString("allowed_host_tool");
  using tool::Decision;
  switch (rule) {
    case Rule::kDeny:
      return {Decision::kDeny, "denied_by_policy", "the policy denies the tool " + manifest.name};
    case Rule::kAskByTool: return {Decision::kAsk, "ask_by_tool", {}};
    case Rule::kAskByPolicy: return {Decision::kAsk, "ask_by_policy", {}};
    case Rule::kAllow: return {Decision::kAllow, *kAllowed, {}};
    case Rule::kHostTool: return {Decision::kAllow, *kAllowedHostTool, {}};
    case Rule::kNone: break;
  }
  if (manifest.effect <= tool::Effect::kRead) return {Decision::kAllow, "allowed_read_only", {}};
  return {Decision::kAsk, manifest.sandboxed ? "ask_by_default" : "ask_not_sandboxed", {}};
}

}  // namespace tau::runtime
