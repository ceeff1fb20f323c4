// Stream: both passes over one text that arrives in pieces, overlaps settled, and what may go on.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "safety/exact_pass.h"
#include "safety/form_pass.h"
#include "safety/rule_pass.h"
#include "safety/safety.h"

namespace tau::safety {

class Stream {
 public:
  explicit Stream(Screen screen);

  // `out` gets the text with placeholders, or is null; so does `found`.
  void feed(std::string_view piece, std::string* out, std::vector<Finding>* found);
  void finish(std::string* out, std::vector<Finding>* found);
  void flush(std::string* out);
  size_t held_bytes() const { return static_cast<size_t>(base_ + buffer_.size() - released_); }

 private:
  void advance(std::string_view text, bool complete, std::string* out, std::vector<Finding>* found);
  void release(std::string_view text, uint64_t end, std::string* out);
  uint64_t character_begin(std::string_view text, uint64_t at) const;
  void redact_to(std::string_view text, uint64_t begin, uint64_t end, std::string_view rule,
                 std::string* out);
  void settle(std::string_view text, uint64_t decided, std::string* out, std::vector<Finding>* found);
  void reset();

  Screen screen_;
  std::optional<ExactPass> exact_;
  std::optional<RulePass> rules_;
  std::optional<FormPass> forms_;
  std::string buffer_;
  uint64_t base_ = 0;            // stream offset of buffer_[0]
  uint64_t released_ = 0;        // stream offset up to which text went on, or was taken out
  bool in_placeholder_ = false;  // the text before released_ was taken out, and more of it may come
  std::vector<Match> matches_;   // not settled, in order of their beginnings
};

}  // namespace tau::safety
