#include "safety/forms.h"

#include <algorithm>
#include <cstdint>
#include <iterator>

#include "base/secret.h"
#include "base/utf8.h"

namespace tau::safety {
namespace {

constexpr std::string_view kLowerHex = "0123456789abcdef";
constexpr std::string_view kUpperHex = "0123456789ABCDEF";

uint8_t byte_of(char c) { return static_cast<uint8_t>(c); }
bool is_alnum(char c) { return (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z'); }

std::string hex_form(std::string_view secret, std::string_view digits) {
  std::string out;
  out.reserve(secret.size() * 2);
  for (const char c : secret) {
    out += digits[byte_of(c) >> 4];
    out += digits[byte_of(c) & 15];
  }
  return out;
}

// The characters of base 64 that depend on the secret alone when `phase` bytes of something else stand before
// it in its group of three.
std::string base64_form(std::string_view secret, size_t phase, std::string_view last_two) {
  static constexpr std::string_view kAlphabet =
      "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789";
  const size_t end_bit = 8 * (phase + secret.size());
  std::string out;
  out.reserve(end_bit / 6);
  for (size_t sextet = (8 * phase + 5) / 6; 6 * sextet + 6 <= end_bit; ++sextet) {
    unsigned value = 0;
    for (size_t bit = 6 * sextet - 8 * phase, n = 0; n < 6; ++n, ++bit)
      value = value << 1 | (byte_of(secret[bit / 8]) >> (7 - bit % 8) & 1U);
    out += value < kAlphabet.size() ? kAlphabet[value] : last_two[value - kAlphabet.size()];
  }
  return out;
}

struct PercentStyle {
  std::string_view kept;  // beside letters and digits
  std::string_view digits = kUpperHex;
  bool plus_for_space = false;
  bool everything = false;
};

// RFC 3986, the same in lower case, encodeURIComponent, HTML forms, encodeURI, and every byte.
constexpr PercentStyle kPercentStyles[] = {
    {.kept = "-._~"},
    {.kept = "-._~", .digits = kLowerHex},
    {.kept = "-._~!'()*"},
    {.kept = "*-._", .plus_for_space = true},
    {.kept = "-._~!'()*;/?:@&=+$,#"},
    {.kept = "", .everything = true},
    {.kept = "", .digits = kLowerHex, .everything = true},
};

std::string percent_form(std::string_view secret, const PercentStyle& style) {
  std::string out;
  out.reserve(secret.size() * 3);
  for (const char c : secret) {
    if (!style.everything && (is_alnum(c) || style.kept.find(c) != std::string_view::npos)) {
      out += c;
    } else if (style.plus_for_space && c == ' ') {
      out += '+';
    } else {
      out += '%';
      out += style.digits[byte_of(c) >> 4];
      out += style.digits[byte_of(c) & 15];
    }
  }
  return out;
}

struct JsonStyle {
  std::string_view escaped_as_unicode = {};  // "<>&" as Go and many template engines do
  std::string_view digits = kLowerHex;
  bool slash = false;  // "\/" as PHP does
  bool ascii = false;  // no byte above 127, as Python does
};

constexpr JsonStyle kJsonStyles[] = {
    {},
    {.slash = true},
    {.ascii = true},
    {.slash = true, .ascii = true},
    {.escaped_as_unicode = "<>&"},
    {.escaped_as_unicode = "<>&", .digits = kUpperHex},
    {.digits = kUpperHex, .ascii = true},
    {.escaped_as_unicode = "<>&'", .digits = kUpperHex, .ascii = true},
};

void append_unicode_escape(std::string& out, uint32_t unit, std::string_view digits) {
  out += "\\u";
  for (int shift = 12; shift >= 0; shift -= 4) out += digits[unit >> shift & 15];
}

// The character at `i` as UTF-16 escapes; `i` goes behind it. The text is valid UTF-8.
void append_character_escaped(std::string& out, std::string_view text, size_t& i, std::string_view digits) {
  const uint8_t lead = byte_of(text[i++]);
  const size_t more = lead >= 0xf0 ? 3 : lead >= 0xe0 ? 2 : 1;
  uint32_t point = lead & (0x3fU >> more);
  for (size_t k = 0; k < more; ++k) point = point << 6 | (byte_of(text[i++]) & 0x3fU);
  if (point < 0x10000) return append_unicode_escape(out, point, digits);
  append_unicode_escape(out, 0xd800 + ((point - 0x10000) >> 10), digits);
  append_unicode_escape(out, 0xdc00 + (point & 0x3ff), digits);
}

std::string json_form(std::string_view secret, const JsonStyle& style) {
  static constexpr std::string_view kShort = "\"\\\b\f\n\r\t";
  static constexpr std::string_view kLetters = "\"\\bfnrt";
  std::string out;
  out.reserve(secret.size() + secret.size() / 4);
  for (size_t i = 0; i < secret.size();) {
    const char c = secret[i];
    if (style.ascii && byte_of(c) >= 0x80) {
      append_character_escaped(out, secret, i, style.digits);
      continue;
    }
    ++i;
    if (const size_t known = kShort.find(c); known != std::string_view::npos) {
      out += '\\';
      out += kLetters[known];
    } else if (style.slash && c == '/') {
      out += "\\/";
    } else if (byte_of(c) < 0x20 || style.escaped_as_unicode.find(c) != std::string_view::npos) {
      append_unicode_escape(out, byte_of(c), style.digits);
    } else {
      out += c;
    }
  }
  return out;
}

}  // namespace

std::vector<std::string> encoded_forms(std::string_view secret) {
  std::vector<std::string> forms;
  const auto add = [&forms](std::string form) {
    if (std::find(forms.begin(), forms.end(), form) == forms.end()) {
      forms.push_back(std::move(form));
    } else {
      secure_wipe(form.data(), form.size());
    }
  };
  add(std::string(secret));
  for (const std::string_view last_two : {"+/", "-_"})
    for (size_t phase = 0; phase < 3; ++phase) add(base64_form(secret, phase, last_two));
  for (const std::string_view digits : {kLowerHex, kUpperHex}) add(hex_form(secret, digits));
  for (const PercentStyle& style : kPercentStyles) add(percent_form(secret, style));
  const bool text = is_valid_utf8(secret);
  for (const JsonStyle& style : kJsonStyles) {
    if (style.ascii && !text) continue;
    std::string once = json_form(secret, style);
    add(json_form(once, {}));  // a document within a document: the arguments of a tool call
    add(std::move(once));
  }
  return forms;
}

}  // namespace tau::safety
