#include "json/compact.h"

#include <simdjson.h>

#include <algorithm>
#include <cstring>

#include "json/number.h"
#include "json/text_scan.h"

namespace tau::json {
namespace {

constexpr size_t kLinearMembers = 16;  // up to here comparing each pair of keys beats sorting them

bool has_escape(std::string_view text) {
  return !text.empty() && std::memchr(text.data(), '\\', text.size()) != nullptr;
}

// Behind the string whose quote stands at `p`.
const char* behind_string(const char* p, const char* end) {
  p = string_stop(p + 1, end);
  while (*p != '"') p = string_stop(p + 2, end);
  return p + 1;
}

const char* behind_value(const char* p, const char* end) {
  size_t depth = 0;
  while (p != end) {
    const char c = *p;
    if (c == '"') {
      p = behind_string(p, end);
      continue;
    }
    if (c == '{' || c == '[') ++depth;
    const bool closes = c == '}' || c == ']';
    if (depth == 0 && (closes || c == ',')) break;
    if (closes) --depth;
    ++p;
  }
  return p;
}

void append_number(std::string& out, const Number& n) {
  switch (n.kind) {
    case Number::Kind::kInt: return append_integer(out, n.i);
    case Number::Kind::kUint: return append_integer(out, Value(n.u));
    case Number::Kind::kDouble: return append_double(out, n.d);
  }
}

std::string_view between(const char* begin, const char* end) {
  return {begin, static_cast<size_t>(end - begin)};
}

// The keys of one object, at the end of a list that holds those of the objects around it too.
class KeySet {
 public:
  explicit KeySet(std::vector<std::string_view>& keys) : keys_(keys), first_(keys.size()) {}
  size_t size() const { return keys_.size() - first_; }

  // False when it is known to be there; with many keys close() finds out.
  bool add(std::string_view key) {
    const uint64_t mark = mark_of(key);
    const bool maybe = (marks_ & mark) != 0 && size() < kLinearMembers;
    if (maybe && std::find(begin(), keys_.end(), key) != keys_.end()) return false;
    marks_ |= mark;
    keys_.push_back(key);
    return true;
  }

  // Takes the keys from the list again; false when one was there twice.
  bool close() {
    bool good = true;
    if (size() > kLinearMembers) {
      std::sort(begin(), keys_.end());
      good = std::adjacent_find(begin(), keys_.end()) == keys_.end();
    }
    keys_.resize(first_);
    return good;
  }

 private:
  // Different keys mostly have different marks.
  static uint64_t mark_of(std::string_view key) {
    if (key.empty()) return 1;
    const size_t mix = key.size() + 5 * static_cast<uint8_t>(key.front()) +
                       11 * static_cast<uint8_t>(key.back()) + 17 * static_cast<uint8_t>(key[key.size() / 2]);
    return uint64_t{1} << (mix % 64);
  }
  std::vector<std::string_view>::iterator begin() {
    return keys_.begin() + static_cast<std::ptrdiff_t>(first_);
  }

  std::vector<std::string_view>& keys_;
  size_t first_;
  uint64_t marks_ = 0;
};

// Whether a text is a document in compact form, by the shortest way: what has a long escape is left to others
// even if it is. Notes the members on the way.
class CompactCheck {
 public:
  CompactCheck(std::string_view text, std::vector<std::string_view>& keys,
               std::vector<CompactMember>& members)
      : p_(text.data()), end_(p_ + text.size()), keys_(keys), members_(members) {}

  bool passes() {
    const auto size = static_cast<size_t>(end_ - p_);
    return size != 0 && simdjson::validate_utf8(p_, size) && value(0) && p_ == end_;
  }

 private:
  bool value(int depth) {
    if (p_ == end_) return false;
    switch (*p_) {
      case '"': return string();
      case '{': return depth < kMaxDepth && object(depth + 1);
      case '[': return depth < kMaxDepth && array(depth + 1);
      case 't': return word("true");
      case 'f': return word("false");
      case 'n': return word("null");
      default: return number();
    }
  }

  // Escapes of two characters are what write() makes, but for that of the slash.
  bool string() {
    constexpr std::string_view kShort = "\"\\bfnrt";
    const char* stop = string_stop(p_ + 1, end_);
    while (end_ - stop >= 2 && *stop == '\\' && kShort.find(stop[1]) != kShort.npos)
      stop = string_stop(stop + 2, end_);
    if (stop == end_ || *stop != '"') return false;
    p_ = stop + 1;
    return true;
  }

  bool word(std::string_view word) {
    if (!between(p_, end_).starts_with(word)) return false;
    p_ += word.size();
    return true;
  }

