#include "memory/json_fields.h"

#include <algorithm>

namespace tau::memory {
namespace {

const json::Value kNull;
const json::Value::Array kNone;

}  // namespace

void JsonFields::fail(std::string_view key, std::string_view wanted) {
  if (!status_.ok()) return;
  status_ = invalid_argument(
      "invalid_record", key.empty() ? format("wants {}", wanted) : format("\"{}\" wants {}", key, wanted));
}

// What is null is as good as absent.
const json::Value* JsonFields::find(std::string_view key) {
  asked_.push_back(key);
  const json::Value* const value = object_.find(key);
  return value == nullptr || value->is_null() ? nullptr : value;
}

std::string JsonFields::string(std::string_view key, std::string_view otherwise) {
  const json::Value* const value = find(key);
  if (value != nullptr && !value->is_string()) fail(key, "a string");
  return std::string(value == nullptr ? otherwise : value->as_string());
}

std::string JsonFields::required_string(std::string_view key) {
  if (!object_[key].is_string()) fail(key, "a string");
  return string(key);
}

int64_t JsonFields::integer(std::string_view key, int64_t otherwise) {
  const json::Value* const value = find(key);
  if (value == nullptr) return otherwise;
  if (value->kind() != json::Value::Kind::kInt) fail(key, "an integer");
  return value->as_int();
}

double JsonFields::number(std::string_view key, double otherwise) {
  const json::Value* const value = find(key);
  if (value == nullptr) return otherwise;
  if (!value->is_number()) fail(key, "a number");
  return value->as_double();
}

bool JsonFields::boolean(std::string_view key, bool otherwise) {
  const json::Value* const value = find(key);
  if (value == nullptr) return otherwise;
  if (!value->is_bool()) fail(key, "true or false");
  return value->as_bool();
}

std::vector<std::string> JsonFields::strings(std::string_view key) {
  std::vector<std::string> out;
  for (const json::Value& element : array(key)) {
    if (!element.is_string()) fail(key, "a list of strings");
    out.emplace_back(element.as_string());
  }
  return out;
}

const json::Value& JsonFields::object(std::string_view key) {
  const json::Value* const value = find(key);
  if (value == nullptr) return kNull;
  if (!value->is_object()) fail(key, "an object");
  return value->is_object() ? *value : kNull;
}

const json::Value::Array& JsonFields::array(std::string_view key) {
  const json::Value* const value = find(key);
  if (value == nullptr) return kNone;
  if (!value->is_array()) fail(key, "a list");
  return value->as_array();
}

json::Value JsonFields::others() const {
  json::Value out = json::Value::object();
  for (const auto& [key, value] : object_.as_object())
    if (std::find(asked_.begin(), asked_.end(), key) == asked_.end())
      out.mutable_object().emplace_back(key, value);
  return out;
}

}  // namespace tau::memory
