// Failures as values: nothing of libtau throws.
#ifndef TAU_ERROR_HPP
#define TAU_ERROR_HPP

#include <tau/error.h>

#include <cstdio>
#include <cstdlib>
#include <optional>
#include <tau/base.hpp>

namespace tau {
inline namespace v0 {

// Why a call failed; false when there is no error. Its views live as long as it does; a temporary gives none.
// Thread: any.
class [[nodiscard]] Error : public detail::Handle<tau_error, tau_error_free> {
 public:
  using Handle::Handle;

  // The canonical code; kOk when there is no error.
  Status status() const noexcept { return static_cast<Status>(tau_error_status(c())); }

  // A stable snake_case reason, "session_busy": programs branch on it.
  std::string_view reason() const& noexcept { return detail::view(tau_error_reason(c())); }
  std::string_view reason() const&& = delete;

  // For people. Its wording may change in any release.
  std::string_view message() const& noexcept { return detail::view(tau_error_message(c())); }
  std::string_view message() const&& = delete;

  // More facts as one JSON object; empty when there are none.
  std::string_view details() const& noexcept { return detail::view(tau_error_details(c())); }
  std::string_view details() const&& = delete;

  // Whether the same call may succeed later.
  bool retryable() const noexcept { return tau_error_retryable(c()) != 0; }

  // How long the failing side asked to wait; -1 when it did not say.
  int64_t retry_after_ms() const noexcept { return tau_error_retry_after_ms(c()); }
};

namespace detail {

// A result was used without looking: ends the program and says why.
[[noreturn]] inline void used_a_failure(const Error& error) {
  const std::string_view reason = error.reason(), message = error.message();
  std::fprintf(stderr, "tau: the value of a failed call was used: %.*s: %.*s\n",
               static_cast<int>(reason.size()), reason.data(), static_cast<int>(message.size()),
               message.data());
  std::abort();
}

}  // namespace detail

// A value, or the Error that came in its place. Must not be ignored: test it, or say ignore().
//
//   auto session = agent.session("support-17");
//   if (!session) return report(session.error());
//   auto run = session->run("Hello");
//
// Asking a failure for its value ends the program with the error's message.
template <typename T>
class [[nodiscard]] Result {
 public:
  Result(T value) : value_(std::move(value)) {}
  Result(Error error) noexcept : error_(std::move(error)) {}

  bool ok() const noexcept { return value_.has_value(); }
  explicit operator bool() const noexcept { return ok(); }

  // References live as long as the result; a temporary gives the value itself.
  T& value() & { return *checked(); }
  const T& value() const& { return *checked(); }
  T value() && { return std::move(*checked()); }
  T& operator*() & { return *checked(); }
  const T& operator*() const& { return *checked(); }
  T operator*() && { return std::move(*checked()); }
  T* operator->() & { return &*checked(); }
  const T* operator->() const& { return &*checked(); }
  const T* operator->() const&& = delete;

  const Error& error() const& noexcept { return error_; }
  Error error() && noexcept { return std::move(error_); }

  // Says that success does not matter here.
  void ignore() const noexcept {}

 private:
  std::optional<T>& checked() {
    if (!value_) detail::used_a_failure(error_);
    return value_;
  }
  const std::optional<T>& checked() const {
    if (!value_) detail::used_a_failure(error_);
    return value_;
  }

  std::optional<T> value_;
  Error error_;
};

// Success, or the Error that came in its place.
template <>
class [[nodiscard]] Result<void> {
 public:
  Result() noexcept = default;
  Result(Error error) noexcept : error_(std::move(error)) {}

  bool ok() const noexcept { return !error_; }
  explicit operator bool() const noexcept { return ok(); }
  const Error& error() const& noexcept { return error_; }
  Error error() && noexcept { return std::move(error_); }
  void ignore() const noexcept {}

 private:
  Error error_;
};

namespace detail {

// Calls a function of the C API that makes an object, gives a text, or only answers.
template <typename Owner, typename Function, typename... Arguments>
Result<Owner> make(Function function, Arguments... arguments) {
  typename Owner::CType* out = nullptr;
  tau_error* error = nullptr;
  if (function(arguments..., &out, &error) < 0) return Error(error);
  return Owner(out);
}

template <typename Function, typename... Arguments>
Result<Text> text_of(Function function, Arguments... arguments) {
  tau_buf out{};
  tau_error* error = nullptr;
  const tau_status status = function(arguments..., &out, &error);
  Text text(out);
  if (status < 0) return Error(error);
  return text;
}

template <typename Function, typename... Arguments>
Result<Status> status_of(Function function, Arguments... arguments) {
  tau_error* error = nullptr;
  const tau_status status = function(arguments..., &error);
  if (status < 0) return Error(error);
  return static_cast<Status>(status);
}

template <typename Function, typename... Arguments>
Result<void> done(Function function, Arguments... arguments) {
  tau_error* error = nullptr;
  if (function(arguments..., &error) < 0) return Error(error);
  return {};
}

}  // namespace detail

// The build: version, ABI, features, tools, dialects, providers, as one JSON object (tau_build_info).
inline Result<Text> build_info() { return detail::text_of(tau_build_info); }

}  // namespace v0
}  // namespace tau

#endif
