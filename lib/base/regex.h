// Regular expressions in linear time, whatever the text: the only ones libtau uses.
#pragma once

#include <cstddef>
#include <memory>
#include <string_view>

#include "base/status.h"

namespace tau {

class Regex {
 public:
  struct Options {
    bool ignore_case = false;
    bool literal = false;  // the pattern is plain text
  };

  // INVALID_ARGUMENT "invalid_regex" names what is wrong. `max_program_bytes` bounds the memory of a pattern.
  static StatusOr<Regex> compile(std::string_view pattern, Options options);

  Regex(Regex&&) noexcept;
  Regex& operator=(Regex&&) noexcept;
  ~Regex();

  // Whether the pattern occurs anywhere in `text`. Any thread.
  bool search(std::string_view text) const;
  // As search, and where: the leftmost match.
  bool search(std::string_view text, size_t* begin, size_t* length) const;

 private:
  struct Impl;
  explicit Regex(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

}  // namespace tau
