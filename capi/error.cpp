#include "tau/error.h"

#include "guard.h"

using namespace tau::capi;

// An error is the status itself; the one for out-of-memory is static.
struct tau_error {
  tau::Status status;
};

namespace tau::capi {

tau_error* make_error(const Status& status) noexcept {
  static tau_error out_of_memory{Status::out_of_memory()};
  if (status.reason() == "out_of_memory") return &out_of_memory;
  auto* error = new (std::nothrow) tau_error{status};
  return error != nullptr ? error : &out_of_memory;
}

}  // namespace tau::capi

tau_status tau_error_status(const tau_error* error) {
  return error == nullptr ? TAU_OK : -static_cast<tau_status>(error->status.code());
}
tau_str tau_error_reason(const tau_error* error) {
  return error == nullptr ? tau_str{nullptr, 0} : view(error->status.reason());
}
tau_str tau_error_message(const tau_error* error) {
  return error == nullptr ? tau_str{nullptr, 0} : view(error->status.message());
}
tau_str tau_error_details(const tau_error* error) {
  return error == nullptr ? tau_str{nullptr, 0} : view(error->status.details_json());
}
int32_t tau_error_retryable(const tau_error* error) {
  return error != nullptr && error->status.retryable() ? 1 : 0;
}
int64_t tau_error_retry_after_ms(const tau_error* error) {
  return error == nullptr ? -1 : error->status.retry_after_ms();
}

void tau_error_free(tau_error* error) {
  if (error == nullptr || error->status.reason() == "out_of_memory") return;
  delete error;
}
