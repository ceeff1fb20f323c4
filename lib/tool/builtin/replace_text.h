// Exact replacement of text, the pure part of the edit tool.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace tau::tool {

struct Replacement {
  std::string text;            // the new content; unset unless something was replaced
  std::vector<int64_t> lines;  // where the old text begins, from 1; matches do not overlap
};

// Replaces every match, or the only one. With several matches and not `replace_all` only `lines` is filled.
// `old_text` must not be empty. When `text` uses CRLF and the old text plain LF, both are read as CRLF.
Replacement replace_text(std::string_view text, std::string_view old_text, std::string_view new_text,
                         bool replace_all);

// The line (from 1) that most likely was meant when `old_text` occurs nowhere: one that holds its first
// non-blank line but for the blanks around it. 0: none.
int64_t nearest_line(std::string_view text, std::string_view old_text);

}  // namespace tau::tool
