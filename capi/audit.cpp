#include "tau/audit.h"

#include "handles.h"

using namespace tau::capi;
using tau::Status;

tau_status tau_audit_verify(tau_str place, tau_str kept_head, tau_str public_key, tau_buf* out,
                            tau_error** err) {
  if (out != nullptr) *out = {nullptr, 0, nullptr};
  return guard(err, [&]() -> Status {
    if (out == nullptr) return null_argument("out");
    TAU_ASSIGN_OR_RETURN(const std::string_view path, text(place, "place"));
    TAU_ASSIGN_OR_RETURN(const std::string_view head, text(kept_head, "kept_head"));
    TAU_ASSIGN_OR_RETURN(const std::string_view key, text(public_key, "public_key"));
    std::string fault;
    TAU_ASSIGN_OR_RETURN(std::string report, tau::runtime::verify_audit(path, head, key, &fault));
    TAU_RETURN_IF_ERROR(fill(out, report));
    if (fault.empty()) return tau::ok_status();
    return Status(tau::ErrorInfo{.code = tau::Code::kDataLoss,
                                 .reason = "audit_log_damaged",
                                 .message = std::move(fault),
                                 .details_json = std::move(report)});
  });
}

tau_status tau_audit_read(tau_str place, tau_str cursor, uint32_t limit, tau_buf* out, tau_error** err) {
  return give_text(out, err, [&]() -> tau::StatusOr<std::string> {
    TAU_ASSIGN_OR_RETURN(const std::string_view path, text(place, "place"));
    TAU_ASSIGN_OR_RETURN(const std::string_view from, text(cursor, "cursor"));
    return tau::runtime::read_audit(path, from, limit);
  });
}

tau_status tau_audit_summary(tau_str paths, tau_str bytes, tau_buf* out, tau_error** err) {
  return give_text(out, err, [&]() -> tau::StatusOr<std::string> {
    TAU_ASSIGN_OR_RETURN(const std::string_view list, text(paths, "paths"));
    if (bytes.data == nullptr && bytes.len != 0 && bytes.len != TAU_STRLEN)
      return tau::invalid_argument("null_argument", "bytes has a length but no data");
    return tau::runtime::summarise_audit(list, raw_view(bytes));
  });
}

tau_status tau_audit_append(tau_runtime* runtime, tau_str record, tau_error** err) {
  return guard(err, [&]() -> Status {
    if (runtime == nullptr) return null_argument("runtime");
    TAU_RETURN_IF_ERROR(runtime->object->check());
    TAU_ASSIGN_OR_RETURN(const std::string_view document, text(record, "record"));
    return runtime->object->append_audit(document);
  });
}

tau_status tau_audit_head(tau_runtime* runtime, tau_str place, tau_buf* out, tau_error** err) {
  return give_text(out, err, [&]() -> tau::StatusOr<std::string> {
    TAU_ASSIGN_OR_RETURN(const std::string_view path, text(place, "place"));
    if (runtime == nullptr) return tau::runtime::audit_head(path);
    TAU_RETURN_IF_ERROR(runtime->object->check());
    return runtime->object->audit_head();
  });
}
