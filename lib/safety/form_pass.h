// FormPass: one walk of the rules of forms over a text that may still grow: addresses, numbers and what else
// people are known by. It stands at the first byte that is not decided yet.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "safety/match.h"
#include "safety/rule.h"

namespace tau::safety {

class FormPass {
 public:
  explicit FormPass(const RuleSet& rules) : rules_(&rules) {}

  // Goes on over text, whose first byte is at `base` of the stream; `complete` says that nothing follows.
  void advance(std::string_view text, uint64_t base, bool complete, std::vector<Match>& out);
  // Everything that begins before this place is decided; of what lies before the last kLookBehind bytes are
  // needed.
  uint64_t position() const { return position_; }

 private:
  enum class Verdict : uint8_t { kNone, kFound, kMore };

  Verdict try_address(std::string_view text, size_t at, bool complete);
  Verdict try_forms(std::string_view text, size_t at, bool complete);
  Verdict try_form(const Rule& rule, std::string_view text, size_t at, bool complete);
  std::string_view run_of(const RuleSpec& spec, std::string_view text, size_t at, size_t* end);
  size_t bytes_of_run(size_t length) const;
  Verdict accept(const Rule& rule, std::string_view text, size_t begin, size_t end);

  const RuleSet* rules_;
  uint64_t position_ = 0;
  uint64_t base_ = 0;
  // The run that is being looked at, where a typesetter's blanks and hyphens stand for plain ones.
  struct TypesetSign {
    size_t behind = 0;  // so many characters of the run, with this one
    size_t more = 0;    // bytes than the plain one has
  };
  std::string run_;
  std::vector<TypesetSign> typeset_;
  Match found_;  // at the place that is being looked at
};

}  // namespace tau::safety
