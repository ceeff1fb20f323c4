// Cuts text into tokens and brings each into the form in which it is compared.
#include <algorithm>
#include <cstring>
#include <utility>

#include "safety/chars.h"
#include "safety/code_point.h"
#include "safety/monitor_text.h"

namespace tau::safety {
namespace {

// Beside what is invisible: the controls C0, DEL and C1, separators of lines and paragraphs, private use and
// what is no character.
constexpr CodeRange kUnprintable[] = {
    {0x0000, 0x001f}, {0x007f, 0x009f}, {0x2028, 0x2029},
    {0xe000, 0xf8ff}, {0xfffc, 0xffff}, {0xf0000, 0x10ffff},
};

// White space beyond ASCII, and punctuation of scripts that write no spaces.
constexpr CodeRange kSeparatorRanges[] = {
    {0x00a0, 0x00a0}, {0x00ab, 0x00ab}, {0x00bb, 0x00bb}, {0x1680, 0x1680}, {0x2000, 0x200a},
    {0x2013, 0x2014}, {0x201c, 0x201f}, {0x2026, 0x2026}, {0x202f, 0x202f}, {0x205f, 0x205f},
    {0x3000, 0x3003}, {0x3008, 0x3011}, {0xff01, 0xff01}, {0xff08, 0xff09}, {0xff0c, 0xff0c},
    {0xff1a, 0xff1b}, {0xff1f, 0xff1f},
};

template <size_t N>
bool in_ranges(const CodeRange (&ranges)[N], uint32_t code) {
  return std::any_of(std::begin(ranges), std::end(ranges),
                     [=](const CodeRange& r) { return r.contains(code); });
}

bool is_hidden(uint32_t code) {
  return code == kIllFormed || in_ranges(kUnprintable, code) || is_invisible(code);
}

bool is_separator(uint32_t code) {
  if (code < 0x80)
    return code == ' ' || code == '\t' || code == '\n' || code == '\r' || code == '"' || code == '<' ||
           code == '>';
  return in_ranges(kSeparatorRanges, code);
}

constexpr std::string_view kOpening = "'`([{*";
constexpr std::string_view kClosing = "'`)]}*.,;:!?";
constexpr std::string_view kLeftQuote = "\u2018";
constexpr std::string_view kRightQuote = "\u2019";

std::string_view without_edges(std::string_view text) {
  while (!text.empty()) {
    if (kOpening.find(text.front()) != text.npos) {
      text.remove_prefix(1);
    } else if (text.starts_with(kLeftQuote)) {
      text.remove_prefix(kLeftQuote.size());
    } else if (kClosing.find(text.back()) != text.npos) {
      text.remove_suffix(1);
    } else if (text.ends_with(kRightQuote)) {
      text.remove_suffix(kRightQuote.size());
    } else {
      break;
    }
  }
  return text;
}

// Where the first of several items without spaces ends: "a@x.com,b@x.com". Items of paths and URLs are not
// cut, nor are the groups of a number.
size_t item_end(std::string_view chunk) {
  if (chunk.find_first_of("/=?") != chunk.npos) return chunk.size();
  for (size_t i = 0; i < chunk.size(); ++i) {
    if (chunk[i] == ';' || chunk[i] == '|') return i;
    if (chunk[i] != ',') continue;
    const bool in_number = i > 0 && is_digit(chunk[i - 1]) && i + 1 < chunk.size() && is_digit(chunk[i + 1]);
    if (!in_number) return i;
  }
  return chunk.size();
}

// Appends to a token's bytes; too much makes the token hidden.
class Form {
 public:
  explicit Form(TextToken& token) : token_(token) {}
  void add(std::string_view text) {
    if (text.size() > TextToken::kMaxBytes - size_) text = {}, full_ = true;
    std::memcpy(token_.bytes + size_, text.data(), text.size());
    size_ += text.size();
  }
  void add_folded(std::string_view text) {
    const size_t begin = size_;
    add(text);
    std::transform(token_.bytes + begin, token_.bytes + size_, token_.bytes + begin, fold);
  }
  bool done(TextToken::Kind kind) {
    token_.kind = full_ ? TextToken::Kind::kHidden : kind;
    token_.canonical = {token_.bytes, size_};
    return true;
  }

