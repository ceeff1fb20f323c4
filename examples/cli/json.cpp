#include "json.h"

#include <algorithm>
#include <charconv>

#include "text.h"

namespace cli {
namespace {

constexpr int kMaxDepth = 128;

const Json& null_value() {
  static const Json value;
  return value;
}

void append_utf8(std::string& out, uint32_t c) {
  const auto byte = [&](uint32_t b) { out += static_cast<char>(b); };
  if (c < 0x80) {
    byte(c);
  } else if (c < 0x800) {
    byte(0xc0 | c >> 6), byte(0x80 | (c & 0x3f));
  } else if (c < 0x10000) {
    byte(0xe0 | c >> 12), byte(0x80 | (c >> 6 & 0x3f)), byte(0x80 | (c & 0x3f));
  } else {
    byte(0xf0 | c >> 18), byte(0x80 | (c >> 12 & 0x3f)), byte(0x80 | (c >> 6 & 0x3f)),
        byte(0x80 | (c & 0x3f));
  }
}

}  // namespace

// Recursive descent over RFC 8259; stops at the first fault.
class JsonReader {
 public:
  explicit JsonReader(std::string_view text) : text_(text) {}
  size_t position() const { return at_; }

  bool document(Json& out) {
    skip_blanks();
    if (!value(out, 0)) return false;
    skip_blanks();
    return at_ == text_.size();
  }

 private:
  char peek() const { return at_ < text_.size() ? text_[at_] : '\0'; }
  bool take(char c) {
    if (peek() != c || at_ >= text_.size()) return false;
    ++at_;
    return true;
  }
  bool take(std::string_view word) {
    if (text_.substr(at_, word.size()) != word) return false;
    at_ += word.size();
    return true;
  }
  void skip_blanks() {
    while (at_ < text_.size() && (peek() == ' ' || peek() == '\t' || peek() == '\n' || peek() == '\r')) ++at_;
  }

  bool value(Json& out, int depth) {
    if (depth > kMaxDepth) return false;
    switch (peek()) {
      case '{': out.kind_ = Json::Kind::kObject; return object(out, depth);
      case '[': out.kind_ = Json::Kind::kArray; return array(out, depth);
      case '"': out.kind_ = Json::Kind::kString; return string(out.text_);
      case 'n': return take("null");
      case 't': out = Json::boolean(true); return take("true");
      case 'f': out = Json::boolean(false); return take("false");
      default: out.kind_ = Json::Kind::kNumber; return number(out.text_);
    }
  }

  bool object(Json& out, int depth) {
    take('{');
    skip_blanks();
    if (take('}')) return true;
    do {
      skip_blanks();
      Json::Member member;
      if (!string(member.first)) return false;
      skip_blanks();
      if (!take(':')) return false;
      skip_blanks();
      if (!value(member.second, depth + 1)) return false;
      out.members_.push_back(std::move(member));
      skip_blanks();
    } while (take(','));
    return take('}');
  }

  bool array(Json& out, int depth) {
    take('[');
    skip_blanks();
    if (take(']')) return true;
    do {
      skip_blanks();
      out.items_.emplace_back();
      if (!value(out.items_.back(), depth + 1)) return false;
      skip_blanks();
    } while (take(','));
    return take(']');
  }

  bool digits() {
    const size_t begin = at_;
    while (peek() >= '0' && peek() <= '9') ++at_;
    return at_ > begin;
  }

  bool number(std::string& out) {
    const size_t begin = at_;
    take('-');
    if (!take('0') && !digits()) return false;
    if (take('.') && !digits()) return false;
    if (peek() == 'e' || peek() == 'E') {
      ++at_;
      if (!take('+')) take('-');
      if (!digits()) return false;
    }
    out = text_.substr(begin, at_ - begin);
    return true;
  }

  bool string(std::string& out) {
    if (!take('"')) return false;
    while (at_ < text_.size()) {
      const char c = text_[at_++];
      if (c == '"') return true;
      if (static_cast<unsigned char>(c) < 0x20) return false;
      if (c != '\\') {
        out += c;
      } else if (!escape(out)) {
        return false;
      }
    }
    return false;
  }

  bool escape(std::string& out) {
    const char c = peek();
    ++at_;
    switch (c) {
      case '"':
      case '\\':
      case '/': out += c; return true;
      case 'b': out += '\b'; return true;
      case 'f': out += '\f'; return true;
      case 'n': out += '\n'; return true;
      case 'r': out += '\r'; return true;
      case 't': out += '\t'; return true;
      case 'u': return unicode(out);
      default: return false;
    }
  }

  bool hex4(uint32_t& out) {
    const std::string_view four = text_.substr(std::min(at_, text_.size()), 4);
    const auto [end, error] = std::from_chars(four.data(), four.data() + four.size(), out, 16);
    if (four.size() != 4 || error != std::errc() || end != four.data() + 4) return false;
    at_ += 4;
    return true;
  }

