#include "tau/home.h"

#include "handles.h"

using namespace tau::capi;
using tau::Status;

tau_status tau_home_backup(tau_runtime* runtime, tau_str directory, tau_buf* out, tau_error** err) {
  return give_json(runtime, "runtime", out, err, [&]() -> tau::StatusOr<std::string> {
    TAU_RETURN_IF_ERROR(runtime->object->check());
    TAU_ASSIGN_OR_RETURN(const std::string_view path, text(directory, "directory"));
    return runtime->object->backup(path);
  });
}

tau_status tau_home_restore(tau_str backup, tau_str home, tau_home_restore_flags flags, tau_buf* out,
                            tau_error** err) {
  return give_text(out, err, [&]() -> tau::StatusOr<std::string> {
    if ((flags & ~static_cast<tau_home_restore_flags>(TAU_HOME_REPLACE)) != 0)
      return Status(tau::Code::kUnimplemented, "unknown_flag", "unknown flag");
    TAU_ASSIGN_OR_RETURN(const std::string_view from, text(backup, "backup"));
    TAU_ASSIGN_OR_RETURN(const std::string_view to, text(home, "home"));
    return tau::runtime::restore_home(from, to, (flags & TAU_HOME_REPLACE) != 0);
  });
}

tau_status tau_home_verify(tau_str home, tau_buf* out, tau_error** err) {
  if (out != nullptr) *out = {nullptr, 0, nullptr};
  return guard(err, [&]() -> Status {
    if (out == nullptr) return null_argument("out");
    TAU_ASSIGN_OR_RETURN(const std::string_view path, text(home, "home"));
    bool sound = false;
    TAU_ASSIGN_OR_RETURN(std::string report, tau::runtime::verify_home(path, &sound));
    TAU_RETURN_IF_ERROR(fill(out, report));
    if (sound) return tau::ok_status();
    return Status(tau::ErrorInfo{.code = tau::Code::kDataLoss,
                                 .reason = "home_damaged",
                                 .message = "something is wrong with this home: the report lists it",
                                 .details_json = std::move(report)});
  });
}

tau_status tau_home_prune(tau_runtime* runtime, tau_str limits, tau_buf* out, tau_error** err) {
  return give_json(runtime, "runtime", out, err, [&]() -> tau::StatusOr<std::string> {
    TAU_RETURN_IF_ERROR(runtime->object->check());
    TAU_ASSIGN_OR_RETURN(const std::string_view document, text(limits, "limits"));
    return runtime->object->prune(document);
  });
}
