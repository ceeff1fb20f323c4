// Values and strings as JSON text, and the streaming Writer.
#include <array>

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
  out += '"';
  append_body(out, text, kEscape | kHigh);
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

Writer& Writer::key(std::string_view name) {
  separate();
  append_string(out_, name);
  out_ += ':';
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
