#include "runtime/policy.h"

namespace tau::runtime {
namespace {

constexpr int64_t kPolicyEpoch = 1;

tool::Verdict verdict(tool::Decision decision, std::string reason, std::string message = {}) {
  return {.decision = decision,
          .reason = std::move(reason),
          .message = std::move(message),
          .policy_epoch = kPolicyEpoch};
}

}  // namespace

ListPolicy::ListPolicy(const PolicyConfig& config, std::set<std::string> host_tools,
                       std::set<std::string> always_ask)
    : allow_(config.allow.begin(), config.allow.end()),
      ask_(config.ask.begin(), config.ask.end()),
      deny_(config.deny.begin(), config.deny.end()),
      host_tools_(std::move(host_tools)),
      always_ask_(std::move(always_ask)) {}

tool::Verdict ListPolicy::decide(const tool::Facts& facts) {
  const std::string& name = facts.manifest.name;
  if (deny_.contains(name))
    return verdict(tool::Decision::kDeny, "denied_by_policy", "the policy denies the tool " + name);
  if (always_ask_.contains(name)) return verdict(tool::Decision::kAsk, "ask_by_tool");
  if (ask_.contains(name)) return verdict(tool::Decision::kAsk, "ask_by_policy");
  if (allow_.contains(name)) return verdict(tool::Decision::kAllow, "allowed_by_policy");
  if (host_tools_.contains(name)) return verdict(tool::Decision::kAllow, "allowed_host_tool");
  if (facts.manifest.effect <= tool::Effect::kRead)
    return verdict(tool::Decision::kAllow, "allowed_read_only");
  return verdict(tool::Decision::kAsk, facts.manifest.sandboxed ? "ask_by_default" : "ask_not_sandboxed");
}

}  // namespace tau::runtime
