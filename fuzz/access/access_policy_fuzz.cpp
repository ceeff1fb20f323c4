// Policies of roles: whatever is read, nothing unbound is allowed, and the reason that is given is one.
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>

#include "access/access.h"

namespace {

void require(bool law) {
  if (!law) std::abort();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace tau::access;
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  const auto policy = Policy::parse(text);
  if (!policy.ok()) {
    require(policy.status().reason() == "invalid_policy");
    return 0;
  }
  for (const char* principal : {"local:operator", "slack:a.b", "x", ""})
    for (const char* action : {"tool:read", "tool:write", "*"})
      for (const char* resource : {"workspace/a", "workspace/secrets/a", "../a", "*"}) {
        const Decision decision = policy->check(principal, action, resource);
        require(decision.allowed == (decision.reason == "allow_rule") && !explain(decision).empty());
        const bool by_rule = decision.allowed || decision.reason == "deny_rule";
        require(by_rule == !decision.role.empty());
        if (by_rule)
          require(matches(decision.action, action) && matches(decision.resource, resource) &&
                  matches(decision.principal, principal));
        // Who may have everything below a name may have each part of it.
        if (policy->check(principal, action, resource, Extent::kBelow).allowed)
          require(policy->check(principal, action, std::string(resource) + "/b").allowed);
      }
  return 0;
}
