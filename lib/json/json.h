// The public face of json: documents, a pull reader for hot paths, a writer, canonical form, JSON Schema.
//
// Parsing is strict everywhere: valid UTF-8, no duplicate keys, no NaN or infinity, no integer outside
// [-2^63, 2^64), bounded depth. Text that a strict parser refuses never reaches policy or a tool. Only where
// a caller asks for it do halves of characters pass.
#pragma once

#include <cstdint>
#include <cstring>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

#include "base/base.h"

namespace tau::json {

inline constexpr int kMaxDepth = 128;

// One JSON value. Objects keep the order of their members; lookups are linear (documents here are small).
class Value {
 public:
  using Array = std::vector<Value>;
  using Member = std::pair<std::string, Value>;
  using Object = std::vector<Member>;
  enum class Kind : uint8_t { kNull, kBool, kInt, kUint, kDouble, kString, kArray, kObject };

  Value() = default;  // null
  Value(const Value& other);
  Value(Value&& other) noexcept = default;
  // Safe when `other` is a part of this value.
  Value& operator=(const Value& other);
  Value& operator=(Value&& other) noexcept;
  ~Value();
  Value(std::nullptr_t) {}
  Value(bool b) : v_(b) {}
  Value(int i) : v_(int64_t{i}) {}
  Value(unsigned u) : v_(int64_t{u}) {}
  Value(int64_t i) : v_(i) {}
  Value(uint64_t u);  // stored as int64 when it fits, so that equal numbers compare equal
  Value(double d) : v_(d) {}
  Value(const char* s) : v_(std::string(s)) {}
  Value(std::string s) : v_(std::move(s)) {}
  Value(std::string_view s) : v_(std::string(s)) {}
  Value(Array a) : v_(std::move(a)) {}
  Value(Object o) : v_(std::move(o)) {}
  static Value object() { return Value(Object{}); }
  static Value array() { return Value(Array{}); }

  Kind kind() const { return static_cast<Kind>(v_.index()); }
  bool is_null() const { return kind() == Kind::kNull; }
  bool is_bool() const { return kind() == Kind::kBool; }
  bool is_integer() const { return kind() == Kind::kInt || kind() == Kind::kUint; }
  bool is_number() const { return is_integer() || kind() == Kind::kDouble; }
  bool is_string() const { return kind() == Kind::kString; }
  bool is_array() const { return kind() == Kind::kArray; }
  bool is_object() const { return kind() == Kind::kObject; }

  // Typed access with a default for another kind: reading foreign JSON needs no branches.
  bool as_bool(bool otherwise = false) const;
  int64_t as_int(int64_t otherwise = 0) const;     // an integral double in range counts
  uint64_t as_uint(uint64_t otherwise = 0) const;  // likewise
  double as_double(double otherwise = 0) const;
  std::string_view as_string(std::string_view otherwise = {}) const;
  const Array& as_array() const;    // empty for another kind
  const Object& as_object() const;  // empty for another kind

  // Null pointer when absent or not an object.
  const Value* find(std::string_view key) const;
  Value* find(std::string_view key);
  // Null value when absent: value["a"]["b"].as_string().
  const Value& operator[](std::string_view key) const;
  bool contains(std::string_view key) const { return find(key) != nullptr; }
  size_t size() const;  // elements or members

  // Makes this an object if it is null; sets or replaces a member, or removes it.
  Value& set(std::string_view key, Value value);
  bool erase(std::string_view key);
  // Makes this an array if it is null.
  Value& push_back(Value value);
  Array& mutable_array();
  Object& mutable_object();
  std::string& mutable_string();

  // Equal in meaning: members in any order, 1 == 1.0.
  bool operator==(const Value& other) const;

