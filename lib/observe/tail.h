// Tail: the last lines of a log, and those that come after. Shows what is there; verify() says whether it is
// right.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "base/base.h"
#include "os/os.h"

namespace tau::observe {

inline constexpr size_t kMostTailLines = 10'000;

// One thread.
class Tail {
 public:
  // Places itself before the last `lines` records, at most kMostTailLines.
  static StatusOr<Tail> open(const std::string& directory, size_t lines);
  // Before the first record.
  static StatusOr<Tail> begin(const std::string& directory);
  // Where another one stood. INVALID_ARGUMENT "invalid_cursor".
  static StatusOr<Tail> resume(const std::string& directory, std::string_view cursor);
  // Where this one stands, for resume(); it holds as long as the log does.
  std::string cursor() const;
  Tail(Tail&&) noexcept;
  Tail& operator=(Tail&&) noexcept;
  ~Tail();

  // Appends the lines, without their line feeds, that came since; first those that open() was asked for. At
  // most `most`: call again until it gives none. Returns how many. Never waits: call it again later to follow
  // the log. Files that were removed before they were read are passed over.
  StatusOr<size_t> poll(std::vector<std::string>& out, size_t most = kMostTailLines);

 private:
  struct Impl;
  explicit Tail(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

}  // namespace tau::observe