 private:
  TextToken& token_;
  size_t size_ = 0;
  bool full_ = false;
};

// Labels of letters, digits and hyphens with dots between; the last one begins with a letter, or all are
// numbers as of an IPv4 address.
bool is_host(std::string_view host) {
  if (host.ends_with('.')) host.remove_suffix(1);
  if (host.find('.') == host.npos) return false;
  size_t label = 0;
  for (const char c : host) {
    if (c == '.' ? label == 0 : !is_alnum(c) && c != '-' && c != '_') return false;
    label = c == '.' ? 0 : label + 1;
  }
  const std::string_view last = host.substr(host.rfind('.') + 1);
  const bool numbers = std::all_of(host.begin(), host.end(), [](char c) { return is_digit(c) || c == '.'; });
  return label > 0 && (is_alpha(last.front()) || (numbers && std::count(host.begin(), host.end(), '.') == 3));
}

bool is_port(std::string_view text) {
  return !text.empty() && text.size() <= 5 && std::all_of(text.begin(), text.end(), is_digit);
}

bool form_email(std::string_view text, TextToken& token) {
  constexpr std::string_view kMailto = "mailto:";
  if (text.size() > kMailto.size() && equal_folded(text.substr(0, kMailto.size()), kMailto))
    text.remove_prefix(kMailto.size());
  const size_t at = text.find('@');
  if (at == 0 || at == text.npos || text.find('@', at + 1) != text.npos) return false;
  std::string_view domain = text.substr(at + 1);
  const std::string_view local = text.substr(0, at);
  const bool plain = std::all_of(local.begin(), local.end(), [](char c) {
    return is_alnum(c) || std::string_view(".!#$%&'*+-/=?^_`{|}~").find(c) != std::string_view::npos;
  });
  if (!plain || !is_host(domain)) return false;
  if (domain.ends_with('.')) domain.remove_suffix(1);
  Form form(token);
  form.add(local);
  form.add("@");
  form.add_folded(domain);
  return form.done(TextToken::Kind::kEmail);
}

// host[:port][/path][?query][#fragment] without user information or escapes in the authority.
bool form_location(std::string_view scheme, std::string_view rest, TextToken& token) {
  const size_t end = std::min(rest.find_first_of("/?#"), rest.size());
  std::string_view host = rest.substr(0, end);
  const std::string_view tail = rest.substr(end);
  std::string_view port;
  if (const size_t colon = host.find(':'); colon != host.npos) {
    port = host.substr(colon + 1);
    host = host.substr(0, colon);
    if (!is_port(port)) return false;
  }
  const bool bare_name =
      !scheme.empty() && !host.empty() &&
      std::all_of(host.begin(), host.end(), [](char c) { return is_alnum(c) || c == '-'; });
  if (!is_host(host) && !bare_name) return false;
  if (host.ends_with('.')) host.remove_suffix(1);
  if ((equal_folded(scheme, "http") && port == "80") || (equal_folded(scheme, "https") && port == "443"))
    port = {};
  Form form(token);
  if (!scheme.empty()) form.add_folded(scheme), form.add("://");
  form.add_folded(host);
  if (!port.empty()) form.add(":"), form.add(port);
  if (tail != "/") form.add(tail);
  return form.done(scheme.empty() ? TextToken::Kind::kHost : TextToken::Kind::kUrl);
}

bool form_url(std::string_view text, TextToken& token) {
  const size_t colon = text.find("://");
  if (colon == text.npos || colon == 0) return false;
  const std::string_view scheme = text.substr(0, colon);
  return std::all_of(scheme.begin(), scheme.end(), is_alnum) &&
         form_location(scheme, text.substr(colon + 3), token);
}

bool form_host(std::string_view text, TextToken& token) { return form_location({}, text, token); }

std::string_view without_currency(std::string_view text) {
  constexpr std::string_view kSigns[] = {"$", "\u20ac", "\u00a3", "\u00a5", "%"};
  for (const std::string_view sign : kSigns) {
    if (text.starts_with(sign)) return text.substr(sign.size());
    if (text.ends_with(sign)) return text.substr(0, text.size() - sign.size());
  }
  return text;
}

// 1,200.00 and 1200 are one number. Zeros in front belong to an identifier, not to an amount.
bool form_number(std::string_view text, TextToken& token) {
  if (text.starts_with('#')) text.remove_prefix(1);
  text = without_currency(text);
  const bool negative = text.starts_with('-');
  if (negative) text.remove_prefix(1);
  const size_t point = std::min(text.find('.'), text.size());
  const std::string_view whole = text.substr(0, point);
  std::string_view decimals = point < text.size() ? text.substr(point + 1) : std::string_view();
  if (whole.empty() || !is_digit(whole.front()) || (whole.size() > 1 && whole.front() == '0')) return false;
  if (!std::all_of(decimals.begin(), decimals.end(), is_digit)) return false;
  const size_t first_comma = whole.find(',');
  Form form(token);
  if (negative) form.add("-");
  for (size_t i = 0; i < whole.size(); ++i) {
    if (is_digit(whole[i])) {
      form.add(whole.substr(i, 1));
    } else if (whole[i] != ',' || (i - first_comma) % 4 != 0 || i + 3 >= whole.size() || first_comma > 3) {
      return false;
    }
  }
  if (first_comma != whole.npos && (whole.size() - first_comma) % 4 != 0) return false;
  while (decimals.ends_with('0')) decimals.remove_suffix(1);
  if (!decimals.empty()) form.add("."), form.add(decimals);
  return form.done(TextToken::Kind::kNumber);
}

bool form_word(std::string_view text, TextToken& token) {
  if (text.size() > 1 && (text.front() == '#' || text.front() == '@')) text.remove_prefix(1);
  for (const std::string_view possessive : {std::string_view("'s"), std::string_view("\u2019s")})
    if (text.size() > possessive.size() && text.ends_with(possessive)) text.remove_suffix(possessive.size());
  const bool plain = std::all_of(text.begin(), text.end(), [](char c) {
    return is_word(c) || c == '-' || c == '\'' || static_cast<uint8_t>(c) >= 0x80;
  });
  if (!plain) return false;
  Form form(token);
  form.add_folded(text);
  return form.done(TextToken::Kind::kWord);
}

bool form_opaque(std::string_view text, TextToken& token) {
  Form form(token);
  form.add(text);
  return form.done(TextToken::Kind::kOpaque);
}

void make_canonical(TextToken& token) {
  const std::string_view text = token.raw;
  token.canonical = {};
  token.kind = TextToken::Kind::kHidden;
  if (text.size() > TextToken::kMaxBytes || holds_hidden(text, true)) return;
  constexpr bool (*kForms[])(std::string_view, TextToken&) = {form_email, form_url,  form_number,
                                                              form_host,  form_word, form_opaque};
  for (const auto form : kForms)
    if (form(text, token)) return;
}

}  // namespace

bool holds_hidden(std::string_view text, bool strict) {
  size_t plain = 0;
  while (plain < text.size() && text[plain] >= ' ' && text[plain] <= '~') ++plain;
  text.remove_prefix(plain);
  while (!text.empty()) {
    const Character c = decode(text);
    const bool is_layout = c.code == '\n' || c.code == '\r' || c.code == '\t';
    if (is_hidden(c.code) && (strict || !is_layout)) return true;
    text.remove_prefix(c.size);
  }
  return false;
}

bool TextTokens::next_chunk() {
  while (!text_.empty()) {
    const Character c = decode(text_);
    if (!is_separator(c.code)) break;
    text_.remove_prefix(c.size);
  }
  size_t size = 0;
  while (size < text_.size()) {
    const Character c = decode(text_.substr(size));
    if (is_separator(c.code)) break;
    size += c.size;
  }
  chunk_ = text_.substr(0, size);
  text_.remove_prefix(size);
  return size > 0;
}

bool TextTokens::next(TextToken& token) {
  for (;;) {
    if (chunk_.empty() && !next_chunk()) return false;
    const size_t end = item_end(chunk_);
    const std::string_view item = chunk_.substr(0, end);
    chunk_.remove_prefix(std::min(end + 1, chunk_.size()));
    token.raw = without_edges(item);
    const auto behind = static_cast<size_t>(token.raw.data() + token.raw.size() - item.data());
    const bool ends = item.find_first_of(".!?:", behind) != item.npos;
    if (token.raw.empty()) {
      sentence_ended_ = sentence_ended_ || ends;
      continue;
    }
    token.begins_sentence = std::exchange(sentence_ended_, ends);
    make_canonical(token);
    return true;
  }
}

}  // namespace tau::safety
