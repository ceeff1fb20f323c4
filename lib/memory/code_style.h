// What the chunker of code knows of languages. Private to the chunkers.
#pragma once

#include <string_view>

namespace tau::memory {

struct CodeStyle {
  // What a line's level is.
  enum class Blocks : unsigned char {
    kBraces,    // depth of braces
    kIndent,    // columns
    kSections,  // "[name]" above, all else below
  };
  Blocks blocks = Blocks::kIndent;
  std::string_view comment;     // to the end of a line
  bool block_comments = false;  // /* … */
  bool quoted_text = false;     // '…' is a text, not a character
  bool backtick_text = false;   // `…` over several lines
  bool triple_quotes = false;   // """ … """ over several lines
  bool names = false;           // lines "key: value" name their blocks
};

// Of a file's name; null when that says nothing of code or of what is indented.
const CodeStyle* code_style(std::string_view name);

// The function, class or other thing that a line defines; empty: none.
std::string_view defined_symbol(std::string_view line);

}  // namespace tau::memory
