// Memories through the public C API, for campaigns.
#pragma once

#include <string>

#include "json/json.h"
#include "tau/tau.h"

namespace tau::campaign {

struct Answer {
  tau_status status = TAU_OK;
  std::string reason;
  std::string message;
  std::string text;  // JSON, as it came
  json::Value json;

  bool ok() const { return status == TAU_OK; }
  std::string to_text() const;
};

// A runtime over a home.
class MemoryHome {
 public:
  MemoryHome() = default;
  ~MemoryHome() { close(); }
  MemoryHome(const MemoryHome&) = delete;
  MemoryHome& operator=(const MemoryHome&) = delete;
  // Empty, or what is wrong.
  std::string open(const std::string& home);
  // Waits until it is closed.
  std::string close();
  tau_runtime* get() const { return runtime_; }

 private:
  tau_runtime* runtime_ = nullptr;
};

// A handle of one scope; any thread. `channel` and `actor` null: unbound.
class MemoryHandle {
 public:
  MemoryHandle(const MemoryHome& home, const char* workspace, const char* channel, const char* actor);
  ~MemoryHandle();
  MemoryHandle(const MemoryHandle&) = delete;
  MemoryHandle& operator=(const MemoryHandle&) = delete;

  Answer perform(const std::string& request) const;
  Answer search(const std::string& request) const;
  // Whether it may see what is of that scope.
  bool sees(int scope) const;
  std::string to_text() const;

 private:
  tau_memory* memory_ = nullptr;
  std::string why_;
  const std::string workspace_;
  const char* const channel_;
  const char* const actor_;
};

}  // namespace tau::campaign
