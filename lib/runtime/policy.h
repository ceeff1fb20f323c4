// The policy behind the executor: who may call a tool, what an agent's configuration says of it, and each
// run's count of calls.
#pragma once

#include <memory>
#include <set>
#include <string>

#include "base/base.h"
#include "runtime/config.h"
#include "safety/safety.h"
#include "tool/tool.h"

namespace tau::runtime {

class AccessControl;
safety::EffectClass effect_class(tool::Effect effect);
// INVALID_ARGUMENT as MonitorRules::compile.
StatusOr<std::shared_ptr<const safety::MonitorRules>> compile_policy(const PolicyConfig& config);

// What all runs of an agent share. Immutable: any thread.
class AgentPolicy {
 public:
  // `host_tools`: registered by the host program; `always_ask`: those it wants to be asked about. `access`
  // may be null: then everybody may call what there is.
  static StatusOr<std::shared_ptr<const AgentPolicy>> make(
      const PolicyConfig& config, std::set<std::string> host_tools, std::set<std::string> always_ask,
      std::shared_ptr<const AccessControl> access = nullptr);
  const safety::MonitorRules& rules() const { return *rules_; }
  const AccessControl* access() const { return access_.get(); }
  int64_t epoch() const { return epoch_; }
  bool is_of_host(const std::string& tool) const { return host_tools_.contains(tool); }
  bool always_asks(const std::string& tool) const { return always_ask_.contains(tool); }

 private:
  std::shared_ptr<const safety::MonitorRules> rules_;
  std::shared_ptr<const AccessControl> access_;
  int64_t epoch_ = 0;  // of both
  std::set<std::string> host_tools_;
  std::set<std::string> always_ask_;
};

// The policy of one run. Decides of every call, whoever provides the tool.
class MonitorPolicy final : public tool::PolicyHook {
 public:
  // `places`: what requests of the tool http may reach; null: it has no network. Outlives this.
  MonitorPolicy(std::shared_ptr<const AgentPolicy> policy, Clock& clock,
                const safety::Egress* places = nullptr)
      : policy_(std::move(policy)), clock_(clock), places_(places) {}
  tool::Verdict decide(const tool::Facts& facts) override;

 private:
  std::shared_ptr<const AgentPolicy> policy_;
  Clock& clock_;
  const safety::Egress* places_;
  safety::CallMeter meter_;
};

}  // namespace tau::runtime
