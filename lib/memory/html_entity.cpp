#include "memory/html_entity.h"

#include <algorithm>
#include <array>

namespace tau::memory {
namespace {

struct Entity {
  std::string_view name;
  std::string_view text;
};
// Sorted. Of the 2,231 names of HTML those of Latin-1, punctuation, arrows and mathematics in daily use.
constexpr Entity kEntities[] = {
    {"AElig", "Æ"},  {"Aacute", "Á"}, {"Acirc", "Â"},   {"Agrave", "À"}, {"Aring", "Å"},  {"Atilde", "Ã"},
    {"Auml", "Ä"},   {"Ccedil", "Ç"}, {"Delta", "Δ"},   {"Eacute", "É"}, {"Ecirc", "Ê"},  {"Egrave", "È"},
    {"Euml", "Ë"},   {"Iacute", "Í"}, {"Icirc", "Î"},   {"Igrave", "Ì"}, {"Iuml", "Ï"},   {"Ntilde", "Ñ"},
    {"OElig", "Œ"},  {"Oacute", "Ó"}, {"Ocirc", "Ô"},   {"Ograve", "Ò"}, {"Omega", "Ω"},  {"Oslash", "Ø"},
    {"Otilde", "Õ"}, {"Ouml", "Ö"},   {"Scaron", "Š"},  {"Sigma", "Σ"},  {"Uacute", "Ú"}, {"Ucirc", "Û"},
    {"Ugrave", "Ù"}, {"Uuml", "Ü"},   {"Yacute", "Ý"},  {"aacute", "á"}, {"acirc", "â"},  {"aelig", "æ"},
    {"agrave", "à"}, {"alpha", "α"},  {"amp", "&"},     {"apos", "'"},   {"aring", "å"},  {"asymp", "≈"},
    {"atilde", "ã"}, {"auml", "ä"},   {"bdquo", "„"},   {"beta", "β"},   {"brvbar", "¦"}, {"bull", "•"},
    {"ccedil", "ç"}, {"cent", "¢"},   {"check", "✓"},   {"copy", "©"},   {"dagger", "†"}, {"darr", "↓"},
    {"deg", "°"},    {"delta", "δ"},  {"divide", "÷"},  {"eacute", "é"}, {"ecirc", "ê"},  {"egrave", "è"},
    {"emsp", " "},   {"ensp", " "},   {"epsilon", "ε"}, {"euml", "ë"},   {"euro", "€"},   {"frac12", "½"},
    {"frac14", "¼"}, {"frac34", "¾"}, {"gamma", "γ"},   {"ge", "≥"},     {"gt", ">"},     {"harr", "↔"},
    {"hellip", "…"}, {"iacute", "í"}, {"icirc", "î"},   {"iexcl", "¡"},  {"igrave", "ì"}, {"infin", "∞"},
    {"iquest", "¿"}, {"iuml", "ï"},   {"lambda", "λ"},  {"laquo", "«"},  {"larr", "←"},   {"ldquo", "“"},
    {"le", "≤"},     {"lsaquo", "‹"}, {"lsquo", "‘"},   {"lt", "<"},     {"mdash", "—"},  {"micro", "µ"},
    {"middot", "·"}, {"minus", "−"},  {"mu", "μ"},      {"nbsp", " "},   {"ndash", "–"},  {"ne", "≠"},
    {"not", "¬"},    {"ntilde", "ñ"}, {"oacute", "ó"},  {"ocirc", "ô"},  {"oelig", "œ"},  {"ograve", "ò"},
    {"omega", "ω"},  {"ordf", "ª"},   {"ordm", "º"},    {"oslash", "ø"}, {"otilde", "õ"}, {"ouml", "ö"},
    {"para", "¶"},   {"permil", "‰"}, {"phi", "φ"},     {"pi", "π"},     {"plusmn", "±"}, {"pound", "£"},
    {"quot", "\""},  {"raquo", "»"},  {"rarr", "→"},    {"rdquo", "”"},  {"reg", "®"},    {"rsaquo", "›"},
    {"rsquo", "’"},  {"sbquo", "‚"},  {"scaron", "š"},  {"sect", "§"},   {"shy", ""},     {"sigma", "σ"},
    {"sup1", "¹"},   {"sup2", "²"},   {"sup3", "³"},    {"szlig", "ß"},  {"theta", "θ"},  {"thinsp", " "},
    {"times", "×"},  {"trade", "™"},  {"uacute", "ú"},  {"uarr", "↑"},   {"ucirc", "û"},  {"ugrave", "ù"},
    {"uuml", "ü"},   {"yacute", "ý"}, {"yen", "¥"},     {"yuml", "ÿ"},   {"zwj", ""},     {"zwnj", ""},
};
constexpr size_t kLongestName = 8;

// What the numbers 80 to 9F stand for: pages mean windows-1252 by them (HTML,
// numeric-character-reference-end).
constexpr std::array<uint16_t, 32> kHighControls = {
    0x20ac, 0x81,   0x201a, 0x0192, 0x201e, 0x2026, 0x2020, 0x2021, 0x02c6, 0x2030, 0x0160,
    0x2039, 0x0152, 0x8d,   0x017d, 0x8f,   0x90,   0x2018, 0x2019, 0x201c, 0x201d, 0x2022,
    0x2013, 0x2014, 0x02dc, 0x2122, 0x0161, 0x203a, 0x0153, 0x9d,   0x017e, 0x0178};

int digit_of(char c, int base) {
  if (c >= '0' && c <= '9') return c - '0';
  if (base == 16 && c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (base == 16 && c >= 'A' && c <= 'F') return c - 'A' + 10;
  return -1;
}

// The bytes of the reference at the front of `text`, which begins with "&#"; 0: it is none.
size_t numeric(std::string& out, std::string_view text) {
  const int base = text.size() > 2 && (text[2] == 'x' || text[2] == 'X') ? 16 : 10;
  size_t i = base == 16 ? 3 : 2;
  const size_t first = i;
  uint32_t code = 0;
  for (; i < text.size() && digit_of(text[i], base) >= 0; ++i)
    code = std::min<uint32_t>(
        code * static_cast<uint32_t>(base) + static_cast<uint32_t>(digit_of(text[i], base)), 0x110000);
  if (i == first) return 0;
  if (code >= 0x80 && code < 0xa0) code = kHighControls[code - 0x80];
  if (code == 0xa0) code = ' ';
  append_code_point(out, code);
  return i < text.size() && text[i] == ';' ? i + 1 : i;
}

size_t named(std::string& out, std::string_view text) {
  const size_t end = text.substr(0, kLongestName + 2).find(';');
  if (end == text.npos) return 0;
  const std::string_view name = text.substr(1, end - 1);
  const auto* const found = std::lower_bound(std::begin(kEntities), std::end(kEntities), name,
                                             [](const Entity& e, std::string_view n) { return e.name < n; });
  if (found == std::end(kEntities) || found->name != name) return 0;
  out += found->text;
  return end + 1;
}

}  // namespace

void append_code_point(std::string& out, uint32_t code) {
  if (code == 0 || code > 0x10ffff || (code >= 0xd800 && code < 0xe000)) code = 0xfffd;
  const auto tail = [&](int shift) { out += static_cast<char>(0x80 | (code >> shift & 0x3f)); };
  if (code < 0x80) {
    out += static_cast<char>(code);
  } else if (code < 0x800) {
    out += static_cast<char>(0xc0 | code >> 6);
    tail(0);
  } else if (code < 0x10000) {
    out += static_cast<char>(0xe0 | code >> 12);
    tail(6);
    tail(0);
  } else {
    out += static_cast<char>(0xf0 | code >> 18);
    tail(12);
    tail(6);
    tail(0);
  }
}

void append_unescaped_html(std::string& out, std::string_view text) {
  while (!text.empty()) {
    const size_t at = std::min(text.find('&'), text.size());
    out += text.substr(0, at);
    text.remove_prefix(at);
    if (text.empty()) return;
    size_t used = text.starts_with("&#") ? numeric(out, text) : named(out, text);
    if (used == 0) {
      out += '&';
      used = 1;
    }
    text.remove_prefix(used);
  }
}

}  // namespace tau::memory
