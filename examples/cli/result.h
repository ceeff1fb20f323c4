// What can fail: a failure that people can act on, and a value or such a failure.
#pragma once

#include <string>
#include <utility>
#include <variant>

#include "exit_codes.h"

namespace cli {

struct Failure {
  int exit = kExitFailed;
  std::string reason;     // stable snake_case
  std::string message;    // for people
  std::string hint = {};  // what to do about it; may be empty
};

template <typename T>
class Result {
 public:
  Result(T value) : held_(std::move(value)) {}
  Result(Failure failure) : held_(std::move(failure)) {}
  bool ok() const { return held_.index() == 0; }
  T& operator*() & { return std::get<0>(held_); }
  T&& operator*() && { return std::get<0>(std::move(held_)); }
  const T& operator*() const& { return std::get<0>(held_); }
  T* operator->() { return &std::get<0>(held_); }
  const Failure& failure() const { return std::get<1>(held_); }

 private:
  std::variant<T, Failure> held_;
};

}  // namespace cli
