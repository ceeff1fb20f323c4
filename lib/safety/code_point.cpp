#include "safety/code_point.h"

#include <algorithm>
#include <array>

namespace tau::safety {
namespace {

// Ascending.
constexpr std::array kInvisible = std::to_array<CodeRange>({
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

}  // namespace

bool is_invisible(uint32_t code) {
  const auto* const range =
      std::ranges::lower_bound(kInvisible, code, {}, [](const CodeRange& r) { return r.last; });
  return range != kInvisible.end() && code >= range->first;
}

}  // namespace tau::safety
