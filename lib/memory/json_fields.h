// Members of a JSON object by their kinds, for records of files that anybody may have written: what is of
// another kind than it should be is an error that names it. Private to imports.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "json/json.h"

namespace tau::memory {

// Reads the members of one object. The first error stays: ask for it when all is read.
class JsonFields {
 public:
  explicit JsonFields(const json::Value& object) : object_(object) {
    if (!object.is_object()) fail("", "an object");
  }
  std::string string(std::string_view key, std::string_view otherwise = {});
  std::string required_string(std::string_view key);
  int64_t integer(std::string_view key, int64_t otherwise);
  double number(std::string_view key, double otherwise);
  bool boolean(std::string_view key, bool otherwise);
  std::vector<std::string> strings(std::string_view key);
  // An object, or the null value.
  const json::Value& object(std::string_view key);
  const json::Value::Array& array(std::string_view key);
  // Members that nobody has asked for.
  json::Value others() const;
  const Status& status() const { return status_; }

 private:
  const json::Value* find(std::string_view key);
  void fail(std::string_view key, std::string_view wanted);

  const json::Value& object_;
  std::vector<std::string_view> asked_;
  Status status_;
};

}  // namespace tau::memory
