// Automatic recall: what is remembered and may matter to a prompt goes before it.
#pragma once

#include <memory>
#include <optional>
#include <string_view>

#include "agent/agent.h"
#include "base/base.h"
#include "wire/wire.h"

namespace tau::runtime {

class Runtime;
struct AgentSnapshot;

// Nothing where the configuration asks for none, where nothing is found, and where finding failed, which is
// logged: a run goes on without. Waits.
std::optional<agent::Recalled> recall_for(const std::shared_ptr<Runtime>& runtime, const AgentSnapshot& agent,
                                          std::string_view session, std::string_view principal,
                                          const wire::Message& message);

}  // namespace tau::runtime