  // A plain integer is written as it is; any other number has to be what write() would make of it.
  bool number() {
    const char* end = integer_end(p_, end_);
    const bool plain = end != p_ && !(*p_ == '-' && p_[1] == '0') && (end == end_ || !is_of_number(*end));
    if (!plain) {
      end = p_;
      while (end != end_ && is_of_number(*end)) ++end;
    }
    if (!plain && !is_short_fraction(between(p_, end))) {
      Number n;
      std::string written;
      if (parse_number(between(p_, end), n) != NumberError::kNone) return false;
      append_number(written, n);
      if (between(p_, end) != written) return false;
    }
    p_ = end;
    return true;
  }

  // Passes over `c`, when it stands here.
  bool take(char c) {
    if (p_ == end_ || *p_ != c) return false;
    ++p_;
    return true;
  }

  bool array(int depth) {
    ++p_;
    if (take(']')) return true;
    do
      if (!value(depth)) return false;
    while (take(','));
    return take(']');
  }

  bool object(int depth) {
    ++p_;
    if (take('}')) return true;
    KeySet keys(keys_);
    do {
      const char* const open = p_ + 1;
      if (p_ == end_ || *p_ != '"' || !string()) return false;
      const std::string_view key = between(open, p_ - 1);
      if (!keys.add(key) || !take(':')) return false;
      const char* const begin = p_;
      if (!value(depth)) return false;
      if (depth == 1) members_.push_back({key, between(begin, p_)});
    } while (take(','));
    return take('}') && keys.close();
  }

  const char* p_;
  const char* end_;
  std::vector<std::string_view>& keys_;
  std::vector<CompactMember>& members_;
};

}  // namespace

bool Compactor::make(std::string_view text) {
  text_ = text;
  keys_.clear();
  members_.clear();
  if (CompactCheck(text, keys_, members_).passes()) return true;
  keys_.clear();
  members_.clear();
  out_.clear();
  if (!reader_.load(text) || !value()) return false;
  text_ = out_;
  for (CompactMembers member(text_); member.next();) members_.push_back({member.key(), member.json()});
  return true;
}

bool Compactor::value() {
  switch (reader_.kind()) {
    case Value::Kind::kObject: return object();
    case Value::Kind::kArray: return array();
    case Value::Kind::kString: return string();
    case Value::Kind::kInt:
    case Value::Kind::kDouble: return number();
    default: break;
  }
  std::string_view word;
  if (!reader_.raw(word)) return false;
  out_ += word;
  return true;
}

bool Compactor::string() {
  std::string_view text;
  if (!reader_.string(text)) return false;
  append_string(out_, text);
  return true;
}

bool Compactor::number() {
  Number n;
  if (!reader_.number(n)) return false;
  append_number(out_, n);
  return true;
}

bool Compactor::array() {
  if (!reader_.enter_array()) return false;
  out_ += '[';
  for (bool first = true; reader_.next_element(); first = false) {
    if (!first) out_ += ',';
    if (!value()) return false;
  }
  out_ += ']';
  return reader_.status().ok();
}

bool Compactor::object() {
  if (!reader_.enter_object()) return false;
  out_ += '{';
  KeySet keys(keys_);
  std::string_view key;
  while (reader_.next_key(key)) {
    if (!keys.add(key)) return false;
    if (keys.size() > 1) out_ += ',';
    append_string(out_, key);
    out_ += ':';
    if (!value()) return false;
  }
  out_ += '}';
  return reader_.status().ok() && keys.close();
}

CompactMembers::CompactMembers(std::string_view json) {
  if (!json.starts_with('{')) return;
  p_ = json.data();
  end_ = p_ + json.size();
}

// Stands at the bracket or comma before a member.
bool CompactMembers::next() {
  if (p_ == nullptr || *p_ == '}' || p_[1] == '}') return false;
  const char* const open = p_ + 1;
  const char* const colon = behind_string(open, end_);
  key_ = between(open + 1, colon - 1);
  p_ = behind_value(colon + 1, end_);
  json_ = between(colon + 1, p_);
  return true;
}

std::string_view compact_member(std::string_view object, std::string_view key) {
  CompactMembers members(object);
  while (members.next())
    if (members.key() == key) return members.json();
  return {};
}

std::string_view compact_key(std::string_view key, std::string& scratch) {
  if (!has_escape(key)) return key;
  std::string quoted;
  ((quoted += '"') += key) += '"';
  const StatusOr<Value> value = parse(quoted);
  scratch = value.ok() ? value->as_string() : std::string_view();
  return scratch;
}

std::string_view compact_text(std::string_view json, std::string& scratch) {
  return json.starts_with('"') ? compact_key(json.substr(1, json.size() - 2), scratch) : std::string_view();
}

int64_t compact_int(std::string_view json) {
  Number n;
  if (json.empty() || parse_number(json, n) != NumberError::kNone || n.kind == Number::Kind::kUint) return 0;
  return n.kind == Number::Kind::kInt ? n.i : Value(n.d).as_int();
}

}  // namespace tau::json
