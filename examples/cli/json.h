// A small JSON value: reads what the library answers and what a stdio client sends, builds what the library
// is told.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace cli {

// A JSON value. Numbers keep the text they were written with, objects the order of their members.
class Json {
 public:
  enum class Kind : uint8_t { kNull, kBool, kNumber, kString, kArray, kObject };
  using Member = std::pair<std::string, Json>;

  Json() = default;
  static Json boolean(bool value);
  static Json number(int64_t value);
  static Json string(std::string_view value);
  static Json array();
  static Json object();
  // RFC 8259, at most 128 levels deep. Nothing when `text` is not one JSON value; *where then tells the byte.
  static std::optional<Json> parse(std::string_view text, size_t* where = nullptr);

  Kind kind() const { return kind_; }
  bool is_null() const { return kind_ == Kind::kNull; }
  bool is_string() const { return kind_ == Kind::kString; }
  bool is_object() const { return kind_ == Kind::kObject; }
  bool as_bool() const { return kind_ == Kind::kBool && text_ == "true"; }
  int64_t as_int() const;                // 0 for what is no integer
  const std::string& as_string() const;  // empty for what is no string
  const std::vector<Json>& items() const { return items_; }
  const std::vector<Member>& members() const { return members_; }

  // A member; null when there is none.
  const Json& operator[](std::string_view key) const;
  bool contains(std::string_view key) const;

  void push_back(Json value) { items_.push_back(std::move(value)); }
  Json& set(std::string_view key, Json value);
  // Sets "a.b.c", making objects on the way; false when something on the way is no object.
  bool set_path(std::string_view path, Json value);

  // A key that occurs twice in one object, here or below; empty when there is none.
  std::string duplicate_key() const;

  std::string dump() const;

 private:
  friend class JsonReader;
  void dump_to(std::string& out) const;

  Kind kind_ = Kind::kNull;
  std::string text_;  // of a string: decoded; of a number: as written; of a bool: true or false
  std::vector<Json> items_;
  std::vector<Member> members_;
};

// `text` as a JSON string with its quotes. Bytes that are no UTF-8 become U+FFFD.
std::string quote(std::string_view text);

}  // namespace cli
