// The compiled form of a JSON Schema: a graph of nodes that owns all it needs.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <unordered_map>
#include <vector>

#include "base/regex.h"
#include "json/json.h"

namespace tau::json {

struct SchemaNode;

// A schema with its own URI: what $dynamicRef looks through.
struct SchemaResource {
  std::string uri;
  std::unordered_map<std::string, const SchemaNode*> dynamic_anchors;
};

// Bits of "type".
enum TypeBit : uint8_t {
  kTypeNull = 1,
  kTypeBoolean = 2,
  kTypeInteger = 4,
  kTypeNumber = 8,
  kTypeString = 16,
  kTypeArray = 32,
  kTypeObject = 64,
};

// What is known of one property name: sorted, so that one pass over an instance serves several keywords.
struct PropertyRule {
  std::string name;
  const SchemaNode* schema = nullptr;
  bool required = false;
};

struct PatternRule {
  std::string text;
  Regex regex;
  const SchemaNode* schema;
};

struct DependentRule {
  std::string name;
  std::vector<std::string> required;
  const SchemaNode* schema = nullptr;
  const char* keyword;
};

struct NumberRule {
  enum class Kind : uint8_t { kMinimum, kExclusiveMinimum, kMaximum, kExclusiveMaximum, kMultipleOf } kind;
  Value bound;
};

// A count keyword pair; absent maxima are SIZE_MAX.
struct SizeRule {
  size_t min = 0;
  size_t max = SIZE_MAX;
};

struct SchemaNode {
  std::string location;  // JSON Pointer, after "uri#" when outside the root document
  const SchemaResource* resource = nullptr;
  std::optional<bool> boolean;  // a schema that is true or false; nothing else is set

  std::optional<uint8_t> types;
  std::optional<Value> constant;
  std::optional<std::vector<Value>> choices;
  std::vector<NumberRule> numbers;
  SizeRule length;
  SizeRule items_count;
  SizeRule members_count;
  SizeRule contains_count{1, SIZE_MAX};
  bool unique_items = false;
  std::optional<Regex> pattern;
  std::string pattern_text;
  std::string format;  // only when it is asserted

  std::vector<PropertyRule> properties;
  size_t required_count = 0;
  std::vector<PatternRule> pattern_properties;
  const SchemaNode* additional_properties = nullptr;
  const SchemaNode* property_names = nullptr;
  std::vector<DependentRule> dependents;

  std::vector<const SchemaNode*> prefix_items;
  const SchemaNode* items = nullptr;  // for the elements after the prefix
  const char* prefix_keyword = "prefixItems";
  const char* items_keyword = "items";
  const SchemaNode* contains = nullptr;
  bool contains_evaluates = true;  // draft-07 knows no unevaluatedItems

  const SchemaNode* ref = nullptr;
  const SchemaNode* dynamic_ref = nullptr;
  std::string dynamic_anchor;  // of dynamic_ref; empty when the reference resolves like $ref
  std::vector<const SchemaNode*> all_of;
  std::vector<const SchemaNode*> any_of;
  std::vector<const SchemaNode*> one_of;
  const SchemaNode* negation = nullptr;
  const SchemaNode* condition = nullptr;
  const SchemaNode* then = nullptr;
  const SchemaNode* otherwise = nullptr;

  const SchemaNode* unevaluated_properties = nullptr;
  const SchemaNode* unevaluated_items = nullptr;
};

struct SchemaGraph {
  std::vector<std::unique_ptr<SchemaNode>> nodes;
  std::vector<std::unique_ptr<SchemaResource>> resources;
  const SchemaNode* root = nullptr;
};

struct Schema::Impl {
  SchemaGraph graph;
};

// The metaschema text of a JSON Schema URI without fragment; empty when it is not one of ours.
std::string_view metaschema_text(std::string_view uri);

// Whether `text` has the form that `format` names; true for names we do not know.
bool check_format(std::string_view format, std::string_view text);

}  // namespace tau::json
