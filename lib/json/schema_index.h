// Where schemas are: every subschema of the documents at hand with its base URI, dialect and anchors.
#pragma once

#include <deque>
#include <memory>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "json/schema_node.h"

namespace tau::json {

struct Dialect {
  bool draft7 = false;
  bool validation = true;
  bool applicator = true;
  bool unevaluated = true;
  bool assert_format = false;
  std::string unsupported;  // not empty: why schemas of this dialect cannot be compiled
};

struct IndexedResource {
  const Value* root = nullptr;
  std::string uri;
  std::string prefix;    // of locations in it: "" in the root document
  std::string location;  // of `root`
  Dialect dialect;
  std::unordered_map<std::string, const Value*> anchors;
  std::unordered_map<std::string, const Value*> dynamic_anchors;
  SchemaResource* compiled = nullptr;  // set once a node of it exists
};

struct Place {
  IndexedResource* resource = nullptr;
  std::string location;
};

class SchemaIndex {
 public:
  explicit SchemaIndex(const Schema::Options& options);

  // Indexes a document that is known under `uri`; `is_root` documents have locations without URI.
  IndexedResource* add_document(const Value& document, const std::string& uri, bool is_root);

  const Place* place(const Value* schema) const;
  // Indexes what lies at `schema`, a place that no keyword makes a schema, and returns it.
  const Place* adopt(const Value* schema, const Place& near);

  // The resource that answers to `uri`, loading an embedded metaschema if that is what it names; or null.
  IndexedResource* resource(const std::string& uri);
  // The schema that the absolute `uri` names; null with the reason in `why`.
  const Value* find(const std::string& uri, std::string& why);

 private:
  struct Pending {
    const Value* schema;
    IndexedResource* resource;
    std::string location;
  };
  void walk(Pending first);
  void visit(const Pending& at);
  void visit_children(const Pending& at);
  IndexedResource* open_resource(const Value& root, std::string uri, const IndexedResource* parent,
                                 std::string location);
  Dialect dialect_of(std::string_view uri, int depth) const;
  const Value* document(std::string_view uri) const;
  const Value* follow_pointer(IndexedResource* from, std::string_view pointer);

  const Schema::Options& options_;
  Dialect default_dialect_;
  std::deque<IndexedResource> resources_;
  std::deque<Value> metaschemas_;
  std::unordered_map<std::string, IndexedResource*> by_uri_;
  std::unordered_map<const Value*, Place> places_;
  std::vector<Pending> pending_;
};

// "~" and "/" escaped for a JSON Pointer.
std::string pointer_token(std::string_view key);

}  // namespace tau::json
