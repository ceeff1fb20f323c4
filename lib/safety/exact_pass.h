// ExactPass: one walk of an ExactSet over a text that may still grow.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>
#include <vector>

#include "safety/exact.h"
#include "safety/match.h"

namespace tau::safety {

class ExactPass {
 public:
  explicit ExactPass(const ExactSet& secrets) : secrets_(&secrets) {}

  // Goes on over text, whose first byte is at `base` of the stream and not behind held_from().
  void advance(std::string_view text, uint64_t base, bool complete, std::vector<Match>& out);
  // What begins at this place or later may still be found.
  uint64_t held_from() const;

 private:
  const ExactSet* secrets_;
  uint64_t position_ = 0;  // of the first window that was not looked at
  std::vector<ExactSet::Candidate> pending_;
};

}  // namespace tau::safety
