// Characters of text as words see them: without case, accents and width. Private to memory.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>

namespace tau::memory {

enum class CharKind : uint8_t {
  kOther,   // ends a word: blanks, punctuation, symbols, what is ill-formed
  kLetter,  // of a script that writes words apart
  kDigit,
  kMark,   // belongs to the letter before it and says nothing here: accents, points, what is invisible
  kDense,  // of a script without blanks between words, or with long ones: Han, kana, Hangul, Thai, …
};

struct FoldedChar {
  CharKind kind = CharKind::kOther;
  uint8_t size = 1;     // bytes that it takes in the text
  uint8_t written = 0;  // bytes in `bytes`
  bool upper = false;   // a capital letter
  char bytes[4] = {};   // UTF-8 of what it is folded to: "É" is e, "ß" is ss, a full-width A is a
};

// The first character of a text that is not empty.
FoldedChar fold_first(std::string_view text);

}  // namespace tau::memory
