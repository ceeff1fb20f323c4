// Regular expressions in linear time, whatever the text: the only ones libtau uses.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string_view>

#include "base/status.h"

namespace tau {

class Regex {
 public:
  struct Options {
    bool ignore_case = false;
    bool literal = false;                // the pattern is plain text
    bool bytes = false;                  // text is bytes, not UTF-8: one class member matches one byte
    int64_t max_memory_bytes = 8 << 20;  // of the compiled program and what matching caches
  };

  // INVALID_ARGUMENT "invalid_regex" names what is wrong.
  static StatusOr<Regex> compile(std::string_view pattern, Options options);

  Regex(Regex&&) noexcept;
  Regex& operator=(Regex&&) noexcept;
  ~Regex();

  // Whether the pattern occurs anywhere in `text`. Any thread.
  bool search(std::string_view text) const;
  // As search, and where: the leftmost match.
  bool search(std::string_view text, size_t* begin, size_t* length) const;
  // Whether the pattern matches at the beginning of `text`, and how far.
  bool match_prefix(std::string_view text, size_t* length) const;
  // Whether the pattern matches the whole of `text`.
  bool match_whole(std::string_view text) const;

 private:
  struct Impl;
  explicit Regex(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

}  // namespace tau
