// How the monitor looks into arguments. Private to safety.
#pragma once

#include <algorithm>
#include <charconv>
#include <string_view>

#include "json/json.h"
#include "safety/monitor_text.h"

namespace tau::safety {

inline constexpr size_t kMaxMatchedBytes = 16 << 10;

bool is_shallow(const json::Value& value, int depth);
// '*' is any text, '?' any one byte; quadratic at worst, over at most kMaxMatchedBytes.
bool matches_pattern(std::string_view text, std::string_view pattern);
// Whether two texts have the same canonical tokens.
bool same_tokens(std::string_view a, std::string_view b);
// Equal for texts with the same tokens.
uint64_t tokens_hash(std::string_view text);
// Whether the one token that `value` is stands in the text; looks at its first megabyte.
bool holds_token(std::string_view text, std::string_view value);
// Whether the tokens of `value` stand in the text, one after the other; looks at its first megabyte.
bool holds_tokens(std::string_view text, std::string_view value);
// Whether the text holds another e-mail address whose local part has the same letters.
bool holds_namesake(std::string_view text, std::string_view email);
// One to three words without digits: what a service's own directory knows, no address and no account.
bool is_plain_name(std::string_view value);
// Whose words a call was made with, as far as its texts go. Arguments that cannot be read are another's.
enum class AskedBy : uint8_t { kNobody, kUser, kOther };
AskedBy asked_by(const UserText& user, std::string_view arguments_json);

// Every value inside `value`, as text; of objects the keys too. Null says nothing.
template <class Visit>
void each_leaf(const json::Value& value, Visit&& visit) {
  char digits[32];
  const auto number = [&](auto n) {
    const std::to_chars_result end = std::to_chars(digits, digits + sizeof digits, n);
    visit(std::string_view(digits, static_cast<size_t>(end.ptr - digits)));
  };
  switch (value.kind()) {
    case json::Value::Kind::kNull: return;
    case json::Value::Kind::kBool: return visit(std::string_view(value.as_bool() ? "true" : "false"));
    case json::Value::Kind::kInt: return number(value.as_int());
    case json::Value::Kind::kUint: return number(value.as_uint());
    case json::Value::Kind::kDouble: return number(value.as_double());
    case json::Value::Kind::kString: return visit(value.as_string());
    case json::Value::Kind::kArray:
      for (const json::Value& element : value.as_array()) each_leaf(element, visit);
      return;
    case json::Value::Kind::kObject:
      for (const auto& [key, member] : value.as_object()) {
        visit(std::string_view(key));
        each_leaf(member, visit);
      }
      return;
  }
}

// The same of the argument of this name; "to.address" is a member of an object, or of each object of a list.
template <class Visit>
void each_leaf_at(const json::Value& value, std::string_view path, Visit&& visit) {
  if (path.empty()) return each_leaf(value, visit);
  if (value.is_array()) {
    for (const json::Value& element : value.as_array()) each_leaf_at(element, path, visit);
    return;
  }
  if (const json::Value* whole = value.find(path)) return each_leaf(*whole, visit);
  const size_t dot = path.find('.');
  if (dot == path.npos) return;
  if (const json::Value* part = value.find(path.substr(0, dot)))
    each_leaf_at(*part, path.substr(dot + 1), visit);
}

}  // namespace tau::safety