  // A surrogate must come as a pair.
  bool unicode(std::string& out) {
    uint32_t c = 0;
    if (!hex4(c) || (c >= 0xdc00 && c < 0xe000)) return false;
    if (c >= 0xd800 && c < 0xdc00) {
      uint32_t low = 0;
      if (!take("\\u") || !hex4(low) || low < 0xdc00 || low >= 0xe000) return false;
      c = 0x10000 + ((c - 0xd800) << 10) + (low - 0xdc00);
    }
    append_utf8(out, c);
    return true;
  }

  std::string_view text_;
  size_t at_ = 0;
};

Json Json::boolean(bool value) {
  Json out;
  out.kind_ = Kind::kBool;
  out.text_ = value ? "true" : "false";
  return out;
}

Json Json::number(int64_t value) {
  Json out;
  out.kind_ = Kind::kNumber;
  out.text_ = std::to_string(value);
  return out;
}

Json Json::string(std::string_view value) {
  Json out;
  out.kind_ = Kind::kString;
  out.text_ = value;
  return out;
}

Json Json::array() {
  Json out;
  out.kind_ = Kind::kArray;
  return out;
}

Json Json::object() {
  Json out;
  out.kind_ = Kind::kObject;
  return out;
}

std::optional<Json> Json::parse(std::string_view text, size_t* where) {
  JsonReader reader(text);
  Json out;
  if (reader.document(out)) return out;
  if (where != nullptr) *where = reader.position();
  return std::nullopt;
}

int64_t Json::as_int() const {
  int64_t value = 0;
  if (kind_ != Kind::kNumber) return 0;
  const auto [end, error] = std::from_chars(text_.data(), text_.data() + text_.size(), value);
  return error == std::errc() && end == text_.data() + text_.size() ? value : 0;
}

const std::string& Json::as_string() const { return kind_ == Kind::kString ? text_ : null_value().text_; }

const Json& Json::operator[](std::string_view key) const {
  for (const auto& [name, value] : members_)
    if (name == key) return value;
  return null_value();
}

bool Json::contains(std::string_view key) const {
  for (const auto& [name, value] : members_)
    if (name == key) return true;
  return false;
}

Json& Json::set(std::string_view key, Json value) {
  for (auto& [name, held] : members_) {
    if (name != key) continue;
    held = std::move(value);
    return held;
  }
  return members_.emplace_back(std::string(key), std::move(value)).second;
}

bool Json::set_path(std::string_view path, Json value) {
  const size_t dot = path.find('.');
  if (kind_ != Kind::kObject || path.substr(0, dot).empty()) return false;
  if (dot == path.npos) {
    set(path, std::move(value));
    return true;
  }
  const std::string_view head = path.substr(0, dot);
  for (auto& [name, held] : members_)
    if (name == head) return held.set_path(path.substr(dot + 1), std::move(value));
  return set(head, Json::object()).set_path(path.substr(dot + 1), std::move(value));
}

std::string Json::duplicate_key() const {
  std::vector<std::string_view> keys;
  for (const auto& [name, value] : members_) keys.push_back(name);
  std::sort(keys.begin(), keys.end());
  const auto twice = std::adjacent_find(keys.begin(), keys.end());
  if (twice != keys.end()) return std::string(*twice);
  for (const auto& [name, value] : members_)
    if (std::string found = value.duplicate_key(); !found.empty()) return found;
  for (const Json& item : items_)
    if (std::string found = item.duplicate_key(); !found.empty()) return found;
  return {};
}

void Json::dump_to(std::string& out) const {
  switch (kind_) {
    case Kind::kNull: out += "null"; return;
    case Kind::kBool:
    case Kind::kNumber: out += text_; return;
    case Kind::kString: out += quote(text_); return;
    case Kind::kArray:
      out += '[';
      for (size_t i = 0; i < items_.size(); ++i) {
        if (i > 0) out += ',';
        items_[i].dump_to(out);
      }
      out += ']';
      return;
    case Kind::kObject:
      out += '{';
      for (size_t i = 0; i < members_.size(); ++i) {
        if (i > 0) out += ',';
        out += quote(members_[i].first) + ":";
        members_[i].second.dump_to(out);
      }
      out += '}';
      return;
  }
}

std::string Json::dump() const {
  std::string out;
  dump_to(out);
  return out;
}

std::string quote(std::string_view text) {
  static constexpr char kHex[] = "0123456789abcdef";
  std::string out = "\"";
  for (const char c : repaired_utf8(text)) {
    const auto byte = static_cast<unsigned char>(c);
    if (c == '"' || c == '\\') {
      out += '\\';
      out += c;
    } else if (c == '\n') {
      out += "\\n";
    } else if (c == '\t') {
      out += "\\t";
    } else if (byte < 0x20) {
      out += "\\u00";
      out += kHex[byte >> 4];
      out += kHex[byte & 15];
    } else {
      out += c;
    }
  }
  return out + '"';
}

}  // namespace cli
