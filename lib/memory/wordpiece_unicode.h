// What the WordPiece tokenizer knows about characters: those that count as blank, as control, as mark or as
// punctuation, and what is left of a letter without its accents and its capital form.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>

namespace tau::memory {

struct CharacterRange {
  uint32_t first;
  uint32_t last;
};
// Every `step`th character of a range moves by the same distance.
struct CharacterShift {
  uint32_t first;
  uint32_t last;
  int32_t step;
  int32_t distance;
};
struct CharacterPair {
  uint32_t code;
  uint32_t to;
};
struct CharacterParts {
  uint32_t code;
  uint32_t parts[3];  // 0: none
};

// The tables; each ascends.
std::span<const CharacterRange> spaces();
std::span<const CharacterRange> controls();
std::span<const CharacterRange> marks();
std::span<const CharacterRange> punctuation();
std::span<const CharacterPair> bare_pairs();
std::span<const CharacterParts> character_parts();
std::span<const CharacterShift> lower_shifts();

bool is_in(std::span<const CharacterRange> table, uint32_t code);
uint32_t to_lower(uint32_t code);
// The canonical decomposition of a character without its nonspacing marks: up to three characters, their
// count.
size_t bare_characters(uint32_t code, uint32_t out[3]);
bool is_ideograph(uint32_t code);  // each is a word of its own
bool is_word_punctuation(uint32_t code);

inline constexpr uint32_t kReplacement = 0xfffd;
// Takes the first character off `text`, which is not empty. What is ill-formed counts as one byte that reads
// kReplacement.
uint32_t take_character(std::string_view* text);
// Writes the UTF-8 of a character, up to four bytes; returns how many.
size_t put_character(uint32_t code, char* out);

}  // namespace tau::memory
