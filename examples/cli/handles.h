// Owners of the objects of the C API, and strings to and from it.
#pragma once

#include <tau/tau.h>

#include <memory>
#include <string>
#include <string_view>

namespace cli {

template <auto release>
struct Release {
  template <typename T>
  void operator()(T* object) const {
    release(object);
  }
};

using RuntimePtr = std::unique_ptr<tau_runtime, Release<tau_runtime_unref>>;
using AgentPtr = std::unique_ptr<tau_agent, Release<tau_agent_unref>>;
using SessionPtr = std::unique_ptr<tau_session, Release<tau_session_unref>>;
using QueuePtr = std::unique_ptr<tau_queue, Release<tau_queue_unref>>;
using PolicyPtr = std::unique_ptr<tau_policy, Release<tau_policy_free>>;
using ScannerPtr = std::unique_ptr<tau_scanner, Release<tau_scanner_unref>>;
using RunPtr = std::unique_ptr<tau_run, Release<tau_run_unref>>;

// A text that the library hands out for keeps.
class Buffer {
 public:
  Buffer() = default;
  ~Buffer() { tau_buf_free(&buf_); }
  Buffer(const Buffer&) = delete;
  Buffer& operator=(const Buffer&) = delete;
  tau_buf* out() { return &buf_; }
  std::string_view view() const {
    return buf_.data == nullptr ? std::string_view() : std::string_view(buf_.data, buf_.len);
  }

 private:
  tau_buf buf_{};
};

// Absent when empty.
inline tau_str to_tau(std::string_view text) {
  return text.empty() ? tau_str{nullptr, 0} : tau_str{text.data(), text.size()};
}

inline std::string_view view(tau_str text) {
  return text.data == nullptr ? std::string_view() : std::string_view(text.data, text.len);
}

}  // namespace cli
