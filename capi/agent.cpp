#include "tau/agent.h"

#include "handles.h"
#include "tool_adapter.h"

using namespace tau::capi;
using tau::Status;
using tau::runtime::Agent;

tau_status tau_agent_new(tau_runtime* runtime, tau_str config, tau_agent** out, tau_error** err) {
  if (out != nullptr) *out = nullptr;
  return guard(err, [&]() -> Status {
    if (runtime == nullptr) return null_argument("runtime");
    if (out == nullptr) return null_argument("out");
    TAU_ASSIGN_OR_RETURN(const std::string_view json, text(config, "config"));
    return hand_out(Agent::make(runtime->object, json), out);
  });
}

tau_agent* tau_agent_ref(tau_agent* agent) { return ref(agent); }
void tau_agent_unref(tau_agent* agent) { unref(agent); }

tau_status tau_agent_add_tool(tau_agent* agent, const tau_tool* tool, tau_error** err) {
  return guard(err, [&]() -> Status {
    if (agent == nullptr) return null_argument("agent");
    if (tool == nullptr) return null_argument("tool");
    TAU_ASSIGN_OR_RETURN(HostTool converted, convert_tool(*tool));
    const Status added = agent->object->add_tool(converted.tool, (tool->flags & TAU_TOOL_ASK) != 0);
    if (added.ok()) converted.keep();
    return added;
  });
}

tau_status tau_agent_describe(tau_agent* agent, tau_buf* out, tau_error** err) {
  if (out != nullptr) *out = {nullptr, 0, nullptr};
  return guard(err, [&]() -> Status {
    if (agent == nullptr) return null_argument("agent");
    if (out == nullptr) return null_argument("out");
    return fill(out, agent->object->describe());
  });
}
