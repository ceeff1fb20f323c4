// Characters of text as words see them: without case, accents and width. Private to memory.
#pragma once

#include <array>
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

constexpr FoldedChar fold_ascii(char c) {
  FoldedChar out;
  out.upper = c >= 'A' && c <= 'Z';
  out.bytes[0] = out.upper ? static_cast<char>(c | 0x20) : c;
  out.written = 1;
  if (out.bytes[0] >= 'a' && out.bytes[0] <= 'z') out.kind = CharKind::kLetter;
  if (c >= '0' && c <= '9') out.kind = CharKind::kDigit;
  return out;
}

inline constexpr std::array<FoldedChar, 128> kFoldedAscii = [] {
  std::array<FoldedChar, 128> all;
  for (size_t c = 0; c < all.size(); ++c) all[c] = fold_ascii(static_cast<char>(c));
  return all;
}();

FoldedChar fold_beyond_ascii(std::string_view text);

// The first character of a text that is not empty.
inline FoldedChar fold_first(std::string_view text) {
  const auto c = static_cast<uint8_t>(text.front());
  return c < kFoldedAscii.size() ? kFoldedAscii[c] : fold_beyond_ascii(text);
}

}  // namespace tau::memory
