// Applies a node graph to an instance. Time is bounded by a step budget and stack by a nesting limit: a
// schema or instance that exceeds one is a violation, never a crash or an endless run.
#include <algorithm>

#include "base/format.h"
#include "json/canonical.h"
#include "json/schema_index.h"
#include "json/schema_number.h"

namespace tau::json {
namespace {

constexpr int kMaxNesting = 1024;         // of schemas in evaluation; a frame set is some 600 bytes
constexpr size_t kBaseSteps = 1'000'000;  // node visits and the like, about 0.1 s
constexpr size_t kStepsPerValue = 256;    // more for large instances
constexpr size_t kLinearItems = 16;

// Where in the instance; lives on the stack and is spelled out only for violations.
struct Path {
  const Path* parent;
  std::string_view key;
  size_t index;
  bool is_index;
};

std::string spell(const Path* path) {
  std::vector<const Path*> steps;
  for (; path->parent != nullptr; path = path->parent) steps.push_back(path);
  std::string out;
  for (auto it = steps.rbegin(); it != steps.rend(); ++it) {
    out += '/';
    out += (*it)->is_index ? std::to_string((*it)->index) : pointer_token((*it)->key);
  }
  return out;
}

// Which members or elements of one instance some keyword has looked at.
struct Evaluated {
  bool all = false;
  std::vector<bool> seen;

  explicit Evaluated(size_t n) : seen(n) {}
  void mark(size_t i) { seen[i] = true; }
  bool has(size_t i) const { return all || seen[i]; }
  void merge(const Evaluated& other) {
    all = all || other.all;
    for (size_t i = 0; i < seen.size(); ++i) seen[i] = seen[i] || other.seen[i];
  }
};

uint8_t type_bits(const Value& v) {
  switch (v.kind()) {
    case Value::Kind::kNull: return kTypeNull;
    case Value::Kind::kBool: return kTypeBoolean;
    case Value::Kind::kInt:
    case Value::Kind::kUint: return kTypeInteger | kTypeNumber;
    case Value::Kind::kDouble: return is_integral(v) ? kTypeInteger | kTypeNumber : kTypeNumber;
    case Value::Kind::kString: return kTypeString;
    case Value::Kind::kArray: return kTypeArray;
    case Value::Kind::kObject: return kTypeObject;
  }
  return 0;
}

std::string type_names(uint8_t bits) {
  constexpr std::string_view kNames[] = {"null", "boolean", "integer", "number", "string", "array", "object"};
  std::string out;
  for (size_t i = 0; i < std::size(kNames); ++i) {
    if ((bits >> i & 1) == 0) continue;
    if (!out.empty()) out += " or ";
    out += kNames[i];
  }
  return out;
}

std::string_view type_name(const Value& v) {
  constexpr std::string_view kNames[] = {"null",   "boolean", "integer", "integer",
                                         "number", "string",  "array",   "object"};
  return kNames[static_cast<size_t>(v.kind())];
}

// For messages: the text of a value, cut when long.
std::string shown(const Value& v) {
  constexpr size_t kShown = 200;
  const std::string text = write(v);
  if (text.size() <= kShown) return text;
  return std::string(truncate_utf8(text, kShown)) + "\u2026";
}

size_t code_points(std::string_view text) {
  return static_cast<size_t>(std::count_if(text.begin(), text.end(),
                                           [](char c) { return (static_cast<uint8_t>(c) & 0xC0) != 0x80; }));
}

class Validator {
 public:
  Validator(const Value& instance, size_t limit) : instance_(instance), limit_(limit) {}

  std::vector<Schema::Violation> run(const SchemaNode& root) {
    const Path top{nullptr, {}, 0, false};
    check(root, {instance_, &top, nullptr, true});
    if (exhausted_ != nullptr) found_.assign(1, {"", root.location, exhausted_});
    return std::move(found_);
  }

 private:
  // An instance under evaluation. `report` is false where a failure may still turn out to be harmless.
  struct At {
    const Value& v;
    const Path* path;
    Evaluated* evaluated;  // null when nobody asks
    bool report;
  };

  bool fail(const SchemaNode& n, const At& at, std::string_view keyword, std::string_view message) {
    if (at.report && found_.size() < limit_) {
      std::string where = n.location;
      if (!keyword.empty()) where.append("/").append(keyword);
      found_.push_back({spell(at.path), std::move(where), std::string(message)});
    }
    return false;
  }

  // Whether to go on after a failure: only to find more to report.
  bool stop(const At& at) const { return !at.report || found_.size() >= limit_ || exhausted_ != nullptr; }

