#include "json/pattern.h"

#include <cctype>
#include <cstdint>
#include <utility>

#include "base/format.h"

namespace tau::json {
namespace {

// ECMA-262 WhiteSpace and LineTerminator, and all the rest.
constexpr std::string_view kSpace =
    R"(\t-\r \x{A0}\x{1680}\x{2000}-\x{200A}\x{2028}\x{2029}\x{202F}\x{205F}\x{3000}\x{FEFF})";
constexpr std::string_view kNotSpace =
    R"(\x{0}-\x{8}\x{E}-\x{1F}!-\x{9F}\x{A1}-\x{167F}\x{1681}-\x{1FFF}\x{200B}-\x{2027}\x{202A}-\x{202E}\x{2030}-\x{205E})"
    R"(\x{2060}-\x{2FFF}\x{3001}-\x{FEFE}\x{FF00}-\x{10FFFF})";

// The long names of general categories that ECMA-262 allows, for RE2's short ones.
constexpr std::pair<std::string_view, std::string_view> kCategories[] = {
    {"Letter", "L"},
    {"Lowercase_Letter", "Ll"},
    {"Uppercase_Letter", "Lu"},
    {"Titlecase_Letter", "Lt"},
    {"Modifier_Letter", "Lm"},
    {"Other_Letter", "Lo"},
    {"Mark", "M"},
    {"Nonspacing_Mark", "Mn"},
    {"Spacing_Mark", "Mc"},
    {"Enclosing_Mark", "Me"},
    {"Number", "N"},
    {"Decimal_Number", "Nd"},
    {"digit", "Nd"},
    {"Letter_Number", "Nl"},
    {"Other_Number", "No"},
    {"Punctuation", "P"},
    {"punct", "P"},
    {"Dash_Punctuation", "Pd"},
    {"Open_Punctuation", "Ps"},
    {"Close_Punctuation", "Pe"},
    {"Symbol", "S"},
    {"Math_Symbol", "Sm"},
    {"Currency_Symbol", "Sc"},
    {"Separator", "Z"},
    {"Space_Separator", "Zs"},
    {"Other", "C"},
    {"Control", "Cc"},
    {"cntrl", "Cc"},
    {"Format", "Cf"},
    {"Private_Use", "Co"},
};

class Translator {
 public:
  explicit Translator(std::string_view in) : in_(in) {}

  StatusOr<std::string> run() {
    while (at_ < in_.size() && error_.empty()) step();
    if (error_.empty() && in_class_) error_ = "a character class is not closed";
    if (!error_.empty()) return invalid_argument("invalid_schema", format("pattern \"{}\": {}", in_, error_));
    return std::move(out_);
  }

 private:
  char look(size_t ahead = 0) const { return at_ + ahead < in_.size() ? in_[at_ + ahead] : '\0'; }

  void step() {
    const char c = in_[at_];
    if (c == '\\') return escape();
    if (in_class_) {
      // A bare '[' could begin one of RE2's named classes.
      if (c == '[') out_ += '\\';
      if (c == ']') in_class_ = false;
      out_ += c;
      ++at_;
    } else if (c == '[') {
      open_class();
    } else if (c == '(') {
      group();
    } else if (c == '.') {
      out_ += R"([^\n\r\x{2028}\x{2029}])";
      ++at_;
    } else {
      out_ += c;
      ++at_;
    }
  }

  void open_class() {
    const bool negated = look(1) == '^';
    at_ += negated ? 2 : 1;
    if (look() == ']') {
      // ECMA: [] matches nothing, [^] anything.
      out_ += negated ? R"([\x{0}-\x{10FFFF}])" : R"([^\x{0}-\x{10FFFF}])";
      ++at_;
      return;
    }
    out_ += negated ? "[^" : "[";
    in_class_ = true;
  }

  void group() {
    ++at_;
    out_ += '(';
    if (look() != '?') return;
    if (look(1) == ':') {
      out_ += "?:";
      at_ += 2;
    } else if (look(1) == '<' && look(2) != '=' && look(2) != '!') {
      out_ += "?P<";
      at_ += 2;
    } else {
      error_ = "look-around is not supported";
    }
  }

