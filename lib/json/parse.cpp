// parse(): a whole document as a Value. Recursion is bounded by kMaxDepth.
#include <algorithm>

#include "json/json.h"
#include "json/number.h"

namespace tau::json {
namespace {

constexpr size_t kUsualMembers = 4;    // for which there is room at once
constexpr size_t kLinearMembers = 16;  // up to here comparing each pair of keys beats sorting them

class TreeBuilder {
 public:
  explicit TreeBuilder(Halves halves) : reader_(halves) {}

  StatusOr<Value> build(std::string_view text) {
    Value root;
    if (reader_.load(text) && value(root)) return root;
    if (duplicate_.empty()) return reader_.status();
    return reader_.status().annotate("key \"" + duplicate_ + "\"");
  }

 private:
  bool value(Value& out) {
    switch (reader_.kind()) {
      case Value::Kind::kObject: return object(out);
      case Value::Kind::kArray: return array(out);
      case Value::Kind::kString: return string(out);
      case Value::Kind::kBool: return boolean(out);
      case Value::Kind::kNull: return reader_.skip();
      default: return number(out);
    }
  }

  bool string(Value& out) {
    std::string_view text;
    if (!reader_.string(text)) return false;
    out.mutable_string().assign(text);
    return true;
  }

  bool boolean(Value& out) {
    bool b = false;
    if (!reader_.boolean(b)) return false;
    out = Value(b);
    return true;
  }

  bool number(Value& out) {
    Number n;
    if (!reader_.number(n)) return false;
    switch (n.kind) {
      case Number::Kind::kInt: out = Value(n.i); break;
      case Number::Kind::kUint: out = Value(n.u); break;
      case Number::Kind::kDouble: out = Value(n.d); break;
    }
    return true;
  }

  bool array(Value& out) {
    if (!reader_.enter_array()) return false;
    auto& elements = out.mutable_array();
    while (reader_.next_element())
      if (!value(elements.emplace_back())) return false;
    return reader_.status().ok();
  }

  bool object(Value& out) {
    const size_t begin = reader_.offset();
    if (!reader_.enter_object()) return false;
    auto& members = out.mutable_object();
    size_t at = reader_.offset();
    std::string_view key;
    while (reader_.next_key(key)) {
      if (members.empty()) members.reserve(kUsualMembers);
      auto& member = members.emplace_back();
      member.first.assign(key);
      if (members.size() <= kLinearMembers && !unique_last(members, at)) return false;
      if (!value(member.second)) return false;
      at = reader_.offset() + 1;
    }
    return reader_.status().ok() && (members.size() <= kLinearMembers || unique_all(members, begin));
  }

  bool unique_last(const Value::Object& members, size_t at) {
    const std::string& key = members.back().first;
    for (size_t i = 0; i + 1 < members.size(); ++i)
      if (members[i].first == key) return duplicate(key, at, "occurs twice");
    return true;
  }

  bool unique_all(const Value::Object& members, size_t begin) {
    std::vector<std::string_view> keys;
    keys.reserve(members.size());
    for (const auto& member : members) keys.push_back(member.first);
    std::sort(keys.begin(), keys.end());
    const auto twin = std::adjacent_find(keys.begin(), keys.end());
    return twin == keys.end() || duplicate(*twin, begin, "occurs twice in the object");
  }

  bool duplicate(std::string_view key, size_t at, std::string_view what) {
    constexpr size_t kShown = 64;
    duplicate_ = truncate_utf8(key, kShown);
    while (is_space(reader_.document()[at])) ++at;
    if (duplicate_.empty()) duplicate_ = "(empty)";
    return reader_.refuse("duplicate_key", at, what);
  }

  Reader reader_;
  std::string duplicate_;  // the key, for the message
};

}  // namespace

StatusOr<Value> parse(std::string_view text, Halves halves) {
  TreeBuilder builder(halves);
  return builder.build(text);
}

}  // namespace tau::json
