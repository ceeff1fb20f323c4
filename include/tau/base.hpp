// What the C++ wrapper stands on: owners of C objects, owned text, status codes, the library's build.
#ifndef TAU_BASE_HPP
#define TAU_BASE_HPP

#include <tau/base.h>

#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace tau {
inline namespace v0 {

// Wait without limit, where a function takes timeout_ms.
inline constexpr int32_t kForever = -1;

// What a call answers: kOk, kDone, kAgain; or a failure, one of the sixteen canonical codes.
enum class Status : int32_t {
  kOk = TAU_OK,
  kDone = TAU_DONE,    // nothing will come any more
  kAgain = TAU_AGAIN,  // nothing now; wait and call again
  kCancelled = TAU_CANCELLED,
  kUnknown = TAU_UNKNOWN,
  kInvalidArgument = TAU_INVALID_ARGUMENT,
  kDeadlineExceeded = TAU_DEADLINE_EXCEEDED,
  kNotFound = TAU_NOT_FOUND,
  kAlreadyExists = TAU_ALREADY_EXISTS,
  kPermissionDenied = TAU_PERMISSION_DENIED,
  kResourceExhausted = TAU_RESOURCE_EXHAUSTED,
  kFailedPrecondition = TAU_FAILED_PRECONDITION,
  kAborted = TAU_ABORTED,
  kOutOfRange = TAU_OUT_OF_RANGE,
  kUnimplemented = TAU_UNIMPLEMENTED,
  kInternal = TAU_INTERNAL,
  kUnavailable = TAU_UNAVAILABLE,
  kDataLoss = TAU_DATA_LOSS,
  kUnauthenticated = TAU_UNAUTHENTICATED
};

// An image, a file, … that goes with a message. `data` is copied during the call.
struct Blob {
  std::string mime;  // "image/png"
  const void* data = nullptr;
  size_t size = 0;
  std::string name = {};  // file name, may be empty
};

namespace detail {

inline tau_str str(std::string_view text) noexcept { return {text.data(), text.size()}; }

inline std::string_view view(tau_str text) noexcept {
  return text.data == nullptr ? std::string_view() : std::string_view(text.data, text.len);
}

// The bit, if it is wanted.
inline uint32_t flag(bool wanted, uint32_t bit) noexcept { return wanted ? bit : 0; }

// The one owner of a reference to a C object: moves, does not copy, gives it back at its end.
template <typename T, void (*kGiveBack)(T*)>
class Handle {
 public:
  using CType = T;

  // Empty, as after a move: calls on it fail with kInvalidArgument "null_argument".
  Handle() noexcept = default;

  // Takes over one reference of the caller's.
  explicit Handle(T* owned) noexcept : c_(owned) {}

  Handle(Handle&& other) noexcept : c_(other.release()) {}
  Handle& operator=(Handle&& other) noexcept {
    kGiveBack(std::exchange(c_, other.release()));
    return *this;
  }
  ~Handle() { kGiveBack(c_); }

  // The C object, still owned here; NULL when empty. For functions of the C API.
  T* c() const noexcept { return c_; }

  // The C object, owned by the caller from now on.
  [[nodiscard]] T* release() noexcept { return std::exchange(c_, nullptr); }

  explicit operator bool() const noexcept { return c_ != nullptr; }

 private:
  T* c_ = nullptr;
};

// The C form of `blobs`. Lives as long as they do.
inline std::vector<tau_blob> c_blobs(const std::vector<Blob>& blobs) {
  std::vector<tau_blob> out;
  out.reserve(blobs.size());
  for (const Blob& blob : blobs) out.push_back({str(blob.mime), str(blob.name), blob.data, blob.size});
  return out;
}

}  // namespace detail

// Text that the library handed over. c_str()[size()] is a NUL.
class Text {
 public:
  Text() noexcept = default;

  // Takes over what a function of the C API filled in.
  explicit Text(tau_buf owned) noexcept : buf_(owned) {}

  Text(Text&& other) noexcept : buf_(other.release()) {}
  Text& operator=(Text&& other) noexcept {
    Text old(std::exchange(buf_, other.release()));
    return *this;
  }
  ~Text() { tau_buf_free(&buf_); }

  // A view that lives as long as this object: a temporary gives none.
  std::string_view view() const& noexcept { return {c_str(), buf_.len}; }
  std::string_view view() const&& = delete;
  operator std::string_view() const& noexcept { return view(); }
  operator std::string_view() const&& = delete;

  const char* c_str() const& noexcept { return buf_.data == nullptr ? "" : buf_.data; }
  const char* c_str() const&& = delete;

  std::string str() const { return std::string(view()); }
  size_t size() const noexcept { return buf_.len; }
  bool empty() const noexcept { return buf_.len == 0; }

  // The C form, owned by the caller from now on: tau_buf_free.
  [[nodiscard]] tau_buf release() noexcept { return std::exchange(buf_, tau_buf{}); }

 private:
  tau_buf buf_{};
};

// The name of a status: "OK", "NOT_FOUND", … (tau_status_name). Static.
inline const char* status_name(Status status) noexcept {
  return tau_status_name(static_cast<tau_status>(status));
}

// The version of the library that is running, "0.1.0" (tau_version). Static.
inline const char* version() noexcept { return tau_version(); }

// The ABI that it speaks: major * 1000 + minor (tau_abi_version).
inline uint32_t abi_version() noexcept { return tau_abi_version(); }

// Whether a feature is built in and works, "dialect:openai_chat" (tau_has_feature).
inline bool has_feature(std::string_view name) noexcept { return tau_has_feature(detail::str(name)) != 0; }

}  // namespace v0
}  // namespace tau

#endif
