#include "tau/error.h"

#include <utility>

#include "guard.h"

using namespace tau::capi;
using tau::Status;

namespace {

// The status that an error is, for as long as this lives.
class Shown {
 public:
  explicit Shown(const tau_error* error) : status_(Status::from_pointer(const_cast<tau_error*>(error))) {}
  ~Shown() { (void)std::move(status_).to_pointer(); }
  Shown(const Shown&) = delete;
  Shown& operator=(const Shown&) = delete;
  const Status* operator->() const { return &status_; }

 private:
  Status status_;
};

}  // namespace

namespace tau::capi {

// An error is the status itself: it needs no memory of its own.
tau_error* make_error(const Status& status) noexcept {
  return static_cast<tau_error*>(Status(status).to_pointer());
}

tau_status unexpected(tau_error** err) noexcept {
  try {
    return fail(Status(Code::kInternal, "exception", "an unexpected exception was thrown"), err);
  } catch (const std::bad_alloc&) { return fail(Status::out_of_memory(), err); }
}

}  // namespace tau::capi

tau_status tau_error_status(const tau_error* error) { return -static_cast<tau_status>(Shown(error)->code()); }
tau_str tau_error_reason(const tau_error* error) { return view(Shown(error)->reason()); }
tau_str tau_error_message(const tau_error* error) { return view(Shown(error)->message()); }
tau_str tau_error_details(const tau_error* error) { return view(Shown(error)->details_json()); }
int32_t tau_error_retryable(const tau_error* error) { return Shown(error)->retryable() ? 1 : 0; }
int64_t tau_error_retry_after_ms(const tau_error* error) { return Shown(error)->retry_after_ms(); }

void tau_error_free(tau_error* error) { (void)Status::from_pointer(error); }
