// Policies: whether a tool call may run, for programs that run their own agent (tau/policy.h).
#ifndef TAU_POLICY_HPP
#define TAU_POLICY_HPP

#include <tau/policy.h>

#include <tau/error.hpp>

namespace tau {
inline namespace v0 {

// Rules for tool calls. Immutable.
// Thread: any.
class Policy : public detail::Handle<tau_policy, tau_policy_free> {
 public:
  using Handle::Handle;

  // Makes one of JSON as a configuration has it under "policy"; empty: the preset "balanced" (tau_policy_new).
  // Errors: kInvalidArgument names the key.
  static Result<Policy> make(std::string_view document = {}) {
    return detail::make<Policy>(tau_policy_new, detail::str(document));
  }

  // The verdict on a call, both as JSON; an error is none: do not make the call (tau_policy_decide).
  // Errors: kInvalidArgument names the member.
  Result<Text> decide(std::string_view call) const {
    return detail::text_of(tau_policy_decide, c(), detail::str(call));
  }

  // Its epoch, its document, what is in force, the table of presets, all reasons, as JSON (tau_policy_describe).
  Result<Text> describe() const { return detail::text_of(tau_policy_describe, c()); }
};

}  // namespace v0
}  // namespace tau

#endif
