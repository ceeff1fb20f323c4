// Status and StatusOr: how every fallible function of libtau reports failure.
//
// The codes are the sixteen canonical ones of the C ABI. Besides code and message a failure carries a stable
// snake_case reason that programs branch on, whether a retry can help, and after how long. A Status is one
// pointer; OK is null, so success costs nothing and copies are a reference count.
#pragma once

#include <cstdint>
#include <new>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

namespace tau {

enum class Code : int32_t {
  kOk = 0,
  kCancelled = 1,
  kUnknown = 2,
  kInvalidArgument = 3,
  kDeadlineExceeded = 4,
  kNotFound = 5,
  kAlreadyExists = 6,
  kPermissionDenied = 7,
  kResourceExhausted = 8,
  kFailedPrecondition = 9,
  kAborted = 10,
  kOutOfRange = 11,
  kUnimplemented = 12,
  kInternal = 13,
  kUnavailable = 14,
  kDataLoss = 15,
  kUnauthenticated = 16,
};

// The lower-case snake_case name of a code: "invalid_argument".
std::string_view code_name(Code code);

// What an error carries. `reason` is stable API; `message` is for people and may change.
struct ErrorInfo {
  Code code = Code::kUnknown;
  std::string reason;
  std::string message;
  bool retryable = false;
  int64_t retry_after_ms = -1;  // -1: the failing side did not say
  std::string details_json;     // empty, or one JSON object
};

class [[nodiscard]] Status {
 public:
  Status() noexcept = default;  // OK
  // A failure takes memory: std::bad_alloc is thrown where there is none, so that no failure passes for
  // another.
  explicit Status(ErrorInfo info);
  Status(Code code, std::string_view reason, std::string_view message);
  Status(const Status& other) noexcept;
  Status(Status&& other) noexcept : rep_(std::exchange(other.rep_, nullptr)) {}
  Status& operator=(const Status& other) noexcept;
  Status& operator=(Status&& other) noexcept;
  ~Status() {
    if (rep_ != nullptr) release();
  }

  // The failure to report when memory ran out; never allocates.
  static Status out_of_memory() noexcept;

  bool ok() const noexcept { return rep_ == nullptr; }
  Code code() const noexcept;
  std::string_view reason() const noexcept;
  std::string_view message() const noexcept;
  bool retryable() const noexcept;
  int64_t retry_after_ms() const noexcept;
  std::string_view details_json() const noexcept;
  // All that a failure carries: of OK nothing, its code apart.
  ErrorInfo info() const;

  bool is_out_of_memory() const noexcept;

  // Hands a failure out as a pointer, null for OK, and takes it back. Neither allocates.
  void* to_pointer() && noexcept { return std::exchange(rep_, nullptr); }
  static Status from_pointer(void* pointer) noexcept { return Status(static_cast<Rep*>(pointer)); }

  // "reason: message", or "ok".
  std::string to_string() const;
  // The same failure with `context` and ": " before its message.
  Status annotate(std::string_view context) const;

 private:
  struct Rep;
  explicit Status(Rep* rep) noexcept : rep_(rep) {}
  void release() noexcept;
  Rep* rep_ = nullptr;
};

inline Status ok_status() noexcept { return {}; }
Status invalid_argument(std::string_view reason, std::string_view message);
Status not_found(std::string_view reason, std::string_view message);
Status failed_precondition(std::string_view reason, std::string_view message);
Status permission_denied(std::string_view reason, std::string_view message);
Status resource_exhausted(std::string_view reason, std::string_view message);
Status deadline_exceeded(std::string_view reason, std::string_view message);
Status unavailable(std::string_view reason, std::string_view message);  // retryable
Status data_loss(std::string_view reason, std::string_view message);
Status internal_error(std::string_view reason, std::string_view message);
Status cancelled_error(std::string_view message);
Status unimplemented(std::string_view what);
// From an errno value: the canonical code that fits, reason "errno_<name>", message "<what>: <strerror>".
Status errno_status(int error, std::string_view what);

// A T, or the Status that says why there is none. `value()` of a failure is undefined; test ok() first.
template <class T>
class [[nodiscard]] StatusOr {
 public:
  StatusOr(T value) : value_(std::move(value)) {}          // NOLINT: implicit by design
  StatusOr(Status status) : status_(std::move(status)) {}  // NOLINT: implicit by design
  bool ok() const noexcept { return value_.has_value(); }
  const Status& status() const& noexcept { return status_; }
  Status status() && noexcept { return std::move(status_); }
  T& value() & { return *value_; }
  const T& value() const& { return *value_; }
  T&& value() && { return *std::move(value_); }
  T& operator*() & { return *value_; }
  const T& operator*() const& { return *value_; }
  T&& operator*() && { return *std::move(value_); }
  T* operator->() { return &*value_; }
  const T* operator->() const { return &*value_; }

 private:
  std::optional<T> value_;
  Status status_;
};

}  // namespace tau

#define TAU_STATUS_CONCAT_(a, b) a##b
#define TAU_STATUS_CONCAT(a, b) TAU_STATUS_CONCAT_(a, b)

// Returns from the calling function when `expr` (a Status) is a failure.
#define TAU_RETURN_IF_ERROR(expr)              \
  do {                                         \
    ::tau::Status tau_status_ = (expr);        \
    if (!tau_status_.ok()) return tau_status_; \
  } while (false)

// Evaluates `expr` (a StatusOr); returns its failure, or assigns its value to `lhs`.
#define TAU_ASSIGN_OR_RETURN(lhs, expr)                              \
  auto TAU_STATUS_CONCAT(tau_or_, __LINE__) = (expr);                \
  if (!TAU_STATUS_CONCAT(tau_or_, __LINE__).ok())                    \
    return std::move(TAU_STATUS_CONCAT(tau_or_, __LINE__)).status(); \
  lhs = *std::move(TAU_STATUS_CONCAT(tau_or_, __LINE__))
