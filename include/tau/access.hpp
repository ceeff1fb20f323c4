// Access: who may do what, who is admitted, and what is accepted once. Requests and answers are JSON
// (tau/access.h).
#ifndef TAU_ACCESS_HPP
#define TAU_ACCESS_HPP

#include <tau/access.h>

#include <tau/error.hpp>

namespace tau {
inline namespace v0 {

struct AccessOptions {
  std::string policy = {};    // JSON; empty: nobody may do anything
  std::string audience = {};  // who asks for proofs and receives envelopes; empty: neither is accepted
  std::string state = {};     // file of what was accepted; empty: kept in memory
};

// What decides of others.
// Thread: any; waits for the disk.
class Access : public detail::Handle<tau_access, tau_access_unref> {
 public:
  using Handle::Handle;

  // Opens it (tau_access_open).
  // Errors: kInvalidArgument "invalid_policy"; kUnavailable "state_busy"; kDataLoss "access_state_damaged".
  static Result<Access> open(const AccessOptions& options = {}) {
    tau_access_options o;
    tau_access_options_init(&o, sizeof o);
    o.policy = detail::str(options.policy);
    o.audience = detail::str(options.audience);
    o.state = detail::str(options.state);
    return detail::make<Access>(tau_access_open, static_cast<const tau_access_options*>(&o));
  }

  // Another owner of the same.
  Access share() const noexcept { return Access(tau_access_ref(c())); }

  // Whether somebody may do something, with the rule that says so (tau_access_check).
  // Errors: kPermissionDenied "access_denied".
  Result<Text> check(std::string_view principal, std::string_view action, std::string_view resource) const {
    return detail::text_of(tau_access_check, c(), detail::str(principal), detail::str(action),
                           detail::str(resource));
  }

  // Does what a request asks for (tau_access_perform).
  // Errors: kUnauthenticated with why; kPermissionDenied "replayed"; kInvalidArgument "invalid_request".
  Result<Text> perform(std::string_view request) const {
    return detail::text_of(tau_access_perform, c(), detail::str(request));
  }
};

}  // namespace v0
}  // namespace tau

#endif
