// The policy in force until the tool-call monitor exists: reading is allowed; writing, running and whatever
// else acts asks; lists of names override; deny wins.
#pragma once

#include <set>
#include <string>

#include "runtime/config.h"
#include "tool/tool.h"

namespace tau::runtime {

class ListPolicy final : public tool::PolicyHook {
 public:
  // `host_tools`: registered by the host program, which vouches for them; `always_ask`: those it wants asked
  // about.
  ListPolicy(const PolicyConfig& config, std::set<std::string> host_tools, std::set<std::string> always_ask);
  tool::Verdict decide(const tool::Facts& facts) override;

 private:
  std::set<std::string> allow_, ask_, deny_, host_tools_, always_ask_;
};

}  // namespace tau::runtime