  bool charge(size_t steps) {
    if (exhausted_ != nullptr) return false;
    steps_ += steps;
    if (steps_ <= allowed_) return true;
    if (allowed_ == kBaseSteps) {
      allowed_ += kStepsPerValue * count_values(instance_);
      if (steps_ <= allowed_) return true;
    }
    exhausted_ = "the schema is too expensive for this instance";
    return false;
  }

  static size_t count_values(const Value& root) {
    size_t n = 0;
    std::vector<const Value*> todo{&root};
    while (!todo.empty()) {
      const Value* v = todo.back();
      todo.pop_back();
      ++n;
      for (const auto& element : v->as_array()) todo.push_back(&element);
      for (const auto& member : v->as_object()) todo.push_back(&member.second);
    }
    return n;
  }

  bool check(const SchemaNode& n, const At& at) {
    if (!charge(1)) return false;
    if (n.boolean.has_value()) return *n.boolean || fail(n, at, "", "is not allowed here");
    if (nesting_ == kMaxNesting) {
      exhausted_ = "the schema nests or refers to itself too deeply for this instance";
      return false;
    }
    ++nesting_;
    const bool entered = scope_.empty() || scope_.back() != n.resource;
    if (entered) scope_.push_back(n.resource);
    const bool tracks = (n.unevaluated_properties != nullptr && at.v.is_object()) ||
                        (n.unevaluated_items != nullptr && at.v.is_array());
    const bool good = tracks ? check_tracking(n, at) : check_keywords(n, at);
    if (entered) scope_.pop_back();
    --nesting_;
    return good;
  }

  bool check_keywords(const SchemaNode& n, const At& at) {
    bool good = true;
    const auto all = [&](bool result) {
      good = result && good;
      return good || !stop(at);
    };
    if (!all(check_value(n, at))) return false;
    if (at.v.is_string() && !all(check_string(n, at))) return false;
    if (at.v.is_number() && !all(check_number(n, at))) return false;
    if (at.v.is_object() && !all(check_object(n, at) && check_dependents(n, at))) return false;
    if (at.v.is_array() && !all(check_array(n, at))) return false;
    if (!all(check_references(n, at))) return false;
    return all(check_logic(n, at)) && good;
  }

  bool check_tracking(const SchemaNode& n, const At& at) {
    if (!charge(at.v.size() / 8)) return false;
    Evaluated mine(at.v.size());
    const At inner{at.v, at.path, &mine, at.report};
    bool good = check_keywords(n, inner);
    if (!good && stop(at)) return false;
    const bool object = at.v.is_object();
    const SchemaNode* rest = object ? n.unevaluated_properties : n.unevaluated_items;
    for (size_t i = 0; i < mine.seen.size(); ++i) {
      if (mine.has(i)) continue;
      good = (object ? check_member(*rest, at, i) : check_element(*rest, at, i)) && good;
      if (!good && stop(at)) return false;
    }
    if (good && at.evaluated != nullptr) at.evaluated->all = true;
    return good;
  }

  bool check_member(const SchemaNode& n, const At& at, size_t i) {
    const auto& [key, value] = at.v.as_object()[i];
    const Path path{at.path, key, 0, false};
    return check(n, {value, &path, nullptr, at.report});
  }

  bool check_element(const SchemaNode& n, const At& at, size_t i) {
    const Path path{at.path, {}, i, true};
    return check(n, {at.v.as_array()[i], &path, nullptr, at.report});
  }

  bool check_value(const SchemaNode& n, const At& at) {
    bool good = true;
    if (n.types && (*n.types & type_bits(at.v)) == 0)
      good = fail(n, at, "type", format("expected {}, got {}", type_names(*n.types), type_name(at.v)));
    if (n.constant && (!charge(1) || *n.constant != at.v))
      good = fail(n, at, "const", "must be " + shown(*n.constant));
    if (n.choices) {
      if (!charge(n.choices->size() / 4)) return false;
      if (std::find(n.choices->begin(), n.choices->end(), at.v) == n.choices->end())
        good = fail(n, at, "enum", "must be one of " + shown(Value(*n.choices)));
    }
    return good;
  }

  bool check_size(const SchemaNode& n, const At& at, const SizeRule& rule, size_t size, const char* what) {
    const std::string name(what);
    if (size < rule.min)
      return fail(n, at, "min" + name, format("needs at least {}, has {}", rule.min, size));
    if (size > rule.max)
      return fail(n, at, "max" + name, format("may have at most {}, has {}", rule.max, size));
    return true;
  }

