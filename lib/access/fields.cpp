#include "access/fields.h"

#include <algorithm>
#include <cmath>

#include "crypto/crypto.h"

namespace tau::access {

bool has_safe_numbers(const json::Value& value) {
  switch (value.kind()) {
    case json::Value::Kind::kUint: return false;  // beyond 2^63
    case json::Value::Kind::kInt: return value.as_int() <= kMostInteger && value.as_int() >= -kMostInteger;
    case json::Value::Kind::kDouble: return std::fabs(value.as_double()) <= static_cast<double>(kMostInteger);
    case json::Value::Kind::kArray:
      return std::all_of(value.as_array().begin(), value.as_array().end(), has_safe_numbers);
    case json::Value::Kind::kObject:
      return std::all_of(value.as_object().begin(), value.as_object().end(),
                         [](const auto& member) { return has_safe_numbers(member.second); });
    default: return true;
  }
}

Status refuse(std::string_view reason, std::string_view message) {
  return Status(Code::kUnauthenticated, reason, message);
}

Fields::Fields(const json::Value& value, std::string_view what, std::string_view reason)
    : value_(value), what_(what), reason_(reason) {
  require(value.is_object(), "is not an object");
}

void Fields::require(bool law, std::string_view complaint) {
  if (!law && status_.ok()) status_ = invalid_argument(reason_, format("{} {}", what_, complaint));
}

const json::Value* Fields::find(std::string_view key) {
  if (!ok()) return nullptr;
  const json::Value* const found = value_.find(key);
  require(found != nullptr, format("has no \"{}\"", key));
  return found;
}

std::string Fields::text(std::string_view key, size_t most) {
  const json::Value* const found = find(key);
  if (found == nullptr) return {};
  const std::string_view text = found->as_string();
  require(!text.empty() && text.size() <= most,
          format("has no \"{}\" that is a string of 1 to {} bytes", key, most));
  return ok() ? std::string(text) : std::string();
}

int64_t Fields::integer(std::string_view key, int64_t least, int64_t most) {
  const json::Value* const found = find(key);
  if (found == nullptr) return 0;
  const int64_t number = found->as_int(least);
  require(found->is_integer() && number >= least && number <= most,
          format("has no \"{}\" that is an integer from {} to {}", key, least, most));
  return ok() ? number : 0;
}

std::string Fields::bytes(std::string_view key, size_t least, size_t most) {
  const std::string encoded = text(key, most * 2);
  if (!ok()) return {};
  auto decoded = crypto::base64url_decode(encoded);
  require(decoded.ok() && decoded->size() >= least && decoded->size() <= most,
          format("has no \"{}\" that is {} to {} bytes in base64url", key, least, most));
  return ok() ? *std::move(decoded) : std::string();
}

const json::Value& Fields::array(std::string_view key, size_t least, size_t most) {
  static const json::Value kEmpty = json::Value::array();
  const json::Value* const found = find(key);
  if (found == nullptr) return kEmpty;
  require(found->is_array() && found->size() >= least && found->size() <= most,
          format("has no \"{}\" that is an array of {} to {} items", key, least, most));
  return ok() ? *found : kEmpty;
}

const json::Value& Fields::object(std::string_view key) {
  static const json::Value kEmpty = json::Value::object();
  const json::Value* const found = find(key);
  if (found == nullptr) return kEmpty;
  require(found->is_object(), format("has no \"{}\" that is an object", key));
  return ok() ? *found : kEmpty;
}

Status Fields::finish(std::initializer_list<std::string_view> known) {
  if (ok())
    for (const auto& [key, ignored] : value_.as_object())
      require(std::find(known.begin(), known.end(), key) != known.end(),
              format("has an unknown \"{}\"", key));
  return status_;
}

}  // namespace tau::access
