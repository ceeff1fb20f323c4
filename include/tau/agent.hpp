// Agents: a configuration and a set of tools that sessions are run with.
#ifndef TAU_AGENT_HPP
#define TAU_AGENT_HPP

#include <tau/agent.h>

#include <memory>
#include <tau/session.hpp>
#include <tau/tool.hpp>

namespace tau {
inline namespace v0 {

// A model, instructions, tools; runtime.agent() makes one. Sessions share it.
// Thread: any.
class Agent : public detail::Handle<tau_agent, tau_agent_unref> {
 public:
  using Handle::Handle;

  // Another owner of the same agent.
  Agent share() const noexcept { return Agent(tau_agent_ref(c())); }

  // Opens a session, making it when there is none of that id. id: 1 to 128 characters of [A-Za-z0-9_.:-];
  // empty: a new session with an id of its own (tau_session_open).
  // Errors: kInvalidArgument "invalid_session_id"; kDataLoss when its records are damaged.
  Result<Session> session(std::string_view id = {}) const {
    return detail::make<Session>(tau_session_open, c(), detail::str(id));
  }

  // Offers a tool to the model. Its calls are kToolCall events: answer with Run::tool_result
  // (tau_agent_add_tool).
  // Errors: kInvalidArgument "invalid_manifest"; kAlreadyExists "duplicate_tool".
  Result<void> add_tool(const Tool& tool) const {
    const tau_tool c_tool = detail::c_tool(tool);
    return detail::done(tau_agent_add_tool, c(), &c_tool);
  }

  // Offers a tool whose calls run `function` on a worker, one of
  //   std::string (const tau::ToolCall&)            what it returns is the result
  //   void (const tau::ToolCall&, tau::ToolReply)   answers when it likes, on any thread
  // A call from which an exception escapes ends with the error result "reply_dropped". `function` is moved or
  // copied into the library's keeping and destroyed once: at once on failure, else when no call can reach it
  // any more, which may be a moment after the last owner of the agent and its sessions went.
  // Errors: as above; kFailedPrecondition "needs_worker" in a runtime without workers.
  // Thread: `function` runs on several threads at once when calls overlap.
  template <typename Function>
  Result<void> add_tool(const Tool& tool, Function&& function) const {
    using Kept = std::decay_t<Function>;
    static_assert(
        std::is_invocable_v<Kept&, const ToolCall&, ToolReply> ||
            std::is_invocable_r_v<std::string, Kept&, const ToolCall&>,
        "a tool is void(const tau::ToolCall&, tau::ToolReply) or std::string(const tau::ToolCall&)");
    auto kept = std::make_unique<Kept>(std::forward<Function>(function));
    tau_tool c_tool = detail::c_tool(tool);
    c_tool.invoke = detail::invoke<Kept>;
    c_tool.userdata = kept.get();
    c_tool.finalize = detail::finalize<Kept>;
    auto added = detail::done(tau_agent_add_tool, c(), static_cast<const tau_tool*>(&c_tool));
    if (added) static_cast<void>(kept.release());  // the library's now
    return added;
  }

  // Model, tools with their manifests, tools that are unavailable and why, the configuration, as JSON
  // (tau_agent_describe).
  Result<Text> describe() const { return detail::text_of(tau_agent_describe, c()); }
};

}  // namespace v0
}  // namespace tau

#endif
