#include "safety/randomness.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <utility>

#include "safety/chars.h"
#include "safety/tables.h"

namespace tau::safety {
namespace {

constexpr size_t kMaxRun = 6;
constexpr std::string_view kPlaceholders[] = {"example",   "redacted",  "placeholder", "changeme",
                                              "change_me", "change-me", "your",        "dummy",
                                              "sample",    "replace",   "insert"};

double kinds_of_characters(std::string_view value) {
  bool digit = false, hex = true, lower = false, upper = false;
  for (const char c : value) {
    digit |= is_digit(c);
    lower |= is_lower(c);
    upper |= is_upper(c);
    hex &= is_hex(c) || !is_alnum(c);
  }
  if (!lower && !upper) return 10;
  if (hex && !(lower && upper)) return 16;
  return (digit ? 10 : 0) + (lower ? 26 : 0) + (upper ? 26 : 0);
}

// The longest stretch in which each byte differs from the one before by `step`.
size_t longest_run(std::string_view value, int step) {
  size_t longest = 0;
  size_t run = 1;
  for (size_t i = 1; i < value.size(); ++i) {
    run = value[i] - value[i - 1] == step ? run + 1 : 1;
    longest = std::max(longest, run);
  }
  return longest;
}

bool holds_placeholder(std::string_view value) {
  static constexpr uint32_t kFirstLetters = [] {
    uint32_t letters = 0;
    for (const std::string_view word : kPlaceholders) letters |= 1U << (word[0] - 'a');
    return letters;
  }();
  for (size_t i = 0; i < value.size(); ++i) {
    if (!is_alpha(value[i]) || (kFirstLetters >> (fold(value[i]) - 'a') & 1) == 0) continue;
    for (const std::string_view word : kPlaceholders)
      if (equal_folded(value.substr(i, word.size()), word)) return true;
  }
  return false;
}

// n * log2(n)
double times_log(uint32_t n) {
  static const std::array<double, 257> kTable = [] {
    std::array<double, 257> table{};
    for (size_t i = 1; i < table.size(); ++i)
      table[i] = static_cast<double>(i) * std::log2(static_cast<double>(i));
    return table;
  }();
  return n < kTable.size() ? kTable[n] : n * std::log2(n);
}

size_t pair_symbol(char c) {
  if (is_alpha(c)) return static_cast<size_t>(fold(c) - 'a');
  return is_digit(c) ? 26 : 27;
}

}  // namespace

double entropy(std::string_view value) {
  std::array<uint32_t, 256> counts{};
  for (const char c : value) ++counts[static_cast<uint8_t>(c)];
  double sum = 0;
  for (const char c : value)  // each count once, where its character stands first
    sum += times_log(std::exchange(counts[static_cast<uint8_t>(c)], 0));
  return value.empty()
             ? 0
             : std::log2(static_cast<double>(value.size())) - sum / static_cast<double>(value.size());
}

bool looks_random(std::string_view value, int percent) {
  if (percent <= 0) return true;
  if (value.empty()) return false;
  const double most =
      std::min(std::log2(static_cast<double>(value.size())), std::log2(kinds_of_characters(value)));
  if (entropy(value) * 100 < most * percent) return false;
  return longest_run(value, 0) < kMaxRun && longest_run(value, 1) <= kMaxRun &&
         longest_run(value, -1) <= kMaxRun && !holds_placeholder(value);
}

bool pairs_are_rare(std::string_view value) {
  constexpr int kHalfBitsOfTen =
      96;  // 4.8 bits a pair; words have 3 to 4.5, random letters and digits 5 to 9
  int bits = 0;
  int pairs = 0;
  bool hex = true;
  for (const char c : value) hex &= is_hex(c) || c == '-' || c == ':';
  if (hex) return true;
  for (size_t i = 1; i < value.size(); ++i, ++pairs)
    bits += kBigrams[pair_symbol(value[i - 1])][pair_symbol(value[i])] - '0';
  return bits * 10 >= pairs * kHalfBitsOfTen;
}

}  // namespace tau::safety
