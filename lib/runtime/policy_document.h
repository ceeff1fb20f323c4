// A policy alone, for programs that run their own agent: made from a document, asked about calls that
// documents describe.
#pragma once

#include <memory>
#include <string>
#include <string_view>

#include "base/base.h"
#include "safety/safety.h"

namespace tau::runtime {

// Immutable: any thread.
class StandalonePolicy {
 public:
  // `document`: what a configuration has under "policy", as JSON. INVALID_ARGUMENT as check_document gives
  // it, naming the key.
  static StatusOr<std::shared_ptr<const StandalonePolicy>> make(std::string_view document);

  // The verdict on a call, both as JSON (tau/policy.h). INVALID_ARGUMENT "wrong_type", "unknown_key" or
  // "invalid_call" names the member; of JSON that cannot be read as json::parse fails.
  StatusOr<std::string> decide(std::string_view call) const;

  // What MonitorRules::describe() writes, with the table of presets and all reason codes.
  std::string describe() const;

 private:
  explicit StandalonePolicy(std::shared_ptr<const safety::MonitorRules> rules) : rules_(std::move(rules)) {}
  std::shared_ptr<const safety::MonitorRules> rules_;
};

}  // namespace tau::runtime
