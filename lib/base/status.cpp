#include "base/status.h"

#include <atomic>
#include <cerrno>
#include <cstring>
#include <memory>

namespace tau {

struct Status::Rep {
  std::atomic<int32_t> refs{1};
  bool immortal = false;
  ErrorInfo info;
};

namespace {

template <class Rep>
void ref(Rep* rep) noexcept {
  if (rep != nullptr && !rep->immortal) rep->refs.fetch_add(1, std::memory_order_relaxed);
}

template <class Rep>
void unref(Rep* rep) noexcept {
  if (rep == nullptr || rep->immortal) return;
  if (rep->refs.fetch_sub(1, std::memory_order_acq_rel) == 1) delete rep;
}

struct ErrnoMapping {
  int error;
  Code code;
  std::string_view reason;
};

constexpr ErrnoMapping kErrnoMappings[] = {
    {ENOENT, Code::kNotFound, "errno_enoent"},
    {ENOTDIR, Code::kFailedPrecondition, "errno_enotdir"},
    {EISDIR, Code::kFailedPrecondition, "errno_eisdir"},
    {EEXIST, Code::kAlreadyExists, "errno_eexist"},
    {EACCES, Code::kPermissionDenied, "errno_eacces"},
    {EPERM, Code::kPermissionDenied, "errno_eperm"},
    {EROFS, Code::kPermissionDenied, "errno_erofs"},
    {EXDEV, Code::kPermissionDenied, "errno_exdev"},
    {ELOOP, Code::kPermissionDenied, "errno_eloop"},
    {ENOSPC, Code::kResourceExhausted, "errno_enospc"},
    {EDQUOT, Code::kResourceExhausted, "errno_edquot"},
    {EMFILE, Code::kResourceExhausted, "errno_emfile"},
    {ENFILE, Code::kResourceExhausted, "errno_enfile"},
    {ENOMEM, Code::kResourceExhausted, "out_of_memory"},
    {EFBIG, Code::kResourceExhausted, "errno_efbig"},
    {EINVAL, Code::kInvalidArgument, "errno_einval"},
    {ENAMETOOLONG, Code::kInvalidArgument, "errno_enametoolong"},
    {ETIMEDOUT, Code::kDeadlineExceeded, "errno_etimedout"},
    {EAGAIN, Code::kUnavailable, "errno_eagain"},
    {EBUSY, Code::kUnavailable, "errno_ebusy"},
    {EIO, Code::kDataLoss, "errno_eio"},
};

}  // namespace

std::string_view code_name(Code code) {
  switch (code) {
    case Code::kOk: return "ok";
    case Code::kCancelled: return "cancelled";
    case Code::kUnknown: return "unknown";
    case Code::kInvalidArgument: return "invalid_argument";
    case Code::kDeadlineExceeded: return "deadline_exceeded";
    case Code::kNotFound: return "not_found";
    case Code::kAlreadyExists: return "already_exists";
    case Code::kPermissionDenied: return "permission_denied";
    case Code::kResourceExhausted: return "resource_exhausted";
    case Code::kFailedPrecondition: return "failed_precondition";
    case Code::kAborted: return "aborted";
    case Code::kOutOfRange: return "out_of_range";
    case Code::kUnimplemented: return "unimplemented";
    case Code::kInternal: return "internal";
    case Code::kUnavailable: return "unavailable";
    case Code::kDataLoss: return "data_loss";
    case Code::kUnauthenticated: return "unauthenticated";
  }
  return "unknown";
}

Status::Status(ErrorInfo info) : rep_(new Rep) { rep_->info = std::move(info); }

Status::Status(Code code, std::string_view reason, std::string_view message) {
  auto rep = std::make_unique<Rep>();
  rep->info.code = code;
  rep->info.reason = reason;
  rep->info.message = message;
  rep_ = rep.release();
}

Status::Status(const Status& other) noexcept : rep_(other.rep_) { ref(rep_); }

Status& Status::operator=(const Status& other) noexcept {
  ref(other.rep_);
  unref(rep_);
  rep_ = other.rep_;
  return *this;
}

Status& Status::operator=(Status&& other) noexcept {
  if (this != &other) {
    unref(rep_);
    rep_ = std::exchange(other.rep_, nullptr);
  }
  return *this;
}

void Status::release() noexcept { unref(rep_); }

Status Status::out_of_memory() noexcept {
  // Every string fits the small-string buffer, so building it allocates nothing; it is never destroyed.
  alignas(Rep) static unsigned char storage[sizeof(Rep)];
  static Rep* const rep = [] {
    Rep* r = new (storage) Rep;
    r->immortal = true;
    r->info.code = Code::kResourceExhausted;
    r->info.reason = "out_of_memory";
    r->info.message = "out of memory";
    return r;
  }();
  return Status(rep);
}

Code Status::code() const noexcept { return rep_ ? rep_->info.code : Code::kOk; }
std::string_view Status::reason() const noexcept {
  return rep_ ? std::string_view(rep_->info.reason) : std::string_view();
}
std::string_view Status::message() const noexcept {
  return rep_ ? std::string_view(rep_->info.message) : std::string_view();
}
bool Status::is_out_of_memory() const noexcept { return rep_ == out_of_memory().rep_; }
bool Status::retryable() const noexcept { return rep_ != nullptr && rep_->info.retryable; }
int64_t Status::retry_after_ms() const noexcept { return rep_ ? rep_->info.retry_after_ms : -1; }
std::string_view Status::details_json() const noexcept {
  return rep_ ? std::string_view(rep_->info.details_json) : std::string_view();
}

ErrorInfo Status::info() const {
  if (rep_ != nullptr) return rep_->info;
  ErrorInfo none;
  none.code = Code::kOk;
  return none;
}

std::string Status::to_string() const {
  if (ok()) return "ok";
  return rep_->info.reason + ": " + rep_->info.message;
}

Status Status::annotate(std::string_view context) const {
  if (ok() || is_out_of_memory()) return *this;
  ErrorInfo info = rep_->info;
  info.message = std::string(context) + ": " + info.message;
  return Status(std::move(info));
}

Status invalid_argument(std::string_view reason, std::string_view message) {
  return {Code::kInvalidArgument, reason, message};
}
Status not_found(std::string_view reason, std::string_view message) {
  return {Code::kNotFound, reason, message};
}
Status failed_precondition(std::string_view reason, std::string_view message) {
  return {Code::kFailedPrecondition, reason, message};
}
Status permission_denied(std::string_view reason, std::string_view message) {
  return {Code::kPermissionDenied, reason, message};
}
Status resource_exhausted(std::string_view reason, std::string_view message) {
  return {Code::kResourceExhausted, reason, message};
}
Status deadline_exceeded(std::string_view reason, std::string_view message) {
  return {Code::kDeadlineExceeded, reason, message};
}
Status unavailable(std::string_view reason, std::string_view message) {
  ErrorInfo info;
  info.code = Code::kUnavailable;
  info.reason = reason;
  info.message = message;
  info.retryable = true;
  return Status(std::move(info));
}
Status data_loss(std::string_view reason, std::string_view message) {
  return {Code::kDataLoss, reason, message};
}
Status internal_error(std::string_view reason, std::string_view message) {
  return {Code::kInternal, reason, message};
}
Status cancelled_error(std::string_view message) { return {Code::kCancelled, "cancelled", message}; }
Status unimplemented(std::string_view what) {
  return {Code::kUnimplemented, "unimplemented", std::string(what) + " is not implemented"};
}

Status errno_status(int error, std::string_view what) {
  Code code = Code::kUnknown;
  std::string reason = "errno_" + std::to_string(error);
  for (const ErrnoMapping& m : kErrnoMappings) {
    if (m.error != error) continue;
    code = m.code;
    reason = m.reason;
  }
  char buffer[128];
  return {code, reason, std::string(what) + ": " + strerror_r(error, buffer, sizeof buffer)};
}

}  // namespace tau
