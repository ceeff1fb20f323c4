// Values and strings as JSON text, and the streaming Writer.
#include <array>
#include <cstring>

#include "json/json.h"
#include "json/number.h"
#include "json/walk.h"

namespace tau::json {
namespace {

enum : uint8_t { kPlain = 0, kEscape = 1, kHigh = 2 };

constexpr std::array<uint8_t, 256> kClasses = [] {
  std::array<uint8_t, 256> classes{};
  for (size_t c = 0; c < 0x20; ++c) classes[c] = kEscape;
  for (size_t c = 0x80; c < 0x100; ++c) classes[c] = kHigh;
  classes[static_cast<size_t>('"')] = kEscape;
  classes[static_cast<size_t>('\\')] = kEscape;
  return classes;
}();

constexpr size_t kSmall = 64;  // bytes that are put together on the stack before they are appended

uint8_t class_of(char c) { return kClasses[static_cast<uint8_t>(c)]; }

void append_escape(std::string& out, char c) {
  constexpr std::string_view kHex = "0123456789abcdef";
  switch (c) {
    case '"': out += "\\\""; return;
    case '\\': out += "\\\\"; return;
    case '\b': out += "\\b"; return;
    case '\f': out += "\\f"; return;
    case '\n': out += "\\n"; return;
    case '\r': out += "\\r"; return;
    case '\t': out += "\\t"; return;
    default: break;
  }
  const auto byte = static_cast<uint8_t>(c);
  out += "\\u00";
  out += kHex[byte >> 4];
  out += kHex[byte & 15];
}

// The length of the longest prefix that a JSON string holds as it is: ASCII, no control character, no quote,
// no backslash. Eight bytes at a time; the classic tests for a zero byte and for a byte below a bound.
size_t plain_prefix(std::string_view text) {
  constexpr uint64_t kOnes = 0x0101010101010101u;
  constexpr uint64_t kHighBits = 0x8080808080808080u;
  const auto has_zero = [](uint64_t w) { return (w - kOnes) & ~w & kHighBits; };
  const auto is_plain = [&](const char* eight) {
    uint64_t w;
    std::memcpy(&w, eight, sizeof w);
    const uint64_t control = (w - kOnes * 0x20) & ~w & kHighBits;
    const uint64_t special = has_zero(w ^ (kOnes * '"')) | has_zero(w ^ (kOnes * '\\'));
    return (control | special | (w & kHighBits)) == 0;
  };
  size_t i = 0;
  while (i + 8 <= text.size() && is_plain(text.data() + i)) i += 8;
  // The rest, in one piece with what was looked at already.
  if (i + 8 > text.size() && text.size() >= 8 && is_plain(text.data() + text.size() - 8)) return text.size();
  while (i < text.size() && class_of(text[i]) == kPlain) ++i;
  return i;
}

// The bytes of one run are copied at once. Bytes of `stop` end a run; the first non-ASCII byte does so only
// while the text is not yet known to be well-formed.
void append_body(std::string& out, std::string_view text, uint8_t stop) {
  size_t from = 0;
  for (size_t i = 0; i < text.size(); ++i) {
    const uint8_t kind = class_of(text[i]);
    if ((kind & stop) == 0) continue;
    out += text.substr(from, i - from);
    from = i;
    if (kind == kHigh) {
      const std::string_view rest = text.substr(i);
      if (is_valid_utf8(rest)) return append_body(out, rest, kEscape);
      return append_body(out, repair_utf8(rest), kEscape);
    }
    append_escape(out, text[i]);
    from = i + 1;
  }
  out += text.substr(from);
}

// Compact or indented text.
class TextSink {
 public:
  TextSink(std::string& out, bool pretty) : out_(out), pretty_(pretty) {}
  void scalar(const Value& v) {
    switch (v.kind()) {
      case Value::Kind::kNull: out_ += "null"; break;
      case Value::Kind::kBool: out_ += v.as_bool() ? "true" : "false"; break;
      case Value::Kind::kDouble: append_double(out_, v.as_double()); break;
      case Value::Kind::kString: append_string(out_, v.as_string()); break;
      default: append_integer(out_, v); break;
    }
  }
  void open(char bracket) { out_ += bracket; }
  void close(char bracket, bool empty, size_t depth) {
    if (!empty) line(depth);
    out_ += bracket;
  }
  void before_element(bool first, size_t depth) {
    if (!first) out_ += ',';
    line(depth);
  }
  void key(std::string_view name) {
    append_string(out_, name);
    out_ += pretty_ ? ": " : ":";
  }
  static std::vector<const Value::Member*> order(const Value::Object&) { return {}; }

 private:
  void line(size_t depth) {
    if (!pretty_) return;
    out_ += '\n';
    out_.append(2 * depth, ' ');
  }
  std::string& out_;
  bool pretty_;
};

}  // namespace

void append_string(std::string& out, std::string_view text) {
  char small[kSmall];
  const size_t plain = plain_prefix(text);
  if (plain == text.size() && plain + 2 <= sizeof small) {
    small[0] = '"';
    text.copy(small + 1, plain);  // not memcpy(): an empty text may have no address
    small[plain + 1] = '"';
    out.append(small, plain + 2);
    return;
  }
  out += '"';
  out += text.substr(0, plain);
  append_body(out, text.substr(plain), kEscape | kHigh);
  out += '"';
}

void write(const Value& value, std::string& out) { walk(value, TextSink(out, false)); }

std::string write(const Value& value) {
  std::string out;
  write(value, out);
  return out;
}

std::string write_pretty(const Value& value) {
  std::string out;
  walk(value, TextSink(out, true));
  return out;
}

void Writer::separate() {
  if (need_comma_) out_ += ',';
  need_comma_ = true;
}

Writer& Writer::begin_object() {
  separate();
  out_ += '{';
  need_comma_ = false;
  return *this;
}

Writer& Writer::end_object() {
  out_ += '}';
  need_comma_ = true;
  return *this;
}

Writer& Writer::begin_array() {
  separate();
  out_ += '[';
  need_comma_ = false;
  return *this;
}

Writer& Writer::end_array() {
  out_ += ']';
  need_comma_ = true;
  return *this;
}

// A usual key goes out in one append, with its comma, quotes and colon.
Writer& Writer::key(std::string_view name) {
  char small[kSmall];
  if (name.size() + 4 <= sizeof small && plain_prefix(name) == name.size()) {
    char* at = small;
    if (need_comma_) *at++ = ',';
    *at++ = '"';
    std::memcpy(at, name.data(), name.size());
    at += name.size();
    *at++ = '"';
    *at++ = ':';
    out_.append(small, static_cast<size_t>(at - small));
  } else {
    separate();
    append_string(out_, name);
    out_ += ':';
  }
  need_comma_ = false;
  return *this;
}

Writer& Writer::string(std::string_view text) {
  separate();
  append_string(out_, text);
  return *this;
}

Writer& Writer::integer(int64_t n) {
  separate();
  append_integer(out_, n);
  return *this;
}

Writer& Writer::number(double d) {
  separate();
  append_double(out_, d);
  return *this;
}

Writer& Writer::boolean(bool b) { return raw(b ? "true" : "false"); }
Writer& Writer::null() { return raw("null"); }

Writer& Writer::raw(std::string_view json) {
  separate();
  out_ += json;
  return *this;
}

Writer& Writer::value(const Value& v) {
  separate();
  write(v, out_);
  return *this;
}

}  // namespace tau::json
