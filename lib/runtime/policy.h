// The policy in force until the tool-call monitor exists: reading is allowed; writing, running and whatever
// else acts asks; lists of names override; deny wins.
#pragma once

#include <map>
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
  enum class Rule : uint8_t { kNone, kDeny, kAskByTool, kAskByPolicy, kAllow, kHostTool };
  static tool::Verdict verdict(Rule rule, const tool::Manifest& manifest);
  std::map<std::string, Rule, std::less<>> rules_;  // what the lists say of each name
};

}  // namespace tau::runtime
