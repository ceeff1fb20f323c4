#include "safety/invisible.h"

#include <algorithm>
#include <array>
#include <cstdint>
#include <string_view>

#include "safety/code_point.h"

namespace tau::safety {
namespace {

constexpr CodeRange kIdeographicSelectors{0xe0100, 0xe01ef};
constexpr CodeRange kTags{0xe0000, 0xe007f};
constexpr uint32_t kTagEnd = 0xe007f;
constexpr uint32_t kBlackFlag = 0x1f3f4;
constexpr uint32_t kNonJoiner = 0x200c;
constexpr uint32_t kJoiner = 0x200d;

constexpr bool is_ideograph(uint32_t code) {
  return CodeRange{0x3400, 0x9fff}.contains(code) || CodeRange{0xf900, 0xfaff}.contains(code) ||
         CodeRange{0x20000, 0x3ffff}.contains(code);
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
    const bool is_letter = CodeRange{'a', 'z'}.contains(letter) || CodeRange{'0', '9'}.contains(letter);
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
    if (kTags.contains(c.code) && visible_ == kBlackFlag) {
      visible_ = 0;
      const size_t flag = flag_size(text_.substr(at));
      return {flag > 0 ? flag : c.size, flag > 0};
    }
    const bool selects = !selected_ && ((kSelectors.contains(c.code) && takes_selector(visible_)) ||
                                        (kIdeographicSelectors.contains(c.code) && is_ideograph(visible_)));
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
