#include "safety/invisible.h"

#include <algorithm>
#include <array>
#include <cstdint>
#include <string_view>

namespace tau::safety {
namespace {

struct Character {
  uint32_t code = 0;
  size_t size = 1;
};

// Of valid UTF-8.
Character decode(std::string_view text) {
  const auto at = [&](size_t i) { return static_cast<uint32_t>(static_cast<uint8_t>(text[i])); };
  const uint32_t lead = at(0);
  if (lead < 0x80) return {lead, 1};
  if (lead < 0xe0) return {(lead & 0x1fU) << 6 | (at(1) & 0x3fU), 2};
  if (lead < 0xf0) return {(lead & 0x0fU) << 12 | (at(1) & 0x3fU) << 6 | (at(2) & 0x3fU), 3};
  return {(lead & 0x07U) << 18 | (at(1) & 0x3fU) << 12 | (at(2) & 0x3fU) << 6 | (at(3) & 0x3fU), 4};
}

struct Range {
  uint32_t first;
  uint32_t last;
};

constexpr bool contains(Range range, uint32_t code) { return code >= range.first && code <= range.last; }

constexpr Range kSelectors{0xfe00, 0xfe0f};
constexpr Range kIdeographicSelectors{0xe0100, 0xe01ef};
constexpr Range kTags{0xe0000, 0xe007f};
constexpr uint32_t kTagEnd = 0xe007f;
constexpr uint32_t kBlackFlag = 0x1f3f4;
constexpr uint32_t kNonJoiner = 0x200c;
constexpr uint32_t kJoiner = 0x200d;

// Ascending. What shows nothing by itself (Default_Ignorable_Code_Point of Unicode 15,
// DerivedCoreProperties), and the interlinear annotations.
constexpr std::array kInvisible = std::to_array<Range>({
    {0x00ad, 0x00ad},    // soft hyphen
    {0x034f, 0x034f},    // combining grapheme joiner
    {0x061c, 0x061c},    // Arabic letter mark
    {0x115f, 0x1160},    // Hangul fillers
    {0x17b4, 0x17b5},    // Khmer inherent vowels
    {0x180b, 0x180f},    // Mongolian selectors and vowel separator
    {0x200b, 0x200f},    // zero-width space, joiners, marks of direction
    {0x202a, 0x202e},    // embeddings and overrides of direction
    {0x2060, 0x206f},    // word joiner, invisible operators, isolates, deprecated ones
    {0x3164, 0x3164},    // Hangul filler
    kSelectors,          //
    {0xfeff, 0xfeff},    // zero-width no-break space
    {0xffa0, 0xffa0},    // half-width Hangul filler
    {0xfff0, 0xfffb},    // unassigned; annotations
    {0x1bca0, 0x1bca3},  // of shorthand
    {0x1d173, 0x1d17a},  // of music
    {0xe0000, 0xe0fff},  // tags, ideographic selectors
});

bool is_invisible(uint32_t code) {
  const auto* const range =
      std::ranges::lower_bound(kInvisible, code, {}, [](const Range& r) { return r.last; });
  return range != kInvisible.end() && code >= range->first;
}

constexpr bool is_ideograph(uint32_t code) {
  return contains({0x3400, 0x9fff}, code) || contains({0xf900, 0xfaff}, code) ||
         contains({0x20000, 0x3ffff}, code);
}

constexpr bool takes_selector(uint32_t code) {
  return code >= 0x80 || (code >= '0' && code <= '9') || code == '#' || code == '*';
}

// The bytes of the tags of a flag at the beginning of `text`; 0 when there are none.
size_t flag_size(std::string_view text) {
  size_t size = 0;
  for (int letters = 0; size < text.size(); ++letters) {
    const Character c = decode(text.substr(size));
    if (c.code == kTagEnd) return letters >= 2 ? size + c.size : 0;
    const uint32_t letter = c.code - kTags.first;
    const bool is_letter = contains({'a', 'z'}, letter) || contains({'0', '9'}, letter);
    if (letters == 6 || !is_letter) return 0;
    size += c.size;
  }
  return 0;
}

// Where the first character stands that may have to go; the size if there is none. All that are invisible
// begin with one of a few bytes.
size_t first_suspect(std::string_view text) {
  constexpr std::array<bool, 256> kLeads = [] {
    std::array<bool, 256> leads{};
    for (const int lead : {0xc2, 0xcd, 0xd8, 0xe1, 0xe2, 0xe3, 0xef, 0xf0, 0xf3})
      leads[static_cast<size_t>(lead)] = true;
    return leads;
  }();
  constexpr size_t kBlock = 64;
  size_t at = 0;
  while (at + kBlock <= text.size()) {  // ASCII goes by in blocks
    uint8_t all = 0;
    for (size_t i = 0; i < kBlock; ++i) all |= static_cast<uint8_t>(text[at + i]);
    if (all < 0x80) {
      at += kBlock;
      continue;
    }
    for (const size_t end = at + kBlock; at < end; ++at)
      if (kLeads[static_cast<uint8_t>(text[at])] && is_invisible(decode(text.substr(at)).code)) return at;
  }
  for (; at < text.size(); ++at)
    if (kLeads[static_cast<uint8_t>(text[at])] && is_invisible(decode(text.substr(at)).code)) return at;
  return at;
}

// Goes through a text and keeps what is needed.
class Sieve {
 public:
  // `before`: the character that stands before what is asked about first.
  Sieve(std::string_view text, uint32_t before) : text_(text), visible_(before) {}

