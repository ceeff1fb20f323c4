// Models of the host: functions that run on a worker and answer calls of a model.
#ifndef TAU_MODEL_HPP
#define TAU_MODEL_HPP

#include <tau/model.h>

#include <tau/error.hpp>
#include <type_traits>

namespace tau {
inline namespace v0 {

// A call of a model, as its function sees it. Views live until the reply is ended.
class ModelCall {
 public:
  explicit ModelCall(const tau_model_call& call) noexcept : call_(&call) {}

  std::string_view model() const noexcept { return detail::view(call_->model); }      // "provider/model"
  std::string_view request() const noexcept { return detail::view(call_->request); }  // JSON
  std::string_view path() const noexcept { return detail::view(call_->path); }        // of a dialect's body
  std::string_view call_id() const noexcept { return detail::view(call_->call_id); }
  std::string_view request_id() const noexcept { return detail::view(call_->request_id); }
  std::string_view run_id() const noexcept { return detail::view(call_->run_id); }
  std::string_view session_id() const noexcept { return detail::view(call_->session_id); }
  int64_t timeout_ms() const noexcept { return call_->timeout_ms; }
  // What "blob:N" in the request stands for.
  const tau_blob* blobs() const noexcept { return call_->blobs; }
  size_t blob_count() const noexcept { return call_->blob_count; }

 private:
  const tau_model_call* call_;
};

// The duty to answer a call of a model, on any thread. Dropped before the answer is whole it is the failure
// "model_dropped_reply".
// Thread: any.
class ModelReply : public detail::Handle<tau_model_reply, tau_model_reply_drop> {
 public:
  using Handle::Handle;

  // Feeds lines of neutral events, or bytes of the model's dialect, in any split (tau_model_reply_feed).
  // timeout_ms: how long to wait for room; -1: no limit.
  // Returns: kOk when all was taken, kAgain when nothing was.
  // Errors: kCancelled "model_call_over"; kResourceExhausted "response_too_large".
  Result<Status> feed(std::string_view bytes, int32_t timeout_ms = kForever) const {
    return detail::status_of(tau_model_reply_feed, c(), detail::str(bytes), timeout_ms);
  }

  // Fails the call. error: JSON, as for tau_model_reply_fail. The reply is empty afterwards, also on failure.
  // Errors: kInvalidArgument when it is no such JSON: the call then fails as dropped.
  Result<void> fail(std::string_view error) {
    return detail::done(tau_model_reply_fail, release(), detail::str(error));
  }
};

namespace detail {

// Nothing thrown passes into the library: it has dropped the reply, which is a failure of the call.
template <typename Function>
void invoke_model(void* function, const tau_model_call* call, tau_model_reply* reply) noexcept {
#if defined(__cpp_exceptions)
  try {
    (*static_cast<Function*>(function))(ModelCall(*call), ModelReply(reply));
  } catch (...) {}
#else
  (*static_cast<Function*>(function))(ModelCall(*call), ModelReply(reply));
#endif
}

template <typename Function>
void finalize_model(void* function) noexcept {
  delete static_cast<Function*>(function);
}

}  // namespace detail

}  // namespace v0
}  // namespace tau

#endif
