// Tools of the host: answered from the events, or functions that run on a worker.
#ifndef TAU_TOOL_HPP
#define TAU_TOOL_HPP

#include <tau/tool.h>

#include <tau/error.hpp>
#include <type_traits>

namespace tau {
inline namespace v0 {

// What a call can do to the world, in order of consequence. Policy decides from it.
enum class Effect : uint32_t {
  kPure = TAU_EFFECT_PURE,      // computes from its arguments alone
  kRead = TAU_EFFECT_READ,      // reads the workspace or the host
  kWrite = TAU_EFFECT_WRITE,    // changes the workspace or the host
  kEgress = TAU_EFFECT_EGRESS,  // sends data out
  kExec = TAU_EFFECT_EXEC,      // runs programs
  kIrreversible = TAU_EFFECT_IRREVERSIBLE
};

// Members are copied when the tool is added.
struct Tool {
  std::string name = {};         // [a-zA-Z0-9_-]{1,64}
  std::string description = {};  // for the model
  std::string parameters = {};   // JSON Schema of the arguments; empty: any object
  Effect effect = Effect::kIrreversible;
  int64_t timeout_ms = 0;   // 0 means 120,000
  bool parallel = false;    // may run beside other calls of the same turn
  bool idempotent = false;  // may be run again when a crash hid its outcome
  bool ask = false;         // ask for approval before every call, whatever the policy
  std::string destinations = {};  // JSON list of the arguments that say where an effect lands: ["to"]; empty: none
};

// A call of a tool. It and its views live until the tool's function returns; copy what you keep.
class ToolCall {
 public:
  explicit ToolCall(const tau_tool_call& call) noexcept : call_(call) {}
  ToolCall(const ToolCall&) = delete;
  ToolCall& operator=(const ToolCall&) = delete;

  std::string_view name() const noexcept { return detail::view(call_.name); }
  std::string_view arguments() const noexcept { return detail::view(call_.arguments); }  // JSON, valid
  std::string_view call_id() const noexcept { return detail::view(call_.call_id); }
  std::string_view run_id() const noexcept { return detail::view(call_.run_id); }
  std::string_view session_id() const noexcept { return detail::view(call_.session_id); }

 private:
  const tau_tool_call& call_;
};

// The duty to answer a call, once, now or later, on any thread. Dropped without an answer it is the error
// result "reply_dropped".
// Thread: any.
class ToolReply : public detail::Handle<tau_tool_reply, tau_tool_reply_drop> {
 public:
  using Handle::Handle;

  // Answers with text or JSON for the model. The reply is empty afterwards, also on failure.
  // Errors: kInvalidArgument when it is not UTF-8: the call then ends with an error result.
  Result<void> complete(std::string_view content) {
    return detail::done(tau_tool_reply_complete, release(), detail::str(content));
  }

  // Answers with an error that the model will see. reason: a stable snake_case code.
  Result<void> fail(std::string_view reason, std::string_view message) {
    return detail::done(tau_tool_reply_fail, release(), detail::str(reason), detail::str(message));
  }

  // Whether nobody wants the result any more: a long tool polls it.
  bool cancelled() const noexcept { return tau_tool_reply_cancelled(c()) != 0; }
};

namespace detail {

inline tau_tool c_tool(const Tool& tool) noexcept {
  tau_tool out;
  tau_tool_init(&out, sizeof out);
  out.flags = flag(tool.parallel, TAU_TOOL_PARALLEL) | flag(tool.idempotent, TAU_TOOL_IDEMPOTENT) |
              flag(tool.ask, TAU_TOOL_ASK);
  out.name = str(tool.name);
  out.description = str(tool.description);
  out.parameters = str(tool.parameters);
  out.effect = static_cast<tau_tool_effect>(tool.effect);
  out.timeout_ms = tool.timeout_ms;
  out.destinations = str(tool.destinations);
  return out;
}

template <typename Function>
void answer(Function& function, const ToolCall& call, ToolReply reply) {
  if constexpr (std::is_invocable_v<Function&, const ToolCall&, ToolReply>) {
    function(call, std::move(reply));
  } else {
    reply.complete(function(call)).ignore();
  }
}

// Nothing thrown passes into the library: it has dropped the reply, which is an error result.
template <typename Function>
void invoke(void* function, const tau_tool_call* call, tau_tool_reply* reply) noexcept {
#if defined(__cpp_exceptions)
  try {
    answer(*static_cast<Function*>(function), ToolCall(*call), ToolReply(reply));
  } catch (...) {}
#else
  answer(*static_cast<Function*>(function), ToolCall(*call), ToolReply(reply));
#endif
}

template <typename Function>
void finalize(void* function) noexcept {
  delete static_cast<Function*>(function);
}

}  // namespace detail

}  // namespace v0
}  // namespace tau

#endif
