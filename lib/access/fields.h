// Reading a closed JSON object: what it must have, what it may have, and nothing else.
#pragma once

#include <cstdint>
#include <initializer_list>
#include <string>
#include <string_view>

#include "json/json.h"

namespace tau::access {

// Integers and times on the wire stay within what every JSON implementation reads exactly (RFC 8785).
inline constexpr int64_t kMostInteger = (int64_t{1} << 53) - 1;

// False where a number of the document has no one canonical text in every implementation.
bool has_safe_numbers(const json::Value& value);

// UNAUTHENTICATED: a statement that is not accepted.
Status refuse(std::string_view reason, std::string_view message);

// The first failure stays; every call after it gives nothing.
class Fields {
 public:
  // The failures are INVALID_ARGUMENT `reason`, and name `what`. All outlive this object.
  Fields(const json::Value& value, std::string_view what, std::string_view reason);

  // 1 to `most` bytes.
  std::string text(std::string_view key, size_t most);
  int64_t integer(std::string_view key, int64_t least, int64_t most);
  // Milliseconds or seconds since 1970.
  int64_t time(std::string_view key) { return integer(key, 0, kMostInteger); }
  // base64url of `least` to `most` bytes.
  std::string bytes(std::string_view key, size_t least, size_t most);
  // Never null; an empty array after a failure.
  const json::Value& array(std::string_view key, size_t least, size_t most);
  const json::Value& object(std::string_view key);
  bool has(std::string_view key) const { return value_.contains(key); }
  void require(bool law, std::string_view complaint);

  bool ok() const { return status_.ok(); }
  // Whether all went well and the object has no members but `known`.
  Status finish(std::initializer_list<std::string_view> known);

 private:
  const json::Value* find(std::string_view key);

  const json::Value& value_;
  std::string_view what_, reason_;
  Status status_;
};

}  // namespace tau::access