  bool check_string(const SchemaNode& n, const At& at) {
    const std::string_view text = at.v.as_string();
    bool good = true;
    if (n.length.min != 0 || n.length.max != SIZE_MAX) {
      if (!charge(text.size() / 256)) return false;
      good = check_size(n, at, n.length, code_points(text), "Length");
    }
    if (n.pattern) {
      if (!charge(text.size() / 32)) return false;
      if (!n.pattern->search(text))
        good = fail(n, at, "pattern", format("must match \"{}\"", n.pattern_text));
    }
    if (!n.format.empty() && !check_format(n.format, text))
      good = fail(n, at, "format", format("is not a valid {}", n.format));
    return good;
  }

  bool check_number(const SchemaNode& n, const At& at) {
    bool good = true;
    for (const auto& rule : n.numbers)
      if (const auto problem = number_problem(rule, at.v))
        good = fail(n, at, problem->keyword, problem->text + " " + write(rule.bound));
    return good;
  }

  static const PropertyRule* find_rule(const SchemaNode& n, std::string_view key) {
    const auto it =
        std::lower_bound(n.properties.begin(), n.properties.end(), key,
                         [](const PropertyRule& rule, std::string_view k) { return rule.name < k; });
    return it != n.properties.end() && it->name == key ? &*it : nullptr;
  }

  bool check_object(const SchemaNode& n, const At& at) {
    const auto& members = at.v.as_object();
    bool good = check_size(n, at, n.members_count, members.size(), "Properties");
    size_t required = 0;
    const bool looks = !n.properties.empty() || !n.pattern_properties.empty() ||
                       n.additional_properties != nullptr || n.property_names != nullptr;
    if (!looks) return good;
    for (size_t i = 0; i < members.size(); ++i) {
      const PropertyRule* rule = find_rule(n, members[i].first);
      if (rule != nullptr && rule->required) ++required;
      good = check_property(n, at, i, rule) && good;
      if (!good && stop(at)) return false;
    }
    return (required >= n.required_count || missing(n, at)) && good;
  }

  bool check_property(const SchemaNode& n, const At& at, size_t i, const PropertyRule* rule) {
    const std::string& key = at.v.as_object()[i].first;
    bool good = true;
    bool known = rule != nullptr && rule->schema != nullptr;
    if (known) good = check_member(*rule->schema, at, i);
    for (const auto& pattern : n.pattern_properties) {
      if (!charge(1 + key.size() / 32)) return false;
      if (!pattern.regex.search(key)) continue;
      known = true;
      good = check_member(*pattern.schema, at, i) && good;
    }
    if (!known && n.additional_properties != nullptr) {
      known = true;
      good = check_member(*n.additional_properties, at, i) && good;
    }
    if (known && at.evaluated != nullptr) at.evaluated->mark(i);
    if (n.property_names == nullptr) return good;
    const Value name(key);
    const Path path{at.path, key, 0, false};
    return check(*n.property_names, {name, &path, nullptr, at.report}) && good;
  }

  bool missing(const SchemaNode& n, const At& at) {
    for (const auto& rule : n.properties) {
      if (!rule.required) continue;
      if (!charge(1 + at.v.size() / 16)) return false;
      if (!at.v.contains(rule.name)) fail(n, at, "required", format("missing property \"{}\"", rule.name));
      if (stop(at)) return false;
    }
    return false;
  }

  bool check_dependents(const SchemaNode& n, const At& at) {
    bool good = true;
    for (const auto& rule : n.dependents) {
      if (!charge(1 + at.v.size() / 16)) return false;
      if (!at.v.contains(rule.name)) continue;
      for (const auto& name : rule.required) {
        if (!charge(1 + at.v.size() / 16)) return false;
        if (!at.v.contains(name))
          good = fail(n, at, rule.keyword, format("property \"{}\" needs property \"{}\"", rule.name, name));
      }
      if (rule.schema != nullptr) good = check(*rule.schema, at) && good;
      if (!good && stop(at)) return false;
    }
    return good;
  }

  bool check_array(const SchemaNode& n, const At& at) {
    const auto& elements = at.v.as_array();
    bool good = check_size(n, at, n.items_count, elements.size(), "Items");
    if (n.unique_items && !unique(elements)) good = fail(n, at, "uniqueItems", "has equal elements");
    const size_t prefix = std::min(n.prefix_items.size(), elements.size());
    for (size_t i = 0; i < elements.size(); ++i) {
      const SchemaNode* schema = i < prefix ? n.prefix_items[i] : n.items;
      if (schema == nullptr) break;
      good = check_element(*schema, at, i) && good;
      if (at.evaluated != nullptr) at.evaluated->mark(i);
      if (!good && stop(at)) return false;
    }
    return (n.contains == nullptr || check_contains(n, at)) && good;
  }

