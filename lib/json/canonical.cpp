// RFC 8785, the JSON canonicalization scheme.
#include "json/canonical.h"

#include <algorithm>

#include "json/json.h"
#include "json/number.h"
#include "json/walk.h"

namespace tau::json {
namespace {

// The order of UTF-16 code units, on UTF-8. It is the order of bytes but for one case: characters above
// U+FFFF (lead bytes from F0) are surrogates in UTF-16, and those sort before U+E000..U+FFFF (lead bytes EE
// and EF).
bool utf16_less(std::string_view a, std::string_view b) {
  const auto [x, y] = std::mismatch(a.begin(), a.end(), b.begin(), b.end());
  if (y == b.end()) return false;
  if (x == a.end()) return true;
  const auto p = static_cast<uint8_t>(*x);
  const auto q = static_cast<uint8_t>(*y);
  const bool p_surrogate = p >= 0xF0;
  const bool q_surrogate = q >= 0xF0;
  if (p_surrogate != q_surrogate && std::min(p, q) >= 0xEE) return p_surrogate;
  return p < q;
}

class CanonicalSink {
 public:
  CanonicalSink(std::string& out, bool exact) : out_(out), exact_(exact) {}
  void scalar(const Value& v) {
    if (v.kind() != Value::Kind::kDouble) return write(v, out_);
    if (exact_ && compare_numbers(v, Value(v.as_int())) == 0) return append_integer(out_, v.as_int());
    if (exact_ && compare_numbers(v, Value(v.as_uint())) == 0)
      return append_integer(out_, Value(v.as_uint()));
    append_ecma_double(out_, v.as_double());
  }
  void open(char bracket) { out_ += bracket; }
  void close(char bracket, bool, size_t) { out_ += bracket; }
  void before_element(bool first, size_t) {
    if (!first) out_ += ',';
  }
  void key(std::string_view name) {
    append_string(out_, name);
    out_ += ':';
  }
  static std::vector<const Value::Member*> order(const Value::Object& object) {
    std::vector<const Value::Member*> members;
    members.reserve(object.size());
    for (const auto& member : object) members.push_back(&member);
    std::sort(members.begin(), members.end(),
              [](auto* a, auto* b) { return utf16_less(a->first, b->first); });
    return members;
  }

 private:
  std::string& out_;
  bool exact_;  // integral doubles as the integers they equal
};

}  // namespace

std::string canonical(const Value& value) {
  std::string out;
  walk(value, CanonicalSink(out, false));
  return out;
}

std::string equality_key(const Value& value) {
  std::string out;
  walk(value, CanonicalSink(out, true));
  return out;
}

}  // namespace tau::json
