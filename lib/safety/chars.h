// Kinds of ASCII characters, without the locale.
#pragma once

#include <cstddef>
#include <string_view>

namespace tau::safety {

constexpr bool is_digit(char c) { return c >= '0' && c <= '9'; }
constexpr bool is_lower(char c) { return c >= 'a' && c <= 'z'; }
constexpr bool is_upper(char c) { return c >= 'A' && c <= 'Z'; }
constexpr bool is_alpha(char c) { return is_lower(c) || is_upper(c); }
constexpr bool is_alnum(char c) { return is_alpha(c) || is_digit(c); }
constexpr bool is_word(char c) { return is_alnum(c) || c == '_'; }
constexpr bool is_hex(char c) { return is_digit(c) || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F'); }
constexpr bool is_base64(char c) { return is_alnum(c) || c == '+' || c == '/' || c == '='; }
constexpr bool is_blank(char c) { return c == ' ' || c == '\t'; }
constexpr bool is_break(char c) { return c == '\n' || c == '\r'; }
constexpr bool is_quote(char c) { return c == '"' || c == '\'' || c == '`'; }
constexpr char fold(char c) { return is_upper(c) ? static_cast<char>(c | 0x20) : c; }

// Whether `text` is `folded`, which is in lower case, but for case.
constexpr bool equal_folded(std::string_view text, std::string_view folded) {
  if (text.size() != folded.size()) return false;
  for (size_t i = 0; i < text.size(); ++i)
    if (fold(text[i]) != folded[i]) return false;
  return true;
}

}  // namespace tau::safety