 private:
  bool holds_containers() const;
  static void release(Value& value, int depth, std::vector<Value>& late);
  std::variant<std::monostate, bool, int64_t, uint64_t, double, std::string, Array, Object> v_;
};

// A surrogate that stands alone in an escape: "\ud83d" without its other half, as models write it now and
// then.
enum class Halves : uint8_t {
  kRefuse,   // it is "invalid_utf8"
  kReplace,  // it becomes U+FFFD
  kKeep      // it stays what it is, in the three bytes that UTF-8 would need, which nothing else yields
};

// Parses one document. INVALID_ARGUMENT with reason "invalid_json", "duplicate_key", "invalid_utf8",
// "number_out_of_range" or "too_deep"; the message says where.
StatusOr<Value> parse(std::string_view text, Halves halves = Halves::kRefuse);

// Compact text. Strings are escaped minimally; doubles are the shortest that read back equal and keep a
// ".0" when they are integral, so that kinds survive a round trip. NaN and infinity become null.
std::string write(const Value& value);
void write(const Value& value, std::string& out);
std::string write_pretty(const Value& value);  // two-space indentation

// RFC 8785 (JCS): for hashing and comparing only. Integers beyond 2^53, which the RFC leaves to strings, keep
// all their digits, so that different integers never share a form. Doubles from 2^64 to 10^21 come out as
// plain digits, as the RFC has it, and parse() refuses those: do not read canonical text back.
std::string canonical(const Value& value);

// Appends the JSON string literal of `text`, quotes included; ill-formed UTF-8 becomes U+FFFD.
void append_string(std::string& out, std::string_view text);

// Builds compact JSON at the end of a string; commas are placed by the writer. The caller keeps the nesting
// right. For hot paths: no tree is built, and short pieces are put together here first. The text is in the
// string once the outermost value is complete.
class Writer {
 public:
  explicit Writer(std::string& out) : out_(out) {}
  Writer(const Writer&) = delete;
  Writer& operator=(const Writer&) = delete;
  Writer& begin_object() { return open('{'); }
  Writer& end_object() { return close('}'); }
  Writer& begin_array() { return open('['); }
  Writer& end_array() { return close(']'); }
  Writer& key(std::string_view name);
  // A literal is written as it is: plain ASCII without quotes and backslashes.
  template <size_t N>
  Writer& key(const char (&name)[N]) {
    static_assert(N < kBuffer / 2);
    char* at = begin_value(N + 2);
    *at++ = '"';
    std::memcpy(at, name, N - 1);
    at += N - 1;
    *at++ = '"';
    *at++ = ':';
    set_end(at);
    need_comma_ = false;
    return *this;
  }
  Writer& string(std::string_view text);
  Writer& integer(int64_t n);
  Writer& number(double d);
  Writer& boolean(bool b);
  Writer& null();
  Writer& raw(std::string_view json);  // one complete JSON value, as it is
  Writer& value(const Value& v);
  // key + value in one call; `name` as for key()
  template <class Name>
  Writer& field(Name&& name, std::string_view text) {
    return key(std::forward<Name>(name)).string(text);
  }
  template <class Name>
  Writer& field(Name&& name, const char* text) {
    return key(std::forward<Name>(name)).string(text);
  }
  template <class Name>
  Writer& field(Name&& name, const std::string& text) {
    return key(std::forward<Name>(name)).string(text);
  }
  template <class Name>
  Writer& field(Name&& name, int64_t n) {
    return key(std::forward<Name>(name)).integer(n);
  }
  template <class Name>
  Writer& field(Name&& name, int n) {
    return key(std::forward<Name>(name)).integer(n);
  }
  template <class Name>
  Writer& field(Name&& name, bool b) {
    return key(std::forward<Name>(name)).boolean(b);
  }
  template <class Name>
  Writer& field_raw(Name&& name, std::string_view json) {
    return key(std::forward<Name>(name)).raw(json);
  }

 private:
  static constexpr size_t kBuffer = 256;

  // Room for a comma and `bytes` more, the comma set where one is due.
  char* begin_value(size_t bytes) {
    if (kBuffer - size_ < bytes + 1) spill();
    if (need_comma_) buffer_[size_++] = ',';
    need_comma_ = true;
    return buffer_ + size_;
  }
  void set_end(const char* end) { size_ = static_cast<size_t>(end - buffer_); }
  Writer& end_value() {
    if (depth_ <= 0) spill();
    return *this;
  }
  Writer& open(char bracket) {
    *begin_value(1) = bracket;
    ++size_;
    ++depth_;
    need_comma_ = false;
    return *this;
  }
  Writer& close(char bracket) {
    if (size_ == kBuffer) spill();
    buffer_[size_++] = bracket;
    --depth_;
    need_comma_ = true;
    return end_value();
  }
  void spill();

  std::string& out_;
  size_t size_ = 0;  // of the text in `buffer_` that is not in `out_` yet
  int depth_ = 0;    // containers that are open
  bool need_comma_ = false;
  char buffer_[kBuffer];
};

// A compiled JSON Schema: drafts 2020-12 (default) and draft-07 by "$schema". References resolve within the
// document; remote ones only through `documents` (uri -> schema) and to the two metaschemas. Patterns run in
// linear time: look-around and back references are refused. Evaluation has a step budget; an instance that
// exceeds it is invalid. Immutable after compile: any thread. Numbers of the instance must be finite.
class Schema {
 public:
  struct Options {
    std::vector<std::pair<std::string, Value>> documents;
    bool assert_format = false;
    bool draft7 = false;  // the dialect of a schema without "$schema" is draft-07
  };
  struct Violation {
    std::string instance_path;  // JSON Pointer into the instance
    std::string schema_path;    // JSON Pointer into the schema
    std::string message;        // "expected integer, got string"
  };

  static StatusOr<Schema> compile(const Value& schema);  // INVALID_ARGUMENT "invalid_schema"
  static StatusOr<Schema> compile(const Value& schema, const Options& options);
  Schema(Schema&&) noexcept;
  Schema& operator=(Schema&&) noexcept;
  ~Schema();

  // Empty when valid; at most `limit` violations.
  std::vector<Violation> validate(const Value& instance, size_t limit = 8) const;
  // One line for a model or a person: "/path: expected integer, got string; …". Empty when valid.
  std::string explain(const Value& instance) const;

 private:
  struct Impl;
  explicit Schema(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

}  // namespace tau::json

// For hot paths: compact text without a tree, a pull reader, and what that need not read.
#include "json/compact.h"  // IWYU pragma: export
#include "json/reader.h"   // IWYU pragma: export
#include "json/shape.h"    // IWYU pragma: export
#include "json/shapes.h"   // IWYU pragma: export
