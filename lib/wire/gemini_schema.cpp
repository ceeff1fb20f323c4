// JSON Schema and the subset of it that Gemini has had from the beginning. What does not fit the subset goes
// into the newer members that take JSON Schema.
#include <algorithm>
#include <functional>
#include <iterator>
#include <utility>

#include "wire/gemini.h"

namespace tau::wire::gemini {
namespace {

constexpr std::pair<std::string_view, std::string_view> kTypes[] = {
    {"array", "ARRAY"},   {"boolean", "BOOLEAN"}, {"integer", "INTEGER"}, {"null", "NULL"},
    {"number", "NUMBER"}, {"object", "OBJECT"},   {"string", "STRING"}};
constexpr std::string_view kKeywords[] = {
    "anyOf",    "default",   "description",   "enum",       "example",          "format",    "items",
    "maxItems", "maxLength", "maxProperties", "maximum",    "minItems",         "minLength", "minProperties",
    "minimum",  "nullable",  "pattern",       "properties", "propertyOrdering", "required",  "title",
    "type"};
constexpr std::string_view kFormats[] = {"enum", "date-time", "float", "double", "int32", "int64"};

template <class List>
bool holds(const List& list, std::string_view wanted) {
  return std::find(std::begin(list), std::end(list), wanted) != std::end(list);
}

// Visits a schema and those within it.
void for_each_schema(json::Value& schema, const std::function<void(json::Value&)>& visit) {
  if (!schema.is_object()) return;
  visit(schema);
  if (json::Value* properties = schema.find("properties"); properties != nullptr && properties->is_object())
    for (auto& [name, property] : properties->mutable_object()) for_each_schema(property, visit);
  if (json::Value* items = schema.find("items")) for_each_schema(*items, visit);
  if (json::Value* any = schema.find("anyOf"); any != nullptr && any->is_array())
    for (json::Value& item : any->mutable_array()) for_each_schema(item, visit);
}

json::Value with_types(const json::Value& schema, bool capitals) {
  json::Value out = schema;
  for_each_schema(out, [capitals](json::Value& part) {
    const std::string_view type = part["type"].as_string();
    for (const auto& [small, capital] : kTypes)
      if (type == (capitals ? small : capital)) {
        part.set("type", capitals ? capital : small);
        return;
      }
  });
  return out;
}

bool fits(const json::Value& schema) {
  bool all = true;
  json::Value copy = schema;
  for_each_schema(copy, [&all](json::Value& part) {
    for (const auto& [key, value] : part.as_object()) all = all && holds(kKeywords, key);
    const json::Value* type = part.find("type");
    const bool known =
        type == nullptr || std::any_of(std::begin(kTypes), std::end(kTypes), [&](const auto& t) {
          return type->as_string() == t.first || type->as_string() == t.second;
        });
    const json::Value* format = part.find("format");
    all = all && known && (format == nullptr || holds(kFormats, format->as_string()));
    for (const json::Value& word : part["enum"].as_array()) all = all && word.is_string();
    for (const std::string_view key : {"items", "properties"})
      if (const json::Value* inner = part.find(key)) all = all && inner->is_object();
  });
  return all && schema.is_object();
}

}  // namespace

std::string decode_schema(const json::Value& schema, std::string_view form, ObjectReader& notes) {
  const json::Value small = with_types(schema, false);
  std::string text = json::write(small);
  // What would not come back as it was stays as it is.
  if (small == schema || !(with_types(small, true) == schema)) return json::write(schema);
  notes.form(form, "true");
  return text;
}

std::string encode_schema(const std::string& schema, bool capitals) {
  const StatusOr<json::Value> value = json::parse(capitals ? schema : std::string());
  return value.ok() ? json::write(with_types(*value, true)) : schema;
}

bool fits_subset(std::string_view schema) {
  const StatusOr<json::Value> value = json::parse(schema);
  return value.ok() && fits(*value);
}

bool has_no_members(std::string_view schema) {
  const StatusOr<json::Value> value = json::parse(schema);
  if (!value.ok() || !value->is_object()) return false;
  const std::string_view type = (*value)["type"].as_string("object");
  return type == "object" && (*value)["properties"].size() == 0 &&
         std::all_of(value->as_object().begin(), value->as_object().end(), [](const auto& member) {
           return member.first == "type" || member.first == "properties" || member.first == "required" ||
                  member.first == "additionalProperties" || member.first == "$schema" ||
                  member.first == "title" || member.first == "description";
         });
}

}  // namespace tau::wire::gemini
