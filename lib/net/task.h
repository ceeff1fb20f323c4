// Tasks of a loop and whom they work for. Part of net's public face: include net/net.h.
#pragma once

#include <cstdint>
#include <type_traits>
#include <utility>

#include "base/base.h"

namespace tau::net {

// A number for whoever has to be told when work on its behalf fails for lack of memory; 0: nobody.
using Owner = uint64_t;

// The owner of what this thread does now. Tasks that are made meanwhile belong to it, on whatever thread and
// loop they run: so all that follows from one beginning has one owner.
class OwnerScope {
 public:
  explicit OwnerScope(Owner owner) : before_(std::exchange(current_, owner)) {}
  ~OwnerScope() { current_ = before_; }
  OwnerScope(const OwnerScope&) = delete;
  OwnerScope& operator=(const OwnerScope&) = delete;
  static Owner current() { return current_; }

 private:
  static inline thread_local Owner current_ = 0;
  Owner before_;
};

class Task {
 public:
  Task() = default;
  Task(std::nullptr_t) {}  // NOLINT: implicit like a function
  template <class F>
  requires(!std::is_same_v<std::remove_cvref_t<F>, Task> && std::is_invocable_v<std::remove_cvref_t<F>&>)
      Task(F&& f)  // NOLINT: implicit like a function
      : function_(std::forward<F>(f)), owner_(OwnerScope::current()) {}

  explicit operator bool() const { return static_cast<bool>(function_); }
  void operator()() { function_(); }
  Owner owner() const { return owner_; }

 private:
  UniqueFunction<void()> function_;
  Owner owner_ = 0;
};

}  // namespace tau::net
