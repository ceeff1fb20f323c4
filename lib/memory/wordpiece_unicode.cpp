// Characters: look-ups in the tables, and UTF-8 in and out.
#include "memory/wordpiece_unicode.h"

#include <algorithm>

namespace tau::memory {
namespace {

constexpr uint32_t kHangulFirst = 0xac00;
constexpr uint32_t kHangulLast = 0xd7a3;
constexpr uint32_t kHangulVowels = 21;
constexpr uint32_t kHangulTails = 28;

constexpr CharacterRange kIdeographs[] = {
    {0x3400, 0x4dbf},   {0x4e00, 0x9fff},   {0xf900, 0xfaff},   {0x20000, 0x2a6df},
    {0x2a700, 0x2b73f}, {0x2b740, 0x2b81f}, {0x2b920, 0x2ceaf}, {0x2f800, 0x2fa1f},
};

// The row that may hold `code`; null when none can.
template <class Row>
const Row* row_of(std::span<const Row> table, uint32_t code) {
  const auto at = std::lower_bound(table.begin(), table.end(), code,
                                   [](const Row& row, uint32_t c) { return row.last < c; });
  return at == table.end() || at->first > code ? nullptr : &*at;
}

// The row of exactly this character; null when there is none.
template <class Row>
const Row* row_for(std::span<const Row> table, uint32_t code) {
  const auto at = std::lower_bound(table.begin(), table.end(), code,
                                   [](const Row& row, uint32_t c) { return row.code < c; });
  return at == table.end() || at->code != code ? nullptr : &*at;
}

}  // namespace

bool is_in(std::span<const CharacterRange> table, uint32_t code) { return row_of(table, code) != nullptr; }

uint32_t to_lower(uint32_t code) {
  if (code < 0x80) return code - 'A' < 26 ? code + 32 : code;
  const CharacterShift* row = row_of(lower_shifts(), code);
  if (row == nullptr || (code - row->first) % static_cast<uint32_t>(row->step) != 0) return code;
  return code + static_cast<uint32_t>(row->distance);
}

size_t bare_characters(uint32_t code, uint32_t out[3]) {
  if (code >= kHangulFirst && code <= kHangulLast) {  // Unicode 3.12: syllables are arithmetic
    const uint32_t syllable = code - kHangulFirst;
    out[0] = 0x1100 + syllable / (kHangulVowels * kHangulTails);
    out[1] = 0x1161 + syllable / kHangulTails % kHangulVowels;
    out[2] = 0x11a7 + syllable % kHangulTails;
    return out[2] == 0x11a7 ? 2 : 3;
  }
  if (is_in(marks(), code)) return 0;
  if (const CharacterParts* row = row_for(character_parts(), code); row != nullptr) {
    std::copy_n(row->parts, 3, out);
    return row->parts[2] != 0 ? 3 : 2;
  }
  const CharacterPair* pair = row_for(bare_pairs(), code);
  out[0] = pair != nullptr ? pair->to : code;
  return 1;
}

bool is_ideograph(uint32_t code) { return is_in(kIdeographs, code); }

bool is_word_punctuation(uint32_t code) {
  // All of ASCII that is neither letter nor digit counts, whatever Unicode calls it.
  if (code < 0x80)
    return (code >= 33 && code <= 47) || (code >= 58 && code <= 64) || (code >= 91 && code <= 96) ||
           (code >= 123 && code <= 126);
  return is_in(punctuation(), code);
}

uint32_t take_character(std::string_view* text) {
  const auto byte = [&](size_t i) { return static_cast<uint8_t>((*text)[i]); };
  const uint8_t lead = byte(0);
  size_t size = 1;
  uint32_t code = kReplacement;
  if (lead < 0x80) {
    code = lead;
  } else if (lead >= 0xc2 && lead <= 0xf4) {
    const size_t wanted = lead >= 0xf0 ? 4 : lead >= 0xe0 ? 3 : 2;
    uint32_t value = lead & (0x7fU >> wanted);
    size_t i = 1;
    while (i < wanted && i < text->size() && (byte(i) & 0xc0) == 0x80)
      value = value << 6 | (byte(i++) & 0x3fU);
    const bool bad = i < wanted || (wanted == 3 && value < 0x800) || (wanted == 4 && value < 0x10000) ||
                     (value >= 0xd800 && value < 0xe000) || value > 0x10ffff;
    if (!bad) {
      code = value;
      size = wanted;
    }
  }
  text->remove_prefix(size);
  return code;
}

size_t put_character(uint32_t code, char* out) {
  const auto tail = [&](unsigned shift) { return static_cast<char>(0x80 | (code >> shift & 0x3f)); };
  if (code < 0x80) {
    out[0] = static_cast<char>(code);
    return 1;
  }
  if (code < 0x800) {
    out[0] = static_cast<char>(0xc0 | code >> 6);
    out[1] = tail(0);
    return 2;
  }
  if (code < 0x10000) {
    out[0] = static_cast<char>(0xe0 | code >> 12);
    out[1] = tail(6);
    out[2] = tail(0);
    return 3;
  }
  out[0] = static_cast<char>(0xf0 | code >> 18);
  out[1] = tail(12);
  out[2] = tail(6);
  out[3] = tail(0);
  return 4;
}

}  // namespace tau::memory
