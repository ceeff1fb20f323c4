// Values and strings as JSON text, and the streaming Writer.
#include <array>
#include <charconv>
#include <cstring>

#include "json/json.h"
#include "json/number.h"
#include "json/text_scan.h"
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

constexpr size_t kEscapeBytes = 6;  // of one character, at most

// Writes the escape of `c`; returns its end.
char* put_escape(char* to, char c) {
  constexpr std::string_view kHex = "0123456789abcdef";
  constexpr std::string_view kNamed = "\"\\\b\f\n\r\t";
  constexpr std::string_view kNames = "\"\\bfnrt";
  *to++ = '\\';
  if (const size_t named = kNamed.find(c); named != kNamed.npos) {
    *to++ = kNames[named];
    return to;
  }
  const auto byte = static_cast<uint8_t>(c);
  to += std::string_view("u00").copy(to, 3);
  *to++ = kHex[byte >> 4];
  *to++ = kHex[byte & 15];
  return to;
}

// Writes a text of ASCII with its escapes, at most kEscapeBytes for each byte; null when it is another.
char* put_ascii(char* to, std::string_view text) {
  for (const char c : text) {
    switch (class_of(c)) {
      case kPlain: *to++ = c; break;
      case kEscape: to = put_escape(to, c); break;
      default: return nullptr;
    }
  }
  return to;
}

// Whether a JSON string holds these eight bytes as they are: ASCII, no control character, no quote, no
// backslash. In ASCII a subtraction sets the high bit of the lowest byte that is below what is taken away,
// and of no byte before it.
bool is_plain(uint64_t eight) {
  constexpr uint64_t kOnes = 0x0101010101010101u;
  const uint64_t control = eight - kOnes * 0x20;
  const uint64_t quote = (eight ^ (kOnes * '"')) - kOnes;
  const uint64_t backslash = (eight ^ (kOnes * '\\')) - kOnes;
  return ((eight | control | quote | backslash) & (kOnes * 0x80)) == 0;
}

template <class T>
T load(const char* from) {
  T word;
  std::memcpy(&word, from, sizeof word);
  return word;
}

// The length of the longest prefix that a JSON string holds as it is. Eight bytes at a time.
size_t plain_prefix(std::string_view text) {
  size_t i = 0;
  while (i + 8 <= text.size() && is_plain(load<uint64_t>(text.data() + i))) i += 8;
  // The rest, in one piece with what was looked at already.
  if (i + 8 > text.size() && text.size() >= 8 && is_plain(load<uint64_t>(text.data() + text.size() - 8)))
    return text.size();
  while (i < text.size() && class_of(text[i]) == kPlain) ++i;
  return i;
}

// Copies a text that a JSON string holds as it is; false when it is another.
bool copy_plain(std::string_view text, char* to) {
  const char* const from = text.data();
  const size_t n = text.size();
  if (n >= sizeof(Block)) {
    using Signed = int8_t __attribute__((vector_size(sizeof(Block))));
    Block other{};
    const auto copy16 = [&](size_t i) {
      const Block block = load_block(from + i);
      std::memcpy(to + i, &block, sizeof block);
      const auto control_or_high = reinterpret_cast<Signed>(block) < 0x20;
      other |= reinterpret_cast<Block>((block == '"') | (block == '\\') | control_or_high);
    };
    for (size_t i = 0; i + sizeof(Block) < n; i += sizeof(Block)) copy16(i);
    copy16(n - sizeof(Block));  // overlaps what was copied already
    return first_set(other) == sizeof(Block);
  }
  const auto copy8 = [&](size_t i) {
    const auto word = load<uint64_t>(from + i);
    std::memcpy(to + i, &word, sizeof word);
    return is_plain(word);
  };
  if (n >= 8) return copy8(0) && copy8(n - 8);
  if (n >= 4) {
    const auto first = load<uint32_t>(from);
    const auto last = load<uint32_t>(from + n - 4);
    std::memcpy(to, &first, sizeof first);
    std::memcpy(to + n - 4, &last, sizeof last);
    return is_plain(uint64_t{last} << 32 | first);
  }
  if (n == 0) return true;
  const char ends[] = {from[0], from[n / 2], from[n - 1]};
  to[0] = ends[0];
  to[n / 2] = ends[1];
  to[n - 1] = ends[2];
  return class_of(ends[0]) == kPlain && class_of(ends[1]) == kPlain && class_of(ends[2]) == kPlain;
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
    char escape[kEscapeBytes];
    out.append(escape, static_cast<size_t>(put_escape(escape, text[i]) - escape));
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

void Writer::spill() {
  out_.append(buffer_, size_);
  size_ = 0;
}

Writer& Writer::key(std::string_view name) {
  string(name);
  if (size_ == kBuffer) spill();
  buffer_[size_++] = ':';
  need_comma_ = false;
  return *this;
}

Writer& Writer::string(std::string_view text) {
  constexpr size_t kShortText = (kBuffer - 2) / kEscapeBytes;
  if (text.size() + 3 > kBuffer) {
    begin_value(0);
  } else {
    char* const at = begin_value(text.size() + 2);
    if (copy_plain(text, at + 1)) {
      at[0] = at[text.size() + 1] = '"';
      set_end(at + text.size() + 2);
      return end_value();
    }
    if (text.size() <= kShortText) {
      if (kBuffer - size_ < kEscapeBytes * text.size() + 2) spill();
      char* const begin = buffer_ + size_;
      *begin = '"';
      if (char* const end = put_ascii(begin + 1, text)) {
        *end = '"';
        set_end(end + 1);
        return end_value();
      }
    }
  }
  spill();
  append_string(out_, text);
  return *this;
}

Writer& Writer::integer(int64_t n) {
  constexpr size_t kDigits = 20;
  char* const at = begin_value(kDigits);
  set_end(std::to_chars(at, at + kDigits, n).ptr);
  return end_value();
}

Writer& Writer::number(double d) {
  begin_value(0);
  spill();
  append_double(out_, d);
  return *this;
}

Writer& Writer::boolean(bool b) { return raw(b ? "true" : "false"); }
Writer& Writer::null() { return raw("null"); }

Writer& Writer::raw(std::string_view json) {
  if (json.size() + 1 > kBuffer) {
    begin_value(0);
    spill();
    out_ += json;
    return *this;
  }
  char* const at = begin_value(json.size());
  set_end(at + json.copy(at, json.size()));
  return end_value();
}

Writer& Writer::value(const Value& v) {
  begin_value(0);
  spill();
  write(v, out_);
  return *this;
}

}  // namespace tau::json
