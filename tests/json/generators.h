// Arbitrary JSON values for property tests.
#pragma once

#include <rapidcheck.h>

#include <algorithm>
#include <cmath>

#include "json/json.h"

namespace tau::json::testing {

// Well-formed UTF-8 with what writers and readers get wrong: escapes, NUL, characters beyond U+FFFF.
inline rc::Gen<std::string> text() {
  const auto piece = rc::gen::elementOf(std::vector<std::string>{"a",
                                                                 "b",
                                                                 "key",
                                                                 "\"",
                                                                 "\\",
                                                                 "/",
                                                                 "\n",
                                                                 "\t",
                                                                 std::string(1, '\0'),
                                                                 "\x1f",
                                                                 "\x7f",
                                                                 "\xC3\xA9",
                                                                 "\xE2\x82\xAC",
                                                                 "\xEE\x80\x80",
                                                                 "\xEF\xBF\xBD",
                                                                 "\xF0\x9F\x98\x80",
                                                                 " ",
                                                                 "{",
                                                                 "]",
                                                                 ":",
                                                                 "a longer run"});
  return rc::gen::map(rc::gen::container<std::vector<std::string>>(piece), [](const auto& pieces) {
    std::string all;
    for (const auto& p : pieces) all += p;
    return all;
  });
}

inline rc::Gen<double> finite_double() {
  return rc::gen::map(rc::gen::arbitrary<uint64_t>(), [](uint64_t bits) {
    double d = 0;
    std::memcpy(&d, &bits, sizeof d);
    return std::isfinite(d) ? d : 0.5;
  });
}

inline rc::Gen<Value> scalar() {
  return rc::gen::oneOf(rc::gen::just(Value()),
                        rc::gen::map(rc::gen::arbitrary<bool>(), [](bool b) { return Value(b); }),
                        rc::gen::map(rc::gen::arbitrary<int64_t>(), [](int64_t i) { return Value(i); }),
                        rc::gen::map(rc::gen::arbitrary<uint64_t>(), [](uint64_t u) { return Value(u); }),
                        rc::gen::map(finite_double(), [](double d) { return Value(d); }),
                        rc::gen::map(rc::gen::inRange(-100, 100), [](int i) { return Value(i / 4.0); }),
                        rc::gen::map(text(), [](const std::string& s) { return Value(s); }));
}

inline rc::Gen<Value> value(int depth = 3) {
  if (depth == 0) return scalar();
  const auto inner = rc::gen::container<std::vector<Value>>(
      rc::gen::resize(4, rc::gen::lazy([depth] { return value(depth - 1); })));
  const auto array =
      rc::gen::map(rc::gen::resize(5, inner), [](Value::Array a) { return Value(std::move(a)); });
  const auto object = rc::gen::map(
      rc::gen::pair(rc::gen::resize(5, inner), rc::gen::container<std::vector<std::string>>(text())),
      [](const std::pair<Value::Array, std::vector<std::string>>& parts) {
        Value v = Value::object();
        for (size_t i = 0; i < std::min(parts.first.size(), parts.second.size()); ++i)
          v.set(parts.second[i], parts.first[i]);
        return v;
      });
  return rc::gen::oneOf(scalar(), array, object);
}

// The same value with the members of every object in another order.
inline Value reversed(const Value& v) {
  if (v.is_array()) {
    Value out = Value::array();
    for (const auto& element : v.as_array()) out.push_back(reversed(element));
    return out;
  }
  if (!v.is_object()) return v;
  Value out = Value::object();
  const auto& members = v.as_object();
  for (auto it = members.rbegin(); it != members.rend(); ++it) out.set(it->first, reversed(it->second));
  return out;
}

// Reads the rest of the reader's value as a tree; false on failure.
inline bool read_tree(Reader& r, Value& out) {
  switch (r.kind()) {
    case Value::Kind::kObject: {
      out = Value::object();
      if (!r.enter_object()) return false;
      std::string_view key;
      while (r.next_key(key)) {
        auto& member = out.mutable_object().emplace_back(std::string(key), Value());
        if (!read_tree(r, member.second)) return false;
      }
      return r.status().ok();
    }
    case Value::Kind::kArray: {
      out = Value::array();
      if (!r.enter_array()) return false;
      while (r.next_element())
        if (!read_tree(r, out.mutable_array().emplace_back())) return false;
      return r.status().ok();
    }
    case Value::Kind::kString: {
      std::string_view s;
      if (!r.string(s)) return false;
      out = Value(s);
      return true;
    }
    case Value::Kind::kBool: {
      bool b = false;
      if (!r.boolean(b)) return false;
      out = Value(b);
      return true;
    }
    case Value::Kind::kInt: {
      // raw and parse: integers above INT64_MAX have no typed call.
      std::string_view raw;
      if (!r.raw(raw)) return false;
      out = parse(raw).value();
      return true;
    }
    case Value::Kind::kDouble: {
      double d = 0;
      if (!r.number(d)) return false;
      out = Value(d);
      return true;
    }
    default: return r.null() || (r.skip() && false);
  }
}

}  // namespace tau::json::testing
