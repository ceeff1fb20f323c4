#include "text.h"

#include <algorithm>
#include <charconv>
#include <cstdio>

namespace cli {
namespace {

unsigned char byte_at(std::string_view text, size_t i) { return static_cast<unsigned char>(text[i]); }

bool is_control(std::string_view character) {
  const unsigned char first = byte_at(character, 0);
  if (character.size() == 1) return (first < 0x20 && first != '\n' && first != '\t') || first == 0x7f;
  return character.size() == 2 && first == 0xc2 && byte_at(character, 1) < 0xa0;
}

// Characters that change the order of what follows, or that nobody sees: U+061C, U+200B, U+200E and U+200F,
// U+202A to U+202E, U+2060 to U+206F, U+FEFF and the tags from U+E0000 on. Those that join letters and emoji
// are not among them.
bool is_deceptive(std::string_view c) {
  const auto within = [c](std::string_view first, std::string_view last) { return first <= c && c <= last; };
  return c == "\u061c" || c == "\u200b" || within("\u200e", "\u200f") || within("\u202a", "\u202e") ||
         within("\u2060", "\u206f") || c == "\ufeff" || within("\U000e0000", "\U000e0fff");
}

// Calls `visit` with each character; bytes that are none come as U+FFFD.
template <typename Visit>
void each_character(std::string_view text, Visit visit) {
  while (!text.empty()) {
    const size_t length = utf8_length(text);
    visit(length == 0 ? std::string_view("\xef\xbf\xbd") : text.substr(0, length));
    text.remove_prefix(std::max<size_t>(1, length));
  }
}

struct Range {
  char32_t first;
  char32_t last;
};

// Unicode 15: combining marks of the scripts in wide use, joiners and variation selectors.
constexpr Range kNarrowest[] = {{0x300, 0x36f},   {0x483, 0x489},   {0x591, 0x5bd},   {0x610, 0x61a},
                                {0x64b, 0x65f},   {0x93a, 0x93a},   {0x93c, 0x93c},   {0x941, 0x948},
                                {0xe31, 0xe31},   {0xe34, 0xe3a},   {0xe47, 0xe4e},   {0x1ab0, 0x1aff},
                                {0x1dc0, 0x1dff}, {0x200b, 0x200f}, {0x20d0, 0x20ff}, {0xfe00, 0xfe0f},
                                {0xfe20, 0xfe2f}, {0xfeff, 0xfeff}};
// East Asian Width W and F, in blocks, and emoji.
constexpr Range kWide[] = {{0x1100, 0x115f},  {0x2e80, 0x303e},   {0x3041, 0xa4cf},   {0xa960, 0xa97f},
                           {0xac00, 0xd7a3},  {0xf900, 0xfaff},   {0xfe30, 0xfe6f},   {0xff00, 0xff60},
                           {0xffe0, 0xffe6},  {0x1f300, 0x1f64f}, {0x1f680, 0x1f6ff}, {0x1f900, 0x1faff},
                           {0x20000, 0x3fffd}};

bool in(std::span<const Range> ranges, char32_t code) {
  return std::any_of(ranges.begin(), ranges.end(),
                     [&](const Range& r) { return r.first <= code && code <= r.last; });
}

char32_t code_point(std::string_view character) {
  const unsigned char first = byte_at(character, 0);
  if (character.size() == 1) return first;
  char32_t code = first & (0xffu >> (character.size() + 1));
  for (size_t i = 1; i < character.size(); ++i) code = code << 6 | (byte_at(character, i) & 0x3f);
  return code;
}

size_t edit_distance(std::string_view a, std::string_view b) {
  std::vector<size_t> row(b.size() + 1);
  for (size_t j = 0; j <= b.size(); ++j) row[j] = j;
  for (size_t i = 1; i <= a.size(); ++i) {
    size_t diagonal = row[0];
    row[0] = i;
    for (size_t j = 1; j <= b.size(); ++j) {
      const size_t replaced = diagonal + (a[i - 1] == b[j - 1] ? 0 : 1);
      diagonal = row[j];
      row[j] = std::min({replaced, row[j] + 1, row[j - 1] + 1});
    }
  }
  return row[b.size()];
}

}  // namespace

// Unicode 15, table 3-7.
size_t utf8_length(std::string_view text) {
  if (text.empty()) return 0;
  const unsigned char first = byte_at(text, 0);
  if (first < 0x80) return 1;
  const size_t length = first >= 0xf0 ? 4 : first >= 0xe0 ? 3 : 2;
  if (first < 0xc2 || first > 0xf4 || text.size() < length) return 0;
  for (size_t i = 1; i < length; ++i)
    if ((byte_at(text, i) & 0xc0) != 0x80) return 0;
  const unsigned char second = byte_at(text, 1);
  const bool overlong = (first == 0xe0 && second < 0xa0) || (first == 0xf0 && second < 0x90);
  const bool beyond = (first == 0xed && second > 0x9f) || (first == 0xf4 && second > 0x8f);
  return overlong || beyond ? 0 : length;
}

bool is_utf8(std::string_view text) {
  while (!text.empty()) {
    const size_t length = utf8_length(text);
    if (length == 0) return false;
    text.remove_prefix(length);
  }
  return true;
}

std::string repaired_utf8(std::string_view text) {
  std::string out;
  out.reserve(text.size());
  each_character(text, [&](std::string_view c) { out += c; });
  return out;
}

std::string safe_text(std::string_view text) {
  std::string out;
  out.reserve(text.size());
  each_character(text, [&](std::string_view c) {
    if (!is_control(c)) out += c;
  });
  return out;
}

std::string one_line(std::string_view text, size_t width) {
  std::string out;
  size_t count = 0;
  size_t fits = 0;  // bytes of `out` that leave room for the mark
  const auto add = [&](std::string_view c) {
    if (count > width) return;
    if (count + 1 == width) fits = out.size();
    if (++count <= width) out += c;
  };
  each_character(text, [&](std::string_view c) {
    if (is_control(c)) return;
    if (!is_deceptive(c)) return add(c == "\n" || c == "\t" ? std::string_view(" ") : c);
    char escape[16];
    std::snprintf(escape, sizeof escape, "\\u{%x}", static_cast<unsigned>(code_point(c)));
    for (const char* at = escape; *at != '\0'; ++at) add({at, 1});
  });
  if (count <= width) return out;
  out.resize(fits);
  return out + "…";
}

std::string padded(std::string_view text, size_t width) {
  std::string out(text);
  const size_t columns = columns_of(text);
  if (columns < width) out.append(width - columns, ' ');
  return out;
}

size_t columns_of(std::string_view text) {
  size_t columns = 0;
  each_character(text, [&](std::string_view c) {
    const char32_t code = code_point(c);
    if (!in(kNarrowest, code)) columns += in(kWide, code) ? 2 : 1;
  });
  return columns;
}

std::optional<int64_t> parse_decimal(std::string_view text, int digits) {
  const size_t point = std::min(text.find('.'), text.size());
  std::string all(text.substr(0, point));
  std::string_view fraction = point < text.size() ? text.substr(point + 1) : std::string_view();
  if (fraction.size() > static_cast<size_t>(digits) || (all.empty() && fraction.empty())) return std::nullopt;
  all += fraction;
  all.append(static_cast<size_t>(digits) - fraction.size(), '0');
  const auto is_digit = [](char c) { return c >= '0' && c <= '9'; };
  if (!std::all_of(all.begin(), all.end(), is_digit)) return std::nullopt;
  int64_t value = 0;
  const auto [end, error] = std::from_chars(all.data(), all.data() + all.size(), value);
  if (error != std::errc() || end != all.data() + all.size()) return std::nullopt;
  return value;
}

namespace {

// The text before a last letter of `units`, and that letter's factor; 1 when there is none.
struct Scaled {
  std::string_view number;
  int64_t factor = 1;
};
Scaled unit_of(std::string_view text, std::span<const std::pair<char, int64_t>> units) {
  for (const auto& [letter, factor] : units) {
    if (text.empty() || (text.back() != letter && text.back() != letter + ('a' - 'A'))) continue;
    return {text.substr(0, text.size() - 1), factor};
  }
  return {text, 1};
}

constexpr int kUnitDigits = 3;
constexpr int64_t kUnitScale = 1000;

std::optional<int64_t> parse_scaled(std::string_view text, std::span<const std::pair<char, int64_t>> units) {
  const Scaled scaled = unit_of(text, units);
  const auto thousandths = parse_decimal(scaled.number, kUnitDigits);
  int64_t product = 0;
  if (!thousandths || __builtin_mul_overflow(*thousandths, scaled.factor, &product)) return std::nullopt;
  if (product < kUnitScale || (scaled.factor == 1 && product % kUnitScale != 0)) return std::nullopt;
  return product / kUnitScale;
}

constexpr std::pair<char, int64_t> kDayUnits[] = {{'D', 1}, {'W', 7}};
constexpr std::pair<char, int64_t> kByteUnits[] = {
    {'K', int64_t{1} << 10}, {'M', int64_t{1} << 20}, {'G', int64_t{1} << 30}, {'T', int64_t{1} << 40}};

}  // namespace

std::optional<int64_t> parse_days(std::string_view text) { return parse_scaled(text, kDayUnits); }

std::optional<int64_t> parse_bytes(std::string_view text) { return parse_scaled(text, kByteUnits); }

std::string bytes_text(int64_t bytes) {
  if (bytes < 1024) return std::to_string(bytes) + " bytes";
  std::string out;
  for (const auto& [letter, factor] : kByteUnits) {
    if (bytes < factor) break;
    const int64_t tenths = (bytes * 10 + factor / 2) / factor;
    out = std::to_string(tenths / 10) + "." + std::to_string(tenths % 10) + " " + letter + "B";
  }
  return out;
}

std::vector<std::string> split(std::string_view text, char separator) {
  std::vector<std::string> parts;
  for (size_t begin = 0; begin <= text.size();) {
    const size_t end = std::min(text.find(separator, begin), text.size());
    if (end > begin) parts.emplace_back(text.substr(begin, end - begin));
    begin = end + 1;
  }
  return parts;
}

std::string joined(std::span<const std::string_view> words, std::string_view separator) {
  std::string out;
  for (const std::string_view word : words) out.append(out.empty() ? "" : separator).append(word);
  return out;
}

std::string_view nearest(std::string_view word, std::span<const std::string_view> known) {
  std::string_view best;
  size_t best_distance = std::max<size_t>(2, word.size() / 3) + 1;
  for (const std::string_view candidate : known) {
    const size_t distance = edit_distance(word, candidate);
    if (distance >= best_distance || distance >= candidate.size()) continue;
    best = candidate;
    best_distance = distance;
  }
  return best;
}

}  // namespace cli
