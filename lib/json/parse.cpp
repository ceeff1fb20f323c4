// parse(): a whole document as a Value. Recursion is bounded by kMaxDepth.
#include <algorithm>

#include "json/json.h"
#include "json/scanner.h"

namespace tau::json {
namespace {

constexpr size_t kLinearMembers = 16;  // up to here comparing each pair of keys beats sorting them

class TreeBuilder {
 public:
  explicit TreeBuilder(Halves halves) { scan_.set_halves(halves); }

  StatusOr<Value> build(std::string_view text) {
    Value root;
    if (!scan_.load(text) || !value(root, 0)) return failure();
    if (!scan_.at_end()) {
      scan_.fail(Scanner::Reason::kSyntax, scan_.offset(), "text after the document");
      return failure();
    }
    return root;
  }

 private:
  Status failure() const {
    if (duplicate_.empty()) return scan_.status();
    return scan_.status().annotate("key \"" + duplicate_ + "\"");
  }

  bool value(Value& out, int depth) {
    switch (scan_.peek()) {
      case '{': return object(out, depth);
      case '[': return array(out, depth);
      case '"': return string(out.mutable_string());
      case 't': out = Value(true); return scan_.literal("true");
      case 'f': out = Value(false); return scan_.literal("false");
      case 'n': return scan_.literal("null");
      default: return number(out);
    }
  }

  bool string(std::string& out) {
    std::string_view body;
    bool escaped = false;
    if (!scan_.quoted(body, escaped)) return false;
    out.assign(body);
    if (!escaped) return true;
    size_t length = 0;
    if (!scan_.unescape(body, scan_.halves(), out.data(), length)) return false;
    out.resize(length);
    return true;
  }

  bool number(Value& out) {
    Scanner::Number n;
    if (!scan_.number(n)) return false;
    switch (n.kind) {
      case Scanner::Number::Kind::kInt: out = Value(n.i); break;
      case Scanner::Number::Kind::kUint: out = Value(n.u); break;
      case Scanner::Number::Kind::kDouble: out = Value(n.d); break;
    }
    return true;
  }

  bool array(Value& out, int depth) {
    if (!enter(depth)) return false;
    auto& elements = out.mutable_array();
    if (scan_.peek() == ']') return scan_.expect(']', "");
    while (true) {
      if (!value(elements.emplace_back(), depth + 1)) return false;
      if (scan_.peek() != ',') return scan_.expect(']', "expected ',' or ']'");
      scan_.advance();
    }
  }

  bool object(Value& out, int depth) {
    const size_t begin = scan_.offset();
    if (!enter(depth)) return false;
    auto& members = out.mutable_object();
    if (scan_.peek() == '}') return scan_.expect('}', "");
    while (true) {
      const size_t at = scan_.offset();
      auto& member = members.emplace_back();
      if (!string(member.first)) return false;
      if (members.size() <= kLinearMembers && !unique_last(members, at)) return false;
      if (!scan_.expect(':', "expected ':' after the key") || !value(member.second, depth + 1)) return false;
      if (scan_.peek() != ',') break;
      scan_.advance();
    }
    if (!scan_.expect('}', "expected ',' or '}'")) return false;
    return members.size() <= kLinearMembers || unique_all(members, begin);
  }

  bool enter(int depth) {
    if (depth >= kMaxDepth)
      return scan_.fail(Scanner::Reason::kDepth, scan_.offset(), "too many nested arrays and objects");
    scan_.advance();
    return true;
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
    if (duplicate_.empty()) duplicate_ = "(empty)";
    return scan_.fail(Scanner::Reason::kDuplicateKey, at, what);
  }

  Scanner scan_;
  std::string duplicate_;  // the key, for the message
};

}  // namespace

StatusOr<Value> parse(std::string_view text, Halves halves) {
  TreeBuilder builder(halves);
  return builder.build(text);
}

}  // namespace tau::json
