#include "tau/access.h"

#include "access/access.h"
#include "handles.h"

using namespace tau::capi;
using tau::Status;
using tau::StatusOr;
using tau::access::Authority;
using tau::access::Decision;

struct tau_access : Handle<Authority> {};

namespace {

StatusOr<Authority::Options> convert(const tau_access_options* given) {
  tau_access_options o = TAU_ACCESS_OPTIONS_INIT;
  TAU_RETURN_IF_ERROR(read_options(given, &o, "options"));
  if (o.flags != 0) return Status(tau::Code::kUnimplemented, "unknown_flag", "unknown flag in options.flags");
  Authority::Options options;
  TAU_ASSIGN_OR_RETURN(options.policy, text(o.policy, "options.policy"));
  TAU_ASSIGN_OR_RETURN(options.audience, text(o.audience, "options.audience"));
  TAU_ASSIGN_OR_RETURN(options.state, text(o.state, "options.state"));
  return options;
}

}  // namespace

void tau_access_options_init(tau_access_options* options, uint32_t struct_size) {
  const tau_access_options defaults = TAU_ACCESS_OPTIONS_INIT;
  init_options(options, struct_size, defaults);
}

tau_status tau_access_open(const tau_access_options* options, tau_access** out, tau_error** err) {
  if (out != nullptr) *out = nullptr;
  return guard(err, [&]() -> Status {
    if (out == nullptr) return null_argument("out");
    TAU_ASSIGN_OR_RETURN(Authority::Options converted, convert(options));
    return hand_out(Authority::create(std::move(converted), tau::system_clock(), tau::system_random()), out);
  });
}

tau_access* tau_access_ref(tau_access* access) { return ref(access); }
void tau_access_unref(tau_access* access) { unref(access); }

tau_status tau_access_check(tau_access* access, tau_str principal, tau_str action, tau_str resource,
                            tau_buf* out, tau_error** err) {
  return give_json(access, "access", out, err, [&]() -> StatusOr<std::string> {
    TAU_ASSIGN_OR_RETURN(const std::string_view who, text(principal, "principal"));
    TAU_ASSIGN_OR_RETURN(const std::string_view what, text(action, "action"));
    TAU_ASSIGN_OR_RETURN(const std::string_view where, text(resource, "resource"));
    return access->object->check(who, what, where);
  });
}

tau_status tau_access_perform(tau_access* access, tau_str request, tau_buf* out, tau_error** err) {
  return give_json(access, "access", out, err, [&]() -> StatusOr<std::string> {
    TAU_ASSIGN_OR_RETURN(const std::string_view asked, text(request, "request"));
    return access->object->perform(asked);
  });
}
