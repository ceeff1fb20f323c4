// What every function of the C door shares: the exception barrier, conversions, handles. No logic lives in
// this folder: check, convert, call, convert.
#pragma once

#include <atomic>
#include <cstring>
#include <new>
#include <string>
#include <string_view>
#include <type_traits>

#include "base/base.h"
#include "tau/tau.h"

namespace tau::capi {

tau_error* make_error(const Status& status) noexcept;

// The status of a failure, with its details in *err when the caller wants them.
inline tau_status fail(const Status& status, tau_error** err) noexcept {
  if (err != nullptr) *err = make_error(status);
  return -static_cast<tau_status>(status.code());
}

inline tau_status give(const Status& status, tau_error** err) noexcept {
  return status.ok() ? TAU_OK : fail(status, err);
}

tau_status unexpected(tau_error** err) noexcept;

// The barrier: nothing thrown passes the door. `body` returns a Status or a tau_status.
template <class F>
tau_status guard(tau_error** err, F&& body) noexcept {
  try {
    if constexpr (std::is_same_v<std::invoke_result_t<F>, Status>) {
      return give(body(), err);
    } else {
      return body();
    }
  } catch (const std::bad_alloc&) { return fail(Status::out_of_memory(), err); } catch (...) {
    return unexpected(err);
  }
}

// For functions without an error: `otherwise` when something is thrown.
template <class T, class F>
T guard_value(T otherwise, F&& body) noexcept {
  try {
    return body();
  } catch (...) { return otherwise; }
}

inline Status null_argument(std::string_view name) {
  return invalid_argument("null_argument", std::string(name) + " must not be NULL");
}

inline std::string_view raw_view(tau_str s) {
  if (s.data == nullptr) return {};
  return {s.data, s.len == TAU_STRLEN ? std::strlen(s.data) : s.len};
}

// Text from outside: UTF-8, or INVALID_ARGUMENT that names the argument.
inline StatusOr<std::string_view> text(tau_str s, std::string_view name) {
  if (s.data == nullptr && s.len != 0 && s.len != TAU_STRLEN)
    return invalid_argument("null_argument", std::string(name) + " has a length but no data");
  const std::string_view view = raw_view(s);
  const size_t good = valid_utf8_prefix(view);
  if (good == view.size()) return view;
  return invalid_argument(
      "invalid_utf8", format("{} is not UTF-8 at byte {}", fmt::string_view(name.data(), name.size()), good));
}

inline tau_str view(std::string_view s) { return {s.data(), s.size()}; }

// Hands a string over; *out is empty on failure.
Status fill(tau_buf* out, std::string text);

// Fills *out with the text that `make` gives.
template <class F>
tau_status give_text(tau_buf* out, tau_error** err, F&& make) noexcept {
  if (out != nullptr) *out = {nullptr, 0, nullptr};
  return guard(err, [&]() -> Status {
    if (out == nullptr) return null_argument("out");
    TAU_ASSIGN_OR_RETURN(std::string text, make());
    return fill(out, std::move(text));
  });
}

// The same through a member function of the object behind a handle.
template <class F>
tau_status give_json(const void* handle, std::string_view name, tau_buf* out, tau_error** err,
                     F&& make) noexcept {
  return give_text(out, err, [&]() -> StatusOr<std::string> {
    if (handle == nullptr) return null_argument(name);
    return make();
  });
}

// Whether `size` can be what sizeof gave for some version of T: whole units of its alignment. Any other size
// would cut a pointer in two.
template <class T>
bool can_be_sizeof(uint32_t size) {
  return size >= alignof(T) && size % alignof(T) == 0;
}

// Of a handle that takes a text in pieces, one thread at a time.
struct Sequence {
  std::atomic<bool> busy{false};  // a thread is in it
  bool broken = false;            // memory ran out in the middle: what went in did not come out
};

// Hands out what `step` appends to a text; the handle has a Sequence as `sequence`. `name` is that of the
// handle: "NAME_busy" is a second thread's answer.
template <class H, class Step>
tau_status work(H* handle, std::string_view name, tau_buf* out, tau_error** err, Step step) noexcept {
  struct Claim {
    std::atomic<bool>& busy;
    ~Claim() { busy.store(false, std::memory_order_release); }
  };
  if (out != nullptr) *out = {nullptr, 0, nullptr};
  return guard(err, [&]() -> Status {
    if (handle == nullptr) return null_argument(name);
    if (out == nullptr) return null_argument("out");
    Sequence& sequence = handle->sequence;
    if (sequence.busy.exchange(true, std::memory_order_acquire))
      return failed_precondition(std::string(name) + "_busy",
                                 "another thread is in this " + std::string(name));
    const Claim claim{sequence.busy};
    if (sequence.broken) return Status::out_of_memory();
    sequence.broken = true;  // until all has gone well
    std::string text;
    const Status status = step(text);
    TAU_RETURN_IF_ERROR(fill(out, std::move(text)));
    sequence.broken = false;
    return status;
  });
}

// Copies an options struct of any age: an older one is extended with zeros; a newer one is accepted when what
// this library does not know is zero.
template <class T>
Status read_options(const T* given, T* out, std::string_view name) {
  if (given == nullptr) return ok_status();
  const uint32_t size = given->struct_size;
  if (!can_be_sizeof<T>(size))
    return invalid_argument("struct_size", std::string(name) + ".struct_size is not set: use the INIT macro");
  const auto* bytes = reinterpret_cast<const unsigned char*>(given);
  for (uint32_t i = sizeof(T); i < size; ++i)
    if (bytes[i] != 0)
      return Status(Code::kUnimplemented, "options_too_new",
                    std::string(name) + " sets a member that this library does not know");
  std::memcpy(out, given, size < sizeof(T) ? size : sizeof(T));
  out->struct_size = sizeof(T);
  return ok_status();
}

// The init function of an options struct: the bytes of its INIT macro, no more than the caller has room for.
template <class T>
void init_options(T* options, uint32_t struct_size, const T& defaults) {
  if (options == nullptr) return;
  const size_t size = struct_size < sizeof(T) ? struct_size : sizeof(T);
  std::memcpy(options, &defaults, size);
  if (size >= sizeof(uint32_t)) options->struct_size = static_cast<uint32_t>(size);
}

// A reference-counted C handle around a shared object.
template <class Object>
struct Handle {
  std::atomic<int32_t> refs{1};
  std::shared_ptr<Object> object;
};

template <class H>
H* ref(H* handle) noexcept {
  if (handle != nullptr) handle->refs.fetch_add(1, std::memory_order_relaxed);
  return handle;
}

template <class H>
void unref(H* handle) noexcept {
  if (handle != nullptr && handle->refs.fetch_sub(1, std::memory_order_acq_rel) == 1) delete handle;
}

// Gives `result` out as a new handle.
template <class H, class Object>
Status hand_out(StatusOr<std::shared_ptr<Object>> result, H** out) {
  if (!result.ok()) return std::move(result).status();
  H* handle = new H;
  handle->object = *std::move(result);
  *out = handle;
  return ok_status();
}

}  // namespace tau::capi
