// Folding of characters.
#include "memory/text_fold.h"

#include <algorithm>
#include <array>

namespace tau::memory {
namespace {

constexpr uint32_t kIllFormed = 0xffffffff;

// The first character (RFC 3629), and how many bytes it has.
uint32_t decode(std::string_view text, uint8_t* size) {
  const auto byte = [&](size_t i) { return static_cast<uint8_t>(text[i]); };
  const uint8_t lead = byte(0);
  *size = 1;
  if (lead < 0x80) return lead;
  const uint8_t length = lead >= 0xf0 ? 4 : lead >= 0xe0 ? 3 : 2;
  if (lead < 0xc2 || lead > 0xf4 || text.size() < length) return kIllFormed;
  uint32_t code = lead & (0x7fU >> length);
  for (size_t i = 1; i < length; ++i) {
    if ((byte(i) & 0xc0) != 0x80) return kIllFormed;
    code = code << 6 | (byte(i) & 0x3fU);
  }
  const bool overlong = (length == 3 && code < 0x800) || (length == 4 && code < 0x10000);
  if (overlong || (code >= 0xd800 && code < 0xe000) || code > 0x10ffff) return kIllFormed;
  *size = length;
  return code;
}

void write(uint32_t code, FoldedChar* out) {
  const auto byte = [](uint32_t value) { return static_cast<char>(static_cast<uint8_t>(value)); };
  if (code < 0x80) {
    out->bytes[0] = byte(code);
    out->written = 1;
  } else if (code < 0x800) {
    out->bytes[0] = byte(0xc0 | code >> 6);
    out->bytes[1] = byte(0x80 | (code & 0x3f));
    out->written = 2;
  } else if (code < 0x10000) {
    out->bytes[0] = byte(0xe0 | code >> 12);
    out->bytes[1] = byte(0x80 | (code >> 6 & 0x3f));
    out->bytes[2] = byte(0x80 | (code & 0x3f));
    out->written = 3;
  } else {
    out->bytes[0] = byte(0xf0 | code >> 18);
    out->bytes[1] = byte(0x80 | (code >> 12 & 0x3f));
    out->bytes[2] = byte(0x80 | (code >> 6 & 0x3f));
    out->bytes[3] = byte(0x80 | (code & 0x3f));
    out->written = 4;
  }
}

// The base letters of U+00C0 to U+017F and U+1E00 to U+1EFF (their decompositions, UnicodeData 15). A digit
// stands for two letters; a dot: it has none, and stays.
constexpr std::string_view kLatin =
    "aaaaaa2ceeeeiiiidnooooo.ouuuuy41aaaaaa2ceeeeiiiidnooooo.ouuuuy4y"
    "aaaaaaccccccccddddeeeeeeeeeegggggggghhhhiiiiiiiiii55jjkkkllllll..llnnnnnnnnnoooooo33rrrrrrssssssss"
    "ttttttuuuuuuuuuuuuwwyyyzzzzzzs";
static_assert(kLatin.size() == 0x180 - 0xc0);
constexpr std::string_view kLatinAdditional =
    "aabbbbbbccddddddddddeeeeeeeeeeffgghhhhhhhhhhiiiikkkkkkllllllllmmmmmmnnnnnnnnoooooooopppprrrrrrrrssssssss"
    "ss"
    "ttttttttuuuuuuuuuuvvvvwwwwwwwwwwxxxxyyzzzzzzhtwy.s....aaaaaaaaaaaaaaaaaaaaaaaaeeeeeeeeeeeeeeeeiiii"
    "oooooooooooooooooooooooouuuuuuuuuuuuuuyyyyyyyy......";
static_assert(kLatinAdditional.size() == 0x100);
constexpr std::array<std::string_view, 5> kPairs = {"ss", "ae", "oe", "th", "ij"};

struct Range {
  uint32_t first;
  uint32_t last;
  CharKind kind;
};

// What is not a letter, above ASCII; ascending. (General categories of Unicode 15, joined where gaps are not
// assigned.)
constexpr std::array kRanges = std::to_array<Range>({
    {0x80, 0xa9, CharKind::kOther},       {0xab, 0xac, CharKind::kOther},
    {0xad, 0xad, CharKind::kMark},        {0xae, 0xb4, CharKind::kOther},
    {0xb6, 0xb9, CharKind::kOther},       {0xbb, 0xbf, CharKind::kOther},
    {0xd7, 0xd7, CharKind::kOther},       {0xf7, 0xf7, CharKind::kOther},
    {0x2b0, 0x36f, CharKind::kMark},      {0x37e, 0x37e, CharKind::kOther},
    {0x387, 0x387, CharKind::kOther},     {0x483, 0x489, CharKind::kMark},
    {0x55a, 0x55f, CharKind::kOther},     {0x589, 0x58f, CharKind::kOther},
    {0x591, 0x5bd, CharKind::kMark},      {0x5be, 0x5be, CharKind::kOther},
    {0x5bf, 0x5c7, CharKind::kMark},      {0x5f3, 0x60f, CharKind::kOther},
    {0x610, 0x61a, CharKind::kMark},      {0x61b, 0x61f, CharKind::kOther},
    {0x640, 0x640, CharKind::kMark},      {0x64b, 0x65f, CharKind::kMark},
    {0x66a, 0x66d, CharKind::kOther},     {0x670, 0x670, CharKind::kMark},
    {0x6d4, 0x6d4, CharKind::kOther},     {0x6d6, 0x6ed, CharKind::kMark},
    {0x964, 0x965, CharKind::kOther},     {0xe00, 0xeff, CharKind::kDense},  // Thai, Lao
    {0x1000, 0x109f, CharKind::kDense},                                      // Myanmar
    {0x1100, 0x11ff, CharKind::kDense},                                      // Hangul letters
    {0x1780, 0x17d3, CharKind::kDense},                                      // Khmer
    {0x17d4, 0x17db, CharKind::kOther},   {0x1ab0, 0x1aff, CharKind::kMark},
    {0x1dc0, 0x1dff, CharKind::kMark},    {0x2000, 0x200a, CharKind::kOther},
    {0x200b, 0x200f, CharKind::kMark},    {0x2010, 0x2029, CharKind::kOther},
    {0x202a, 0x202e, CharKind::kMark},    {0x202f, 0x205f, CharKind::kOther},
    {0x2060, 0x206f, CharKind::kMark},    {0x2070, 0x20cf, CharKind::kOther},
    {0x20d0, 0x20ff, CharKind::kMark},    {0x2100, 0x2bff, CharKind::kOther},
    {0x2e00, 0x2e7f, CharKind::kOther},   {0x2e80, 0x2fff, CharKind::kDense},  // radicals
    {0x3000, 0x3004, CharKind::kOther},   {0x3005, 0x3007, CharKind::kDense},
    {0x3008, 0x3029, CharKind::kOther},   {0x302a, 0x302f, CharKind::kMark},
    {0x3030, 0x3040, CharKind::kOther},   {0x3041, 0x3098, CharKind::kDense},  // kana
    {0x3099, 0x309a, CharKind::kMark},    {0x309b, 0x30a0, CharKind::kOther},
    {0x30a1, 0x30fa, CharKind::kDense},   {0x30fb, 0x30fb, CharKind::kOther},
    {0x30fc, 0x318f, CharKind::kDense},   {0x3190, 0x319f, CharKind::kOther},
    {0x31a0, 0x31ff, CharKind::kDense},   {0x3200, 0x33ff, CharKind::kOther},
    {0x3400, 0x4dbf, CharKind::kDense},  // Han
    {0x4dc0, 0x4dff, CharKind::kOther},   {0x4e00, 0x9fff, CharKind::kDense},
    {0xac00, 0xd7ff, CharKind::kDense},  // Hangul
    {0xe000, 0xf8ff, CharKind::kOther},   {0xf900, 0xfaff, CharKind::kDense},
    {0xfe00, 0xfe0f, CharKind::kMark},    {0xfe10, 0xfe1f, CharKind::kOther},
    {0xfe20, 0xfe2f, CharKind::kMark},    {0xfe30, 0xfe6f, CharKind::kOther},
    {0xfeff, 0xfeff, CharKind::kMark},    {0xff00, 0xff0f, CharKind::kOther},
    {0xff1a, 0xff20, CharKind::kOther},   {0xff3b, 0xff40, CharKind::kOther},
    {0xff5b, 0xff65, CharKind::kOther},   {0xff66, 0xff9f, CharKind::kDense},  // half-width kana
    {0xffe0, 0xffff, CharKind::kOther},   {0x1d000, 0x1d2ff, CharKind::kOther},
    {0x1f000, 0x1faff, CharKind::kOther}, {0x20000, 0x3ffff, CharKind::kDense},
    {0xe0000, 0xe0fff, CharKind::kMark},  {0xf0000, 0x10ffff, CharKind::kOther},
});

CharKind kind_of(uint32_t code) {
  const auto* const range = std::ranges::lower_bound(kRanges, code, {}, &Range::last);
  return range != kRanges.end() && code >= range->first ? range->kind : CharKind::kLetter;
}

// Scripts with digits of their own that are in common use: where their zero is.
uint32_t digit_value(uint32_t code) {
  for (const uint32_t zero : {0x660u, 0x6f0u, 0x966u, 0x9e6u, 0xe50u, 0xff10u})
    if (code >= zero && code <= zero + 9) return '0' + code - zero;
  return 0;
}

// Greek, Cyrillic and Armenian in lower case, Greek without accents.
uint32_t lower_other(uint32_t code) {
  if (code >= 0x386 && code <= 0x3ce) {
    constexpr std::string_view kAccented =
        "\x86\x88\x89\x8a\x8c\x8e\x8f\x90\xaa\xab\xac\xad\xae\xaf\xb0\xca\xcb\xcc\xcd\xce";
    constexpr std::string_view kPlain =
        "\xb1\xb5\xb7\xb9\xbf\xc5\xc9\xb9\xb9\xc5\xb1\xb5\xb7\xb9\xc5\xb9\xc5\xbf\xc5\xc9";
    static_assert(kAccented.size() == kPlain.size());
    const size_t found = kAccented.find(static_cast<char>(static_cast<uint8_t>(code & 0xff)));
    if (found != std::string_view::npos) return 0x300 | static_cast<uint8_t>(kPlain[found]);
    if (code >= 0x391 && code <= 0x3a9) return code + 0x20;
    return code == 0x3c2 ? 0x3c3 : code;
  }
  if (code >= 0x410 && code <= 0x42f) return code + 0x20;
  if (code == 0x401 || code == 0x451) return 0x435;
  if (code >= 0x400 && code <= 0x40f) return code + 0x50;
  if ((code >= 0x460 && code <= 0x481) || (code >= 0x48a && code <= 0x4bf) ||
      (code >= 0x4d0 && code <= 0x52f))
    return code | 1;
  if (code >= 0x531 && code <= 0x556) return code + 0x30;
  return code;
}

void fold_letter(uint32_t code, FoldedChar* out) {
  char base = '.';
  if (code >= 0xc0 && code < 0x180) base = kLatin[code - 0xc0];
  if (code >= 0x1e00 && code < 0x1f00) base = kLatinAdditional[code - 0x1e00];
  if (code >= 0xff21 && code <= 0xff3a) base = static_cast<char>(static_cast<uint8_t>(code - 0xff21 + 'a'));
  if (code >= 0xff41 && code <= 0xff5a) base = static_cast<char>(static_cast<uint8_t>(code - 0xff41 + 'a'));
  if (code >= 0xfb00 && code <= 0xfb06) {  // ligatures of Latin print
    constexpr std::array<std::string_view, 7> kLigatures = {"ff", "fi", "fl", "ffi", "ffl", "st", "st"};
    const std::string_view letters = kLigatures[code - 0xfb00];
    std::ranges::copy(letters, out->bytes);
    out->written = static_cast<uint8_t>(letters.size());
  } else if (base >= '1' && base <= '5') {
    std::ranges::copy(kPairs[static_cast<size_t>(base - '1')], out->bytes);
    out->written = 2;
  } else if (base != '.') {
    out->bytes[0] = base;
    out->written = 1;
  } else {
    write(lower_other(code), out);
  }
}

}  // namespace

FoldedChar fold_beyond_ascii(std::string_view text) {
  FoldedChar out;
  const uint32_t code = decode(text, &out.size);
  if (code == kIllFormed) return out;
  if (const uint32_t digit = digit_value(code)) {
    out.kind = CharKind::kDigit;
    write(digit, &out);
    return out;
  }
  out.kind = kind_of(code);
  if (out.kind == CharKind::kLetter) fold_letter(code, &out);
  if (out.kind == CharKind::kDense) write(code, &out);
  return out;
}

}  // namespace tau::memory