  void escape() {
    const char c = look(1);
    at_ += 2;
    switch (c) {
      case 'd':
      case 'D':
      case 'w':
      case 'W':
      case 't':
      case 'n':
      case 'v':
      case 'f':
      case 'r':
        out_ += '\\';
        out_ += c;
        return;
      case 'b': out_ += in_class_ ? R"(\x{8})" : R"(\b)"; return;
      case 'B':
        if (in_class_) break;
        out_ += R"(\B)";
        return;
      case 's': return in_set(kSpace);
      case 'S': return in_set(kNotSpace);
      case 'c': return control();
      case 'x': return code_point(2);
      case 'u': return unicode();
      case 'p':
      case 'P': return category(c);
      case '0':
        if (std::isdigit(static_cast<unsigned char>(look())) != 0) break;
        out_ += R"(\x{0})";
        return;
      default: break;
    }
    if (c >= '1' && c <= '9') {
      error_ = "back references are not supported";
    } else if (c == '\0' || std::isalnum(static_cast<unsigned char>(c)) != 0 ||
               static_cast<uint8_t>(c) >= 0x80) {
      error_ = format("unknown escape at byte {}", at_ - 2);
    } else {
      out_ += '\\';
      out_ += c;
    }
  }

  void in_set(std::string_view ranges) {
    if (!in_class_) out_ += '[';
    out_ += ranges;
    if (!in_class_) out_ += ']';
  }

  void control() {
    const char letter = look();
    if (std::isalpha(static_cast<unsigned char>(letter)) == 0) {
      error_ = "\\c needs a letter";
      return;
    }
    ++at_;
    put(static_cast<uint32_t>(letter) % 32);
  }

  void put(uint32_t c) { out_ += format("\\x{{{:X}}}", c); }

  // `digits` hexadecimal digits at the front; -1 when they are not there.
  int64_t hex(size_t digits) {
    if (at_ + digits > in_.size() || digits == 0 || digits > 6) return -1;
    int64_t value = 0;
    for (size_t i = 0; i < digits; ++i) {
      const auto c = static_cast<unsigned char>(in_[at_ + i]);
      if (std::isxdigit(c) == 0) return -1;
      value = value * 16 + (std::isdigit(c) != 0 ? c - '0' : std::tolower(c) - 'a' + 10);
    }
    at_ += digits;
    return value;
  }

  void code_point(size_t digits) {
    const int64_t value = hex(digits);
    if (value < 0 || value > 0x10FFFF) {
      error_ = "a character escape needs hexadecimal digits";
      return;
    }
    put(static_cast<uint32_t>(value));
  }

  void unicode() {
    if (look() == '{') {
      const size_t close = in_.find('}', at_);
      ++at_;
      code_point(close == std::string_view::npos ? 0 : close - at_);
      ++at_;
      return;
    }
    const int64_t high = hex(4);
    if (high >= 0xD800 && high < 0xDC00 && look() == '\\' && look(1) == 'u') {
      at_ += 2;
      const int64_t low = hex(4);
      if (low >= 0xDC00 && low < 0xE000)
        return put(static_cast<uint32_t>(0x10000 + ((high - 0xD800) << 10) + low - 0xDC00));
    }
    if (high < 0 || (high >= 0xD800 && high < 0xE000)) {
      error_ = "\\u needs four hexadecimal digits that are a character";
      return;
    }
    put(static_cast<uint32_t>(high));
  }

  void category(char p) {
    const size_t close = in_.find('}', at_);
    if (look() != '{' || close == std::string_view::npos) {
      error_ = "\\p needs a property in braces";
      return;
    }
    std::string_view name = in_.substr(at_ + 1, close - at_ - 1);
    at_ = close + 1;
    for (const std::string_view prefix : {"General_Category=", "gc=", "Script=", "sc="})
      if (name.starts_with(prefix)) name.remove_prefix(prefix.size());
    for (const auto& [long_name, short_name] : kCategories)
      if (name == long_name) name = short_name;
    out_ += format("\\{}{{{}}}", p, name);
  }

  std::string_view in_;
  size_t at_ = 0;
  bool in_class_ = false;
  std::string out_;
  std::string error_;
};

}  // namespace

StatusOr<std::string> translate_pattern(std::string_view ecma) { return Translator(ecma).run(); }

}  // namespace tau::json
