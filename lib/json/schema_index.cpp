#include "json/schema_index.h"

#include <charconv>

#include "json/uri.h"

namespace tau::json {
namespace {

constexpr std::string_view kVocabulary = "https://json-schema.org/draft/2020-12/vocab/";
constexpr int kMetaschemaChain = 8;

// Keywords whose value is a schema, an array of schemas, or an object of schemas. "items" and "dependencies"
// hold other things too; what is not a schema there is passed over.
constexpr std::string_view kOne[] = {"additionalItems",
                                     "additionalProperties",
                                     "contains",
                                     "contentSchema",
                                     "else",
                                     "if",
                                     "items",
                                     "not",
                                     "then",
                                     "propertyNames",
                                     "unevaluatedItems",
                                     "unevaluatedProperties"};
constexpr std::string_view kMany[] = {"allOf", "anyOf", "items", "oneOf", "prefixItems"};
constexpr std::string_view kNamed[] = {
    "$defs", "definitions", "dependencies", "dependentSchemas", "patternProperties", "properties"};

bool is_schema(const Value& v) { return v.is_object() || v.is_bool(); }

std::string_view without_empty_fragment(std::string_view uri) {
  if (uri.ends_with('#')) uri.remove_suffix(1);
  return uri;
}

}  // namespace

std::string pointer_token(std::string_view key) {
  std::string out;
  for (const char c : key) {
    if (c == '~') {
      out += "~0";
    } else if (c == '/') {
      out += "~1";
    } else {
      out += c;
    }
  }
  return out;
}

SchemaIndex::SchemaIndex(const Schema::Options& options) : options_(options) {
  default_dialect_.draft7 = options.draft7;
}

IndexedResource* SchemaIndex::add_document(const Value& document, const std::string& uri, bool is_root) {
  IndexedResource* resource = open_resource(document, uri, nullptr, "");
  resource->prefix = is_root ? "" : uri + "#";
  if (is_root) default_dialect_ = resource->dialect;
  walk({&document, resource, resource->prefix});
  return place(&document)->resource;
}

const Place* SchemaIndex::place(const Value* schema) const {
  const auto it = places_.find(schema);
  return it == places_.end() ? nullptr : &it->second;
}

const Place* SchemaIndex::adopt(const Value* schema, const Place& near) {
  walk({schema, near.resource, near.location});
  return place(schema);
}

IndexedResource* SchemaIndex::open_resource(const Value& root, std::string uri, const IndexedResource* parent,
                                            std::string location) {
  IndexedResource& r = resources_.emplace_back();
  r.root = &root;
  r.uri = std::move(uri);
  r.location = std::move(location);
  r.dialect = parent != nullptr ? parent->dialect : default_dialect_;
  if (parent != nullptr) r.prefix = parent->prefix;
  if (root["$schema"].is_string()) r.dialect = dialect_of(root["$schema"].as_string(), 0);
  by_uri_.emplace(r.uri, &r);
  return &r;
}

const Value* SchemaIndex::document(std::string_view uri) const {
  for (const auto& [name, schema] : options_.documents)
    if (without_empty_fragment(name) == uri || without_empty_fragment(schema["$id"].as_string()) == uri)
      return &schema;
  return nullptr;
}

Dialect SchemaIndex::dialect_of(std::string_view uri, int depth) const {
  uri = without_empty_fragment(uri);
  Dialect d;
  if (uri == "https://json-schema.org/draft/2020-12/schema") return d;
  if (uri == "http://json-schema.org/draft-07/schema" || uri == "http://json-schema.org/draft-06/schema" ||
      uri == "https://json-schema.org/draft-07/schema") {
    d.draft7 = true;
    return d;
  }
  const Value* meta = depth < kMetaschemaChain ? document(uri) : nullptr;
  if (meta == nullptr || !(*meta)["$schema"].is_string() || (*meta)["$schema"].as_string() == uri) {
    d.unsupported = "unsupported $schema \"" + std::string(uri) + "\"";
    return d;
  }
  d = dialect_of((*meta)["$schema"].as_string(), depth + 1);
  const Value& vocabularies = (*meta)["$vocabulary"];
  if (d.draft7 || !vocabularies.is_object()) return d;
  const auto has = [&](const char* name) { return vocabularies.contains(std::string(kVocabulary) + name); };
  d.validation = has("validation");
  d.applicator = has("applicator");
  d.unevaluated = has("unevaluated");
  d.assert_format = has("format-assertion");
  for (const auto& [name, required] : vocabularies.as_object()) {
    const bool known = std::string_view(name).starts_with(kVocabulary);
    if (required.as_bool() && !known) d.unsupported = "unknown required vocabulary \"" + name + "\"";
  }
  return d;
}

void SchemaIndex::walk(Pending first) {
  pending_.push_back(std::move(first));
  while (!pending_.empty()) {
    const Pending at = std::move(pending_.back());
    pending_.pop_back();
    visit(at);
  }
}

void SchemaIndex::visit(const Pending& first) {
  Pending at = first;
  if (places_.contains(at.schema)) return;
  const Value& s = *at.schema;
  const bool draft7 = at.resource->dialect.draft7;
  // In draft-07 nothing beside $ref counts.
  const bool plain = !draft7 || !s["$ref"].is_string();
  if (plain && s["$id"].is_string()) {
    const auto [uri, fragment] = split_fragment(resolve_uri(at.resource->uri, s["$id"].as_string()));
    if (uri != at.resource->uri) {
      IndexedResource* const outer = at.resource;
      at.resource = open_resource(s, uri, outer, at.location);
      // A document also answers to the URI it was fetched from.
      if (outer->root == &s && by_uri_[outer->uri] == outer) by_uri_[outer->uri] = at.resource;
    }
    if (draft7 && !fragment.empty()) at.resource->anchors.emplace(fragment, &s);
  }
  if (!draft7 && s["$anchor"].is_string()) at.resource->anchors.emplace(s["$anchor"].as_string(), &s);
  if (!draft7 && s["$dynamicAnchor"].is_string()) {
    at.resource->anchors.emplace(s["$dynamicAnchor"].as_string(), &s);
    at.resource->dynamic_anchors.emplace(s["$dynamicAnchor"].as_string(), &s);
  }
  places_.emplace(&s, Place{at.resource, at.location});
  visit_children(at);
}

void SchemaIndex::visit_children(const Pending& at) {
  const auto push = [&](const Value& child, const std::string& location) {
    if (is_schema(child)) pending_.push_back({&child, at.resource, location});
  };
  const auto slot = [&](std::string_view keyword) { return at.location + "/" + std::string(keyword); };
  for (const auto& [keyword, v] : at.schema->as_object()) {
    for (const std::string_view one : kOne)
      if (keyword == one) push(v, slot(keyword));
    for (const std::string_view many : kMany)
      for (size_t i = 0; keyword == many && i < v.as_array().size(); ++i)
        push(v.as_array()[i], slot(keyword) + "/" + std::to_string(i));
    for (const std::string_view named : kNamed)
      if (keyword == named)
        for (const auto& [name, child] : v.as_object())
          push(child, slot(keyword) + "/" + pointer_token(name));
  }
}

IndexedResource* SchemaIndex::resource(const std::string& uri) {
  if (const auto it = by_uri_.find(uri); it != by_uri_.end()) return it->second;
  const std::string_view text = metaschema_text(uri);
  if (text.empty()) return nullptr;
  return add_document(metaschemas_.emplace_back(parse(text).value()), uri, false);
}

const Value* SchemaIndex::find(const std::string& uri, std::string& why) {
  const auto [base, fragment] = split_fragment(uri);
  IndexedResource* const found = resource(base);
  if (found == nullptr) {
    why = "no document \"" + base + "\"";
    return nullptr;
  }
  if (fragment.empty()) return found->root;
  const Value* target = nullptr;
  if (fragment[0] == '/') {
    target = follow_pointer(found, fragment);
  } else if (const auto it = found->anchors.find(fragment); it != found->anchors.end()) {
    target = it->second;
  }
  if (target == nullptr || !is_schema(*target)) {
    why = "no schema at \"" + uri + "\"";
    return nullptr;
  }
  return target;
}

const Value* SchemaIndex::follow_pointer(IndexedResource* from, std::string_view pointer) {
  const Value* v = from->root;
  Place near{from, from->location.empty() ? from->prefix : from->location};
  while (!pointer.empty()) {
    const size_t slash = pointer.find('/', 1);
    std::string key;
    const std::string_view token = pointer.substr(1, slash == std::string_view::npos ? slash : slash - 1);
    for (size_t i = 0; i < token.size(); ++i) {
      const bool escaped =
          token[i] == '~' && i + 1 < token.size() && (token[i + 1] == '0' || token[i + 1] == '1');
      key += escaped ? (token[++i] == '0' ? '~' : '/') : token[i];
    }
    if (v->is_array()) {
      size_t index = 0;
      const auto result = std::from_chars(key.data(), key.data() + key.size(), index);
      const bool whole = result.ec == std::errc() && result.ptr == key.data() + key.size();
      if (!whole || index >= v->size()) return nullptr;
      v = &v->as_array()[index];
    } else {
      v = v->find(key);
      if (v == nullptr) return nullptr;
    }
    near.location += '/';
    near.location += token;
    if (const Place* known = place(v)) near = *known;
    pointer = slash == std::string_view::npos ? std::string_view() : pointer.substr(slash);
  }
  if (place(v) == nullptr && is_schema(*v)) adopt(v, near);
  return v;
}

}  // namespace tau::json
