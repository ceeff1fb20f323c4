// From the configuration to what tools obey: the rules of the workspace and the confinement of commands.
#pragma once

#include <memory>
#include <string>

#include "runtime/config.h"
#include "tool/tool.h"

namespace tau::runtime {

struct SandboxPlaces {
  std::string workspace;
  std::string home;       // of tau; may be empty
  std::string user_home;  // may be empty
};

// INVALID_ARGUMENT "bad_value": a path of sandbox.protect or sandbox.hide that climbs.
StatusOr<os::PathRules> make_path_rules(const Config& config, const SandboxPlaces& places);

// The whole demand, gaps not accepted.
StatusOr<tool::Sandbox> make_sandbox(const Config& config, const SandboxPlaces& places);

// How much one command may send and receive through its proxy; 0: no limit.
uint64_t command_traffic_bytes(const Config& config);

// What commands get on this machine.
struct EffectiveSandbox {
  std::shared_ptr<const tool::Sandbox> sandbox;  // null: nothing is demanded
  bool confined = false;                         // in full
  os::Enforcement enforcement;
  std::string notice;  // what is not as demanded, for the log; empty when all is
};
// Unless sandbox.required is set, gaps are accepted, and where no mechanism works commands run as demanded
// but unconfined; what policy is told then is "not sandboxed". With it each command is refused instead, and
// so it is where the network is a proxy, which an unconfined command would pass by.
EffectiveSandbox settle_sandbox(tool::Sandbox demanded, bool required, const os::Launcher& launcher);

}  // namespace tau::runtime
