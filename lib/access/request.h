// The requests of hosts: closed JSON objects, some of whose members may be absent. Private to access.
#pragma once

#include <string>
#include <string_view>

#include "access/fields.h"

namespace tau::access {

inline constexpr size_t kMaxRequestDocumentBytes = size_t{4} << 20;

// INVALID_ARGUMENT "invalid_request".
StatusOr<json::Value> parse_request(std::string_view text);

// Reads one; failures are INVALID_ARGUMENT "invalid_request".
class Request : public Fields {
 public:
  explicit Request(const json::Value& value)
      : Fields(value, "the request", "invalid_request"), value_(value) {}

  std::string text_or(std::string_view key, std::string_view otherwise, size_t most) {
    return has(key) ? text(key, most) : std::string(otherwise);
  }
  int64_t time_or(std::string_view key, int64_t otherwise) { return has(key) ? time(key) : otherwise; }
  const json::Value& object_or_none(std::string_view key);
  // An object, or its text: what is signed and travels as either.
  std::string document(std::string_view key);

 private:
  const json::Value& value_;
};

}  // namespace tau::access
