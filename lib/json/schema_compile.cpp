// From schema documents to the node graph. Work is queued, so references cost no stack.
#include <algorithm>

#include "base/format.h"
#include "json/pattern.h"
#include "json/schema_index.h"
#include "json/uri.h"

namespace tau::json {
namespace {

struct TypeName {
  std::string_view name;
  uint8_t bits;
};
constexpr TypeName kTypes[] = {
    {"null", kTypeNull},     {"boolean", kTypeBoolean}, {"integer", kTypeInteger}, {"number", kTypeNumber},
    {"string", kTypeString}, {"array", kTypeArray},     {"object", kTypeObject},
};

bool is_schema(const Value& v) { return v.is_object() || v.is_bool(); }

class Compiler {
 public:
  explicit Compiler(const Schema::Options& options) : options_(options), index_(options) {}

  StatusOr<SchemaGraph> run(const Value& schema) {
    if (!is_schema(schema)) return invalid_argument("invalid_schema", "a schema is an object or a boolean");
    index_.add_document(schema, "", true);
    for (const auto& [uri, document] : options_.documents)
      if (is_schema(document)) index_.add_document(document, split_fragment(uri).first, false);
    graph_.root = node_for(&schema);
    while (!queue_.empty() && error_.ok()) {
      const auto [value, node] = queue_.back();
      queue_.pop_back();
      compile(*value, *node);
    }
    if (!error_.ok()) return std::move(error_);
    return std::move(graph_);
  }

 private:
  void fail(std::string_view keyword, std::string_view what) {
    if (!error_.ok()) return;
    const std::string where =
        keyword.empty() ? node_->location : node_->location + "/" + std::string(keyword);
    error_ = invalid_argument("invalid_schema", format("{}: {}", where.empty() ? "(root)" : where, what));
  }

  SchemaNode* node_for(const Value* value) {
    if (const auto it = nodes_.find(value); it != nodes_.end()) return it->second;
    const Place* place = index_.place(value);
    SchemaNode* node = graph_.nodes.emplace_back(std::make_unique<SchemaNode>()).get();
    nodes_.emplace(value, node);
    node->location = place->location;
    IndexedResource& resource = *place->resource;
    if (resource.compiled == nullptr) {
      resource.compiled = graph_.resources.emplace_back(std::make_unique<SchemaResource>()).get();
      resource.compiled->uri = resource.uri;
      for (const auto& [name, target] : resource.dynamic_anchors)
        resource.compiled->dynamic_anchors.emplace(name, node_for(target));
    }
    node->resource = resource.compiled;
    queue_.emplace_back(value, node);
    return node;
  }

  void compile(const Value& schema, SchemaNode& node) {
    schema_ = &schema;
    node_ = &node;
    place_ = index_.place(&schema);
    dialect_ = &place_->resource->dialect;
    if (!dialect_->unsupported.empty()) return fail("", dialect_->unsupported);
    if (schema.is_bool()) {
      node.boolean = schema.as_bool();
      return;
    }
    references();
    if (dialect_->draft7 && schema.contains("$ref")) return;
    if (dialect_->validation) {
      types_and_values();
      numbers_and_sizes();
    }
    strings();
    // Required names and property schemas share one table.
    object_properties();
    if (dialect_->applicator) {
      object_rest();
      arrays();
      logic();
    }
    if (dialect_->unevaluated && !dialect_->draft7) {
      node.unevaluated_properties = one("unevaluatedProperties");
      node.unevaluated_items = one("unevaluatedItems");
    }
  }

  const Value* keyword(std::string_view name) const { return schema_->find(name); }

  const SchemaNode* child(const Value& v, std::string_view name) {
    if (is_schema(v) && index_.place(&v) != nullptr) return node_for(&v);
    fail(name, "must be a schema");
    return nullptr;
  }

  const SchemaNode* one(std::string_view name) {
    const Value* v = keyword(name);
    return v != nullptr ? child(*v, name) : nullptr;
  }

  std::vector<const SchemaNode*> many(std::string_view name) {
    std::vector<const SchemaNode*> all;
    const Value* v = keyword(name);
    if (v == nullptr) return all;
    if (!v->is_array()) fail(name, "must be an array of schemas");
    for (const auto& element : v->as_array()) all.push_back(child(element, name));
    return all;
  }

  const Value::Object& named(std::string_view name) {
    static const Value::Object empty;
    const Value* v = keyword(name);
    if (v == nullptr) return empty;
    if (!v->is_object()) fail(name, "must be an object");
    return v->as_object();
  }

