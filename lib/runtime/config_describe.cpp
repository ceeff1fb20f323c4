// What is shown of a configuration: each value with its origin, and the schemas made from the table of keys.
#include <algorithm>

#include "credential/credential.h"
#include "runtime/config.h"
#include "runtime/config_keys.h"
#include "runtime/config_state.h"

namespace tau::runtime {
namespace {

constexpr std::string_view kNamePattern = "^[A-Za-z0-9_-]{1,64}$";

json::Value parsed(std::string_view text) {
  auto value = json::parse(text);
  return value.ok() ? *std::move(value) : json::Value();
}

json::Value shown(const Key& key, const json::Value& value) {
  if (!key.secret || (value.is_string() && credential::is_reference(value.as_string()))) return value;
  if (!value.is_object()) return kRedacted;
  json::Value out = json::Value::object();
  for (const auto& [name, hidden] : value.as_object()) out.set(name, kRedacted);
  return out;
}

json::Value string_schema(const Key& key) {
  json::Value schema = json::Value::object();
  schema.set("type", "string");
  if (key.form == KeyForm::kChoice || key.form == KeyForm::kBuiltin) {
    json::Value names = json::Value::array();
    if (key.form == KeyForm::kChoice) {
      for (const std::string_view name : split(key.choices, '|')) names.push_back(name);
    } else {
      for (const std::string& name : builtin_tools()) names.push_back(name);
    }
    schema.set("enum", std::move(names));
  } else if (key.form == KeyForm::kModel) {
    schema.set("pattern", R"(^$|^[^/\s]+/\S+$)");
  } else if (key.form == KeyForm::kUpstream) {
    schema.set("pattern", R"(^[^/\s]+/\S+$)");
  } else if (key.form == KeyForm::kBaseUrl || key.form == KeyForm::kOrigin) {
    schema.set("pattern", "^[Hh][Tt][Tt][Pp][Ss]?://[^/?#]");
  } else if (key.form == KeyForm::kHost) {
    schema.set("pattern", R"(^(\*\.)?[^/?#@*\s]+$)");
  } else if (key.form == KeyForm::kPath) {
    schema.set("pattern", "^/");
  } else if (key.form == KeyForm::kName) {
    schema.set("pattern", R"(^[A-Za-z0-9_-]{0,64}$)");
  } else if (key.form == KeyForm::kId) {
    schema.set("pattern", "^[A-Za-z0-9_.:-]{1,128}$");
  } else if (key.form == KeyForm::kVariable) {
    schema.set("pattern", "^[A-Za-z_][A-Za-z0-9_]*$");
  } else if (key.type == KeyType::kString) {
    schema.set("maxLength", key.max);
  }
  return schema;
}

json::Value value_schema(const Key& key) {
  json::Value schema = json::Value::object();
  switch (key.type) {
    case KeyType::kBool: schema.set("type", "boolean"); break;
    case KeyType::kObject: schema.set("type", "object"); break;
    case KeyType::kString: schema = string_schema(key); break;
    case KeyType::kInteger:
    case KeyType::kNumber:
      schema.set("type", key.type == KeyType::kInteger ? "integer" : "number");
      schema.set("minimum", key.min);
      schema.set("maximum", key.max);
      break;
    case KeyType::kStringList:
      schema.set("type", "array");
      schema.set("items", string_schema(key));
      schema.set("maxItems", key.max);
      break;
    case KeyType::kStringMap:
      schema.set("type", "object");
      schema.set("additionalProperties", json::Value::object().set("type", "string"));
      schema.set("maxProperties", key.max);
      break;
  }
  schema.set("description", key.help);
  if (!key.default_json.empty()) schema.set("default", parsed(key.default_json));
  return schema;
}

json::Value table_schema() {
  json::Value schema = json::Value::object();
  schema.set("type", "object");
  schema.set("properties", json::Value::object());
  schema.set("additionalProperties", false);
  return schema;
}

json::Value names_schema(json::Value each) {
  json::Value schema = json::Value::object();
  schema.set("type", "object");
  schema.set("propertyNames", json::Value::object().set("pattern", kNamePattern));
  schema.set("additionalProperties", std::move(each));
  return schema;
}

void add_key(json::Value& root, const Key& key) {
  json::Value* table = &root;
  const auto segments = split(key.path, '.');
  for (size_t i = 0; i + 1 < segments.size(); ++i) {
    if (segments[i] == "*") continue;
    json::Value* properties = table->find("properties");
    const bool wild = segments[i + 1] == "*";
    if (!properties->contains(segments[i]))
      properties->set(segments[i], wild ? names_schema(table_schema()) : table_schema());
    table = properties->find(segments[i]);
    if (wild) table = table->find("additionalProperties");
  }
  table->find("properties")->set(segments.back(), value_schema(key));
}

// Every key that documents of this scope may hold.
json::Value scope_schema(KeyScope scope) {
  json::Value schema = table_schema();
  for (const Key& key : config_keys())
    if (key.scope >= scope) add_key(schema, key);
  return schema;
}

json::Value document_schema(std::string_view title, KeyScope scope) {
  json::Value schema = json::Value::object();
  schema.set("$schema", "https://json-schema.org/draft/2020-12/schema");
  schema.set("title", title);
  const json::Value values = scope_schema(scope);
  for (const auto& [name, value] : values.as_object()) schema.set(name, value);
  return schema;
}

}  // namespace

std::string config_schema_json() {
  json::Value schema = document_schema("Configuration of a libtau runtime", KeyScope::kRuntime);
  json::Value profiles = names_schema(scope_schema(KeyScope::kProfile));
  profiles.set("description", "Sets of values that the key profile overlays by name.");
  schema.find("properties")->set("profiles", std::move(profiles));
  return json::write_pretty(schema) + "\n";
}

std::string agent_schema_json() {
  return json::write_pretty(document_schema("Configuration of a libtau agent", KeyScope::kAgent)) + "\n";
}

std::string Config::describe() const {
  json::Value values = json::Value::object();
  const auto add = [&](std::string_view path, const json::Value& value, const Layer* layer) {
    json::Value row = json::Value::object();
    row.set("value", value);
    row.set("origin", layer != nullptr ? layer->origin : std::string("default"));
    if (layer != nullptr && !layer->source.empty()) row.set("source", layer->source);
    values.set(path, std::move(row));
  };
  for (const Key& key : config_keys())
    if (!key.default_json.empty() && !state_->origins.contains(std::string(key.path)))
      add(key.path, parsed(key.default_json), nullptr);
  // Every value was checked when the layers were merged.
  const Status walked =
      walk_document(state_->merged, [&](const KeyPath& path, const Key& key, const json::Value& value) {
        const std::string text = key_text(path);
        const auto origin = state_->origins.find(text);
        const bool given = origin != state_->origins.end();
        add(text, shown(key, value), given ? &state_->layers[origin->second] : nullptr);
        return ok_status();
      });
  auto& rows = values.mutable_object();
  std::sort(rows.begin(), rows.end(), [](const auto& a, const auto& b) { return a.first < b.first; });
  json::Value layers = json::Value::array();
  for (const Layer& layer : state_->layers) {
    json::Value row = json::Value::object();
    row.set("origin", layer.origin);
    if (!layer.source.empty()) row.set("source", layer.source);
    layers.push_back(std::move(row));
  }
  json::Value out = json::Value::object();
  out.set("profile", state_->profile);
  out.set("layers", std::move(layers));
  out.set("values", std::move(values));
  return walked.ok() ? json::write(out) : "{}";
}

}  // namespace tau::runtime
