// The registry: tools by name, their schemas compiled once.
#include <algorithm>

#include "tool/tool.h"

namespace tau::tool {
namespace {

constexpr size_t kMaxNameBytes = 64;

bool is_valid_name(std::string_view name) {
  constexpr std::string_view kAllowed = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-";
  return !name.empty() && name.size() <= kMaxNameBytes && name.find_first_not_of(kAllowed) == name.npos;
}

Status invalid_manifest(std::string_view name, std::string_view why) {
  return invalid_argument("invalid_manifest", format("tool \"{}\": {}", repair_utf8(name), why));
}

// Whether the arguments that a schema describes may have one of this name. In doubt they may: members can
// come from other places than "properties".
bool may_have(const json::Value& schema, std::string_view argument) {
  for (const std::string_view other : {"$ref", "allOf", "anyOf", "oneOf", "patternProperties"})
    if (schema.contains(other)) return true;
  const json::Value& properties = schema["properties"];
  return properties.size() == 0 || properties.contains(argument) ||
         properties.contains(argument.substr(0, argument.find('.')));
}

template <class Tools>
auto position(Tools& tools, std::string_view name) {
  return std::lower_bound(tools.begin(), tools.end(), name,
                          [](const auto& entry, std::string_view n) { return entry.first < n; });
}

}  // namespace

Status Registry::add(std::shared_ptr<Tool> tool) {
  const Manifest& manifest = tool->manifest();
  const std::string& name = manifest.name;
  if (!is_valid_name(name)) return invalid_manifest(name, "a name has 1 to 64 characters of [a-zA-Z0-9_-]");
  if (manifest.timeout_ms <= 0) return invalid_manifest(name, "timeout_ms must be positive");
  const StatusOr<json::Value> parsed = json::parse(manifest.parameters);
  if (!parsed.ok()) return invalid_manifest(name, format("parameters: {}", parsed.status().message()));
  if (!parsed->is_object()) return invalid_manifest(name, "parameters must be a JSON Schema object");
  StatusOr<json::Schema> schema = json::Schema::compile(*parsed);
  if (!schema.ok()) return invalid_manifest(name, format("parameters: {}", schema.status().message()));
  // A misspelt destination would be one that no call ever names.
  for (const std::string& argument : manifest.destination_args)
    if (!may_have(*parsed, argument))
      return invalid_manifest(
          name, format("destinations: \"{}\" is no argument that parameters describe", argument));
  const auto at = position(tools_, name);
  if (at != tools_.end() && at->first == name)
    return {Code::kAlreadyExists, "duplicate_tool", format("there is a tool named \"{}\" already", name)};
  Entry entry = {std::move(tool), std::make_shared<json::Schema>(*std::move(schema))};
  tools_.emplace(at, name, std::move(entry));
  return ok_status();
}

std::shared_ptr<Tool> Registry::find(std::string_view name) const {
  const auto at = position(tools_, name);
  return at != tools_.end() && at->first == name ? at->second.tool : nullptr;
}

std::vector<std::shared_ptr<Tool>> Registry::all() const {
  std::vector<std::shared_ptr<Tool>> tools;
  for (const auto& [name, entry] : tools_) tools.push_back(entry.tool);
  return tools;
}

const json::Schema* Registry::schema(std::string_view name) const {
  const auto at = position(tools_, name);
  return at != tools_.end() && at->first == name ? at->second.schema.get() : nullptr;
}

}  // namespace tau::tool
