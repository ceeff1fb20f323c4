// What a user's text asks for: words, and the little syntax that people use without thinking. Any text is a
// query; nothing in it is an error. Private to memory.
//
//   plain words    found by their stems
//   "two words"    a phrase: memories that hold it as it stands count more
//   prefix*        words that begin so
//   -word          memories with this word do not show
//   last week      a time: memories of it count more; they are looked for by time alone where nothing else is
//   said
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "memory/text_analysis.h"

namespace tau::memory {

// Both ends included.
struct TimeWindow {
  int64_t since_ms = 0;
  int64_t until_ms = 0;
  bool operator==(const TimeWindow&) const = default;
};

struct Query {
  static constexpr size_t kMaxBytes = 16'384;  // of its text; the rest is not looked at
  static constexpr size_t kMaxTerms = 256;     // different ones
  static constexpr size_t kMaxParts = 16;      // phrases, prefixes, windows, each

  std::string plain;                  // the text without its syntax: what is embedded
  std::vector<TermCount> terms;       // ascending
  std::vector<std::string> phrases;   // of two words at least
  std::vector<std::string> prefixes;  // folded
  std::vector<uint64_t> excluded;     // terms
  std::vector<TimeWindow> windows;
  // By window, the terms of its words where they are not in `terms`, because it is relative to now.
  std::vector<std::vector<uint64_t>> window_terms;
  // Counts the words of a window as words after all.
  void read_as_words(size_t window);
  bool empty() const { return terms.empty() && phrases.empty() && prefixes.empty() && windows.empty(); }
};

// Times are relative to `now_ms`; unset (kNoTime): only absolute ones are understood. Linear in the text.
Query parse_query(std::string_view text, int64_t now_ms);

// The times that a text speaks of, in its order: "yesterday", "three days ago", "last week", "in May 2023",
// "on 7 May", "2023-05-07", "May 7, 2023", "last Friday". At most `limit`.
std::vector<TimeWindow> find_times(std::string_view text, int64_t now_ms, size_t limit);

}  // namespace tau::memory