  struct Piece {
    size_t size;
    bool is_kept;
  };
  // The next piece, which begins at `at`.
  Piece next(size_t at) {
    const Character c = decode(text_.substr(at));
    if (!is_invisible(c.code)) {
      visible_ = c.code;
      selected_ = false;
      return {c.size, true};
    }
    if (c.code == kJoiner || c.code == kNonJoiner)
      return {c.size, visible_ >= 0x80 && joins_next(at + c.size)};
    if (contains(kTags, c.code) && visible_ == kBlackFlag) {
      visible_ = 0;
      const size_t flag = flag_size(text_.substr(at));
      return {flag > 0 ? flag : c.size, flag > 0};
    }
    const bool selects = !selected_ && ((contains(kSelectors, c.code) && takes_selector(visible_)) ||
                                        (contains(kIdeographicSelectors, c.code) && is_ideograph(visible_)));
    selected_ = selected_ || selects;
    return {c.size, selects};
  }

 private:
  bool joins_next(size_t at) const {
    if (at >= text_.size()) return false;
    const uint32_t next = decode(text_.substr(at)).code;
    return next >= 0x80 && !is_invisible(next);
  }

  std::string_view text_;
  uint32_t visible_;       // the last visible character; 0 for none, or one that takes nothing more
  bool selected_ = false;  // it has a selector
};

uint32_t character_before(std::string_view text, size_t at) {
  if (at == 0) return 0;
  size_t begin = at - 1;
  while (begin > 0 && (static_cast<uint8_t>(text[begin]) & 0xc0U) == 0x80) --begin;
  return decode(text.substr(begin)).code;
}

}  // namespace

size_t remove_invisible(std::string& text) {
  size_t at = first_suspect(text);
  if (at == text.size()) return 0;
  Sieve sieve(text, character_before(text, at));
  size_t out = at;
  size_t removed = 0;
  while (at < text.size()) {
    const auto [size, is_kept] = sieve.next(at);
    if (!is_kept) {
      ++removed;
    } else if (out == at) {
      out += size;
    } else {
      for (size_t i = 0; i < size; ++i) text[out++] = text[at + i];
    }
    at += size;
  }
  text.resize(out);
  return removed;
}

}  // namespace tau::safety