  void names(const Value& list, std::string_view name, std::vector<std::string>& out) {
    if (!list.is_array()) fail(name, "must be an array of strings");
    for (const auto& element : list.as_array()) {
      if (!element.is_string()) fail(name, "must be an array of strings");
      out.emplace_back(element.as_string());
    }
  }

  void count(std::string_view name, size_t& out) {
    const Value* v = keyword(name);
    if (v == nullptr) return;
    const Value n(v->as_uint());
    if (!v->is_number() || *v != n) return fail(name, "must be a non-negative integer");
    out = n.as_uint();
  }

  std::optional<Regex> regex(std::string_view pattern, std::string_view name) {
    auto translated = translate_pattern(pattern);
    if (!translated.ok()) {
      fail(name, translated.status().message());
      return std::nullopt;
    }
    auto compiled = Regex::compile(*translated, {});
    if (compiled.ok()) return std::move(*compiled);
    fail(name, format("pattern \"{}\": {}", pattern, compiled.status().message()));
    return std::nullopt;
  }

  const Value* target(std::string_view name, std::string& uri) {
    const Value* v = keyword(name);
    if (v == nullptr) return nullptr;
    if (!v->is_string()) {
      fail(name, "must be a string");
      return nullptr;
    }
    uri = resolve_uri(place_->resource->uri, v->as_string());
    std::string why;
    const Value* found = index_.find(uri, why);
    if (found == nullptr) fail(name, format("cannot resolve \"{}\": {}", v->as_string(), why));
    return found;
  }

  void references() {
    std::string uri;
    if (const Value* found = target("$ref", uri)) node_->ref = node_for(found);
    if (dialect_->draft7) return;
    const Value* found = target("$dynamicRef", uri);
    if (found == nullptr) return;
    node_->dynamic_ref = node_for(found);
    // Dynamic only when the static target is itself a dynamic anchor of that name.
    const auto [base, fragment] = split_fragment(uri);
    const IndexedResource* resource = index_.resource(base);
    if (resource->dynamic_anchors.contains(fragment)) node_->dynamic_anchor = fragment;
  }

  void types_and_values() {
    if (const Value* type = keyword("type")) {
      uint8_t bits = 0;
      const auto add = [&](const Value& name) {
        const auto* it = std::find_if(std::begin(kTypes), std::end(kTypes),
                                      [&](const TypeName& t) { return name.as_string() == t.name; });
        if (it == std::end(kTypes)) return fail("type", "unknown type " + write(name));
        bits = static_cast<uint8_t>(bits | it->bits);
      };
      if (type->is_array()) {
        for (const auto& name : type->as_array()) add(name);
      } else {
        add(*type);
      }
      node_->types = bits;
    }
    if (const Value* constant = keyword("const")) node_->constant = *constant;
    if (const Value* choices = keyword("enum")) {
      if (!choices->is_array()) fail("enum", "must be an array");
      node_->choices = choices->as_array();
    }
  }

  void numbers_and_sizes() {
    using Kind = NumberRule::Kind;
    const auto number = [&](std::string_view name, Kind kind) {
      const Value* v = keyword(name);
      if (v == nullptr) return;
      if (!v->is_number()) return fail(name, "must be a number");
      if (kind == Kind::kMultipleOf && v->as_double() <= 0) return fail(name, "must be above 0");
      node_->numbers.push_back({kind, *v});
    };
    number("minimum", Kind::kMinimum);
    number("exclusiveMinimum", Kind::kExclusiveMinimum);
    number("maximum", Kind::kMaximum);
    number("exclusiveMaximum", Kind::kExclusiveMaximum);
    number("multipleOf", Kind::kMultipleOf);
    count("minLength", node_->length.min);
    count("maxLength", node_->length.max);
    count("minItems", node_->items_count.min);
    count("maxItems", node_->items_count.max);
    count("minProperties", node_->members_count.min);
    count("maxProperties", node_->members_count.max);
    if (!dialect_->draft7) {
      count("minContains", node_->contains_count.min);
      count("maxContains", node_->contains_count.max);
    }
    if (const Value* unique = keyword("uniqueItems")) {
      if (!unique->is_bool()) fail("uniqueItems", "must be a boolean");
      node_->unique_items = unique->as_bool();
    }
  }

  void strings() {
    const Value* pattern = dialect_->validation ? keyword("pattern") : nullptr;
    if (pattern != nullptr) {
      if (!pattern->is_string()) return fail("pattern", "must be a string");
      node_->pattern = regex(pattern->as_string(), "pattern");
      node_->pattern_text = pattern->as_string();
    }
    if (options_.assert_format || dialect_->assert_format) node_->format = (*schema_)["format"].as_string();
  }

