#include "tau/policy.h"

#include "guard.h"
#include "runtime/runtime.h"

using namespace tau::capi;
using tau::Status;

struct tau_policy {
  std::shared_ptr<const tau::runtime::StandalonePolicy> object;
};

tau_status tau_policy_new(tau_str document, tau_policy** out, tau_error** err) {
  if (out != nullptr) *out = nullptr;
  return guard(err, [&]() -> Status {
    if (out == nullptr) return null_argument("out");
    TAU_ASSIGN_OR_RETURN(const std::string_view json, text(document, "document"));
    TAU_ASSIGN_OR_RETURN(auto policy, tau::runtime::StandalonePolicy::make(json));
    *out = new tau_policy{std::move(policy)};
    return tau::ok_status();
  });
}

tau_status tau_policy_decide(const tau_policy* policy, tau_str tool_call, tau_buf* out, tau_error** err) {
  return give_json(policy, "policy", out, err, [&]() -> tau::StatusOr<std::string> {
    TAU_ASSIGN_OR_RETURN(const std::string_view json, text(tool_call, "tool_call"));
    return policy->object->decide(json);
  });
}

tau_status tau_policy_describe(const tau_policy* policy, tau_buf* out, tau_error** err) {
  return give_json(policy, "policy", out, err,
                   [&]() -> tau::StatusOr<std::string> { return policy->object->describe(); });
}

void tau_policy_free(tau_policy* policy) { delete policy; }
