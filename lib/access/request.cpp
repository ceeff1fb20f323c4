#include "access/request.h"

namespace tau::access {

StatusOr<json::Value> parse_request(std::string_view text) {
  if (text.size() > kMaxRequestDocumentBytes)
    return invalid_argument("invalid_request",
                            format("the request has more than {} bytes", kMaxRequestDocumentBytes));
  auto value = json::parse(text);
  if (!value.ok()) return invalid_argument("invalid_request", value.status().message());
  if (!value->is_object()) return invalid_argument("invalid_request", "the request is not an object");
  return value;
}

const json::Value& Request::object_or_none(std::string_view key) {
  static const json::Value kNone = json::Value::object();
  return has(key) ? object(key) : kNone;
}

std::string Request::document(std::string_view key) {
  const json::Value& value = value_[key];
  require(value.is_object() || (value.is_string() && !value.as_string().empty()),
          format("has no \"{}\" that is an object or its text", key));
  if (!ok()) return {};
  return value.is_object() ? json::write(value) : std::string(value.as_string());
}

}  // namespace tau::access
