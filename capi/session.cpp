#include "tau/session.h"

#include "handles.h"

using namespace tau::capi;
using tau::Status;
using tau::runtime::Session;

tau_status tau_session_open(tau_agent* agent, tau_str id, tau_session** out, tau_error** err) {
  if (out != nullptr) *out = nullptr;
  return guard(err, [&]() -> Status {
    if (agent == nullptr) return null_argument("agent");
    if (out == nullptr) return null_argument("out");
    TAU_ASSIGN_OR_RETURN(const std::string_view name, text(id, "id"));
    return hand_out(Session::open(agent->object, name), out);
  });
}

tau_session* tau_session_ref(tau_session* session) { return ref(session); }
void tau_session_unref(tau_session* session) { unref(session); }
tau_str tau_session_id(const tau_session* session) {
  return session == nullptr ? tau_str{nullptr, 0} : view(session->object->id());
}

tau_status tau_session_describe(tau_session* session, tau_buf* out, tau_error** err) {
  return give_json(session, "session", out, err, [&] { return session->object->describe(); });
}

tau_status tau_session_export(tau_session* session, tau_buf* out, tau_error** err) {
  return give_json(session, "session", out, err, [&] { return session->object->export_json(); });
}

tau_status tau_session_fork(tau_session* session, tau_str entry, tau_str id, tau_session** out,
                            tau_error** err) {
  if (out != nullptr) *out = nullptr;
  return guard(err, [&]() -> Status {
    if (session == nullptr) return null_argument("session");
    if (out == nullptr) return null_argument("out");
    TAU_ASSIGN_OR_RETURN(const std::string_view last, text(entry, "entry"));
    TAU_ASSIGN_OR_RETURN(const std::string_view name, text(id, "id"));
    return hand_out(session->object->fork(last, name), out);
  });
}

tau_status tau_session_list(tau_runtime* runtime, uint32_t limit, tau_str after, tau_buf* out,
                            tau_error** err) {
  return give_json(runtime, "runtime", out, err, [&]() -> tau::StatusOr<std::string> {
    TAU_RETURN_IF_ERROR(runtime->object->check());
    TAU_ASSIGN_OR_RETURN(const std::string_view from, text(after, "after"));
    return runtime->object->list_sessions(limit, from);
  });
}

tau_status tau_session_remove(tau_runtime* runtime, tau_str id, tau_error** err) {
  return guard(err, [&]() -> Status {
    if (runtime == nullptr) return null_argument("runtime");
    TAU_RETURN_IF_ERROR(runtime->object->check());
    TAU_ASSIGN_OR_RETURN(const std::string_view name, text(id, "id"));
    return runtime->object->remove_session(name);
  });
}
