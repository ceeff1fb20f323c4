// Glob patterns over paths, compiled once.
//
//   *       any characters but '/'          [a-z] [!a-z]  one byte of a set
//   ?       one character but '/'           {a,b}         either; may nest
//   **      as a whole component: any number of components, none included
//   \x      x itself
//
// A pattern without '/' matches the last component at any depth. Bytes compare as they are; '?' takes one
// UTF-8 character. Matching takes O(pattern * path) steps, whatever the pattern.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/status.h"

namespace tau {

class GlobPattern {
 public:
  // INVALID_ARGUMENT "invalid_glob": an open bracket or brace, an empty pattern, or more than 256
  // alternatives.
  static StatusOr<GlobPattern> compile(std::string_view pattern);

  // `path` is relative, without "." components.
  bool matches(std::string_view path) const;

 private:
  using Components = std::vector<std::string>;
  std::vector<Components> alternatives_;
};

}  // namespace tau
