// RulePass: one walk of a rule set over a text that may still grow. It stands at the first byte whose rules
// are not decided yet; all it needs of what lies before are the last kLookBehind bytes.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>
#include <vector>

#include "safety/assignment.h"
#include "safety/match.h"
#include "safety/rule.h"

namespace tau::safety {

class RulePass {
 public:
  // `position`: no word of a rule begins before it.
  explicit RulePass(const RuleSet& rules, uint64_t position = 0) : rules_(&rules), position_(position) {}

  // Goes on over text, whose first byte is at `base` of the stream; `complete` says that nothing follows.
  void advance(std::string_view text, uint64_t base, bool complete, std::vector<Match>& out);

  // Everything that begins before this place is decided.
  uint64_t position() const { return position_; }
  // What begins at this place or later may still be found.
  uint64_t held_from() const { return block_.state == Block::State::kHeader ? block_.begin : position_; }
  // A key whose beginning is certain and whose end is not in sight: all from its beginning to position()
  // belongs to it.
  bool in_block() const { return block_.state == Block::State::kBody; }
  uint64_t block_begin() const { return block_.begin; }
  const Rule& block_rule() const { return *block_.rule; }

 private:
  enum class Verdict : uint8_t { kDecided, kMore };
  struct Block {
    enum class State : uint8_t { kNone, kHeader, kBody };
    State state = State::kNone;  // kHeader: the first lines are not yet enough to call it a key
    const Rule* rule = nullptr;
    uint64_t begin = 0;
    uint64_t body = 0;
    size_t body_bytes = 0;
    uint64_t fingerprint = 0;
  };

  Verdict try_words(std::string_view text, size_t at, bool complete);
  Verdict try_rule(const Rule& rule, size_t word, std::string_view text, size_t at, bool complete);
  Verdict try_token(const Rule& rule, size_t word, std::string_view text, size_t at, bool complete);
  Verdict try_value(const Rule& rule, size_t word, std::string_view text, size_t at, bool complete);
  Verdict try_block(const Rule& rule, std::string_view text, size_t at, bool complete);
  size_t walk_block(std::string_view text, size_t at, bool complete, std::vector<Match>& out);
  uint64_t end_block(uint64_t end, std::vector<Match>& out);
  // The value, of which the first `known` bytes are the same in all.
  void accept(const Rule& rule, std::string_view text, size_t begin, size_t known, size_t end);

  const RuleSet* rules_;
  uint64_t position_ = 0;
  uint64_t base_ = 0;
  Block block_;
  std::vector<Match> decided_;  // of the place that is being looked at
  // The end of the run of token characters that was measured last.
  uint64_t run_end_ = 0;
  ValueRun value_run_;  // in the stream, like run_end_
};

}  // namespace tau::safety