  bool check_contains(const SchemaNode& n, const At& at) {
    size_t matches = 0;
    const At probe{at.v, at.path, nullptr, false};
    for (size_t i = 0; i < at.v.as_array().size(); ++i) {
      if (!check_element(*n.contains, probe, i)) continue;
      ++matches;
      if (n.contains_evaluates && at.evaluated != nullptr) at.evaluated->mark(i);
    }
    if (matches >= n.contains_count.min && matches <= n.contains_count.max) return true;
    return fail(
        n, at, "contains",
        format("{} elements match, needs at least {}{}", matches, n.contains_count.min,
               n.contains_count.max == SIZE_MAX ? "" : format(" and at most {}", n.contains_count.max)));
  }

  bool unique(const Value::Array& elements) {
    if (elements.size() <= kLinearItems) {
      if (!charge(elements.size())) return false;
      for (auto it = elements.begin(); it != elements.end(); ++it)
        if (std::find(elements.begin(), it, *it) != it) return false;
      return true;
    }
    if (!charge(elements.size() * 4)) return false;
    std::vector<std::string> keys;
    keys.reserve(elements.size());
    for (const auto& element : elements) keys.push_back(equality_key(element));
    std::sort(keys.begin(), keys.end());
    return std::adjacent_find(keys.begin(), keys.end()) == keys.end();
  }

  bool check_references(const SchemaNode& n, const At& at) {
    bool good = n.ref == nullptr || check(*n.ref, at);
    if (n.dynamic_ref == nullptr || (!good && stop(at))) return good;
    const SchemaNode* target = n.dynamic_ref;
    if (!n.dynamic_anchor.empty()) {
      if (!charge(scope_.size())) return false;
      // The outermost resource on the way here that has this anchor.
      for (const SchemaResource* resource : scope_) {
        const auto it = resource->dynamic_anchors.find(n.dynamic_anchor);
        if (it == resource->dynamic_anchors.end()) continue;
        target = it->second;
        break;
      }
    }
    return check(*target, at) && good;
  }

  bool check_logic(const SchemaNode& n, const At& at) {
    bool good = true;
    for (const SchemaNode* part : n.all_of) {
      good = check(*part, at) && good;
      if (!good && stop(at)) return false;
    }
    if (!n.any_of.empty()) {
      const size_t matches = count_matches(n.any_of, at, at.evaluated != nullptr ? SIZE_MAX : 1);
      if (matches == 0) good = fail(n, at, "anyOf", "matches none of the alternatives");
    }
    if (!n.one_of.empty()) {
      const size_t matches = count_matches(n.one_of, at, at.evaluated != nullptr ? SIZE_MAX : 2);
      if (matches == 0) good = fail(n, at, "oneOf", "matches none of the alternatives");
      if (matches > 1) good = fail(n, at, "oneOf", "matches more than one of the alternatives");
    }
    if (n.negation != nullptr && probe(*n.negation, at, false))
      good = fail(n, at, "not", "matches what it must not");
    if (n.condition != nullptr) {
      const SchemaNode* branch = probe(*n.condition, at, true) ? n.then : n.otherwise;
      if (branch != nullptr) good = check(*branch, at) && good;
    }
    return good;
  }

  // Tries a schema on the same instance; what it evaluated counts only on success.
  bool probe(const SchemaNode& n, const At& at, bool collect) {
    if (!collect || at.evaluated == nullptr) return check(n, {at.v, at.path, nullptr, false});
    if (!charge(at.v.size() / 8)) return false;
    Evaluated mine(at.evaluated->seen.size());
    if (!check(n, {at.v, at.path, &mine, false})) return false;
    at.evaluated->merge(mine);
    return true;
  }

  size_t count_matches(const std::vector<const SchemaNode*>& parts, const At& at, size_t enough) {
    size_t matches = 0;
    for (const SchemaNode* part : parts) {
      if (probe(*part, at, true)) ++matches;
      if (matches == enough) break;
    }
    return matches;
  }

  const Value& instance_;
  const size_t limit_;
  std::vector<Schema::Violation> found_;
  std::vector<const SchemaResource*> scope_;
  size_t steps_ = 0;
  size_t allowed_ = kBaseSteps;
  int nesting_ = 0;
  const char* exhausted_ = nullptr;  // why evaluation was given up; then nothing it said counts
};

}  // namespace

std::vector<Schema::Violation> Schema::validate(const Value& instance, size_t limit) const {
  return Validator(instance, std::max<size_t>(limit, 1)).run(*impl_->graph.root);
}

std::string Schema::explain(const Value& instance) const {
  std::string out;
  for (const auto& violation : validate(instance)) {
    if (!out.empty()) out += "; ";
    if (!violation.instance_path.empty()) out += violation.instance_path + ": ";
    out += violation.message;
  }
  return out;
}

}  // namespace tau::json
