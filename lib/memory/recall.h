// Automatic recall: what was found becomes one bounded block of an agent's turn, marked so that it is never
// taken for instructions, and never remembered again.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

#include "base/base.h"
#include "store/store.h"

namespace tau::memory {

inline constexpr std::string_view kRecallBegin = "<recalled-memories";
inline constexpr std::string_view kRecallEnd = "</recalled-memories>";

struct RecallHit {
  const store::MemoryRow* row = nullptr;
  double score = 0;
};

struct RecallOptions {
  size_t max_memories = 8;
  size_t max_bytes = 6'000;  // of the whole block; 0: no limit
  size_t max_tokens = 0;     // likewise, at three bytes each, as budgets count them; 0: no limit
  double min_score = 0;      // a hit has at least this, and more than 0
};

struct RecallBlock {
  std::string text;           // empty when nothing is taken
  std::vector<size_t> taken;  // indices of the hits, in the order of the block
  size_t left_out = 0;        // good enough, but without room
  Labels labels;              // of all that is taken, and that it was recalled
};

// The best hits that fit, whole or not at all, told in the order of time: one line each with its date, type,
// id and where it comes from. Equal scores: the lower row first. A row that comes twice is taken once.
RecallBlock recall_block(const std::vector<RecallHit>& hits, const RecallOptions& options);

// `text` without its recalled blocks, each with the line break after it. One that does not end goes to the
// end of the text: whatever was recalled is not remembered again.
std::string strip_recalled(std::string_view text);
bool holds_recalled(std::string_view text);

}  // namespace tau::memory
