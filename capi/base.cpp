#include "tau/base.h"

#include "guard.h"
#include "runtime/runtime.h"
#include "tau/version.h"

using namespace tau::capi;  // the door's own helpers

namespace tau::capi {

Status fill(tau_buf* out, std::string text) {
  if (out == nullptr) return null_argument("out");
  static char nothing[] = "";  // an empty text owns no memory: forgetting to free it costs nothing
  if (text.empty()) {
    *out = {nothing, 0, nullptr};
    return ok_status();
  }
  auto* owner = new std::string(std::move(text));
  *out = {owner->data(), owner->size(), owner};
  return ok_status();
}

}  // namespace tau::capi

const char* tau_version(void) { return TAU_VERSION_STRING; }
uint32_t tau_abi_version(void) { return TAU_ABI_MAJOR * 1000 + TAU_ABI_MINOR; }

int32_t tau_has_feature(tau_str name) {
  return guard_value(0, [&] { return tau::runtime::has_feature(raw_view(name)) ? 1 : 0; });
}

tau_status tau_build_info(tau_buf* out, tau_error** err) {
  return guard(
      err, [&] { return fill(out, tau::runtime::build_info_json(TAU_VERSION_STRING, tau_abi_version())); });
}

const char* tau_status_name(tau_status status) {
  static const char* const kNames[] = {
      "OK",        "CANCELLED",      "UNKNOWN",           "INVALID_ARGUMENT",   "DEADLINE_EXCEEDED",
      "NOT_FOUND", "ALREADY_EXISTS", "PERMISSION_DENIED", "RESOURCE_EXHAUSTED", "FAILED_PRECONDITION",
      "ABORTED",   "OUT_OF_RANGE",   "UNIMPLEMENTED",     "INTERNAL",           "UNAVAILABLE",
      "DATA_LOSS", "UNAUTHENTICATED"};
  if (status == TAU_DONE) return "DONE";
  if (status == TAU_AGAIN) return "AGAIN";
  return status <= 0 && status >= TAU_UNAUTHENTICATED ? kNames[-status] : "UNKNOWN";
}

void tau_buf_free(tau_buf* buf) {
  if (buf == nullptr) return;
  delete static_cast<std::string*>(buf->owner);
  *buf = {nullptr, 0, nullptr};
}