  void object_properties() {
    auto& rules = node_->properties;
    if (dialect_->applicator)
      for (const auto& [name, schema] : named("properties"))
        rules.push_back({name, child(schema, "properties"), false});
    const auto by_name = [](const PropertyRule& a, const PropertyRule& b) { return a.name < b.name; };
    std::sort(rules.begin(), rules.end(), by_name);
    const Value* required = dialect_->validation ? keyword("required") : nullptr;
    if (required == nullptr) return;
    std::vector<std::string> wanted;
    names(*required, "required", wanted);
    std::sort(wanted.begin(), wanted.end());
    wanted.erase(std::unique(wanted.begin(), wanted.end()), wanted.end());
    node_->required_count = wanted.size();
    std::vector<PropertyRule> merged;
    size_t r = 0;
    for (auto& name : wanted) {
      while (r < rules.size() && rules[r].name < name) merged.push_back(std::move(rules[r++]));
      const bool both = r < rules.size() && rules[r].name == name;
      merged.push_back({std::move(name), both ? rules[r].schema : nullptr, true});
      if (both) ++r;
    }
    while (r < rules.size()) merged.push_back(std::move(rules[r++]));
    rules = std::move(merged);
  }

  void object_rest() {
    for (const auto& [text, schema] : named("patternProperties")) {
      auto compiled = regex(text, "patternProperties");
      if (!compiled) return;
      node_->pattern_properties.push_back({text, *std::move(compiled), child(schema, "patternProperties")});
    }
    node_->additional_properties = one("additionalProperties");
    node_->property_names = one("propertyNames");
    // "dependencies" is no keyword of 2020-12, but its metaschema keeps it for compatibility, and so do we.
    for (const char* name : {"dependentSchemas", "dependentRequired", "dependencies"}) {
      const bool old = std::string_view(name) == "dependencies";
      const bool lists_only = std::string_view(name) == "dependentRequired";
      const bool schemas_only = std::string_view(name) == "dependentSchemas";
      if (dialect_->draft7 && !old) continue;
      for (const auto& [trigger, demand] : named(name)) {
        DependentRule rule{trigger, {}, nullptr, name};
        if (lists_only || (demand.is_array() && !schemas_only)) {
          names(demand, name, rule.required);
        } else {
          rule.schema = child(demand, name);
        }
        node_->dependents.push_back(std::move(rule));
      }
    }
  }

  void arrays() {
    node_->contains = one("contains");
    node_->contains_evaluates = !dialect_->draft7;
    const Value* items = keyword("items");
    if (!dialect_->draft7) {
      node_->prefix_items = many("prefixItems");
      if (items != nullptr) node_->items = child(*items, "items");
    } else if (items != nullptr && items->is_array()) {
      node_->prefix_items = many("items");
      node_->prefix_keyword = "items";
      node_->items = one("additionalItems");
      node_->items_keyword = "additionalItems";
    } else if (items != nullptr) {
      node_->items = child(*items, "items");
    }
  }

  void logic() {
    node_->all_of = many("allOf");
    node_->any_of = many("anyOf");
    node_->one_of = many("oneOf");
    node_->negation = one("not");
    node_->condition = one("if");
    if (node_->condition == nullptr) return;
    node_->then = one("then");
    node_->otherwise = one("else");
  }

  const Schema::Options& options_;
  SchemaIndex index_;
  SchemaGraph graph_;
  std::unordered_map<const Value*, SchemaNode*> nodes_;
  std::vector<std::pair<const Value*, SchemaNode*>> queue_;
  Status error_;
  // What is being compiled.
  const Value* schema_ = nullptr;
  SchemaNode* node_ = nullptr;
  const Place* place_ = nullptr;
  const Dialect* dialect_ = nullptr;
};

}  // namespace

StatusOr<Schema> Schema::compile(const Value& schema) { return compile(schema, Options()); }

StatusOr<Schema> Schema::compile(const Value& schema, const Options& options) {
  TAU_ASSIGN_OR_RETURN(auto graph, Compiler(options).run(schema));
  return Schema(std::make_unique<Impl>(Impl{std::move(graph)}));
}

Schema::Schema(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
Schema::Schema(Schema&&) noexcept = default;
Schema& Schema::operator=(Schema&&) noexcept = default;
Schema::~Schema() = default;

}  // namespace tau::json
