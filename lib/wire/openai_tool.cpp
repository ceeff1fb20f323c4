// Tools of chat completions, both ways.
#include <algorithm>

#include "wire/openai.h"

namespace tau::wire::openai {
namespace {

ToolSpec decode_tool(const json::Value& value, const Flavor& flavor) {
  ObjectReader in(value);
  ToolSpec tool;
  const json::Value* function = in.peek("function");
  const json::Value* type = in.peek("type");
  const bool is_function = type == nullptr || type->as_string() == "function";
  if (!is_function || function == nullptr || !(*function)["name"].is_string()) {
    // A tool that the server runs itself: nothing of it is ours.
    tool.name = value["type"].as_string();
    in.absent("function");
    tool.extras = in.finish(flavor.request);
    return tool;
  }
  in.expect("type");
  in.take("type");
  ObjectReader inner(*in.take("function"));
  inner.take_string("name", tool.name);
  inner.take_text("description", tool.description);
  if (const json::Value* parameters = inner.take_object("parameters"))
    tool.parameters = json::write(*parameters);
  if (flavor.strict_functions) tool.strict = inner.take_true("strict");
  in.nested("function", inner);
  tool.extras = in.finish(flavor.request);
  return tool;
}

// A server-run tool of another dialect cannot be offered here.
bool is_foreign_server_tool(const ToolSpec& tool, const Flavor& flavor) {
  if (extras_belong(tool.extras, flavor.dialect)) return false;
  const std::string_view type = tool.extras.find("type");
  return (!type.empty() && type != R"("custom")") || !find_form(tool.extras, "server").empty();
}

void write_tool(json::Writer& w, const ToolSpec& tool, const Flavor& flavor) {
  ObjectWriter out(w, tool.extras, flavor.request);
  if (!out.wants("function")) return out.done();
  if (out.wants("type")) out.field("type", "function");
  json::Writer& inner = out.key("function").begin_object().field("name", tool.name);
  if (!tool.description.empty()) inner.field("description", tool.description);
  if (!tool.parameters.empty()) inner.field_raw("parameters", tool.parameters);
  if (tool.strict && flavor.strict_functions) inner.field("strict", true);
  out.nested("function");
  inner.end_object();
  out.done();
}

}  // namespace

StatusOr<std::vector<ToolSpec>> decode_tools(const json::Value& tools, const Flavor& flavor) {
  std::vector<ToolSpec> out;
  for (const json::Value& tool : tools.as_array()) {
    if (!tool.is_object())
      return invalid_argument("invalid_request", "every element of \"tools\" must be an object");
    out.push_back(decode_tool(tool, flavor));
  }
  return out;
}

void write_tools(ObjectWriter& out, const std::vector<ToolSpec>& tools, const Flavor& flavor) {
  const auto offered = [&](const ToolSpec& tool) { return !is_foreign_server_tool(tool, flavor); };
  if (!std::any_of(tools.begin(), tools.end(), offered)) return;
  json::Writer& w = out.key("tools").begin_array();
  for (const ToolSpec& tool : tools)
    if (offered(tool)) write_tool(w, tool, flavor);
  w.end_array();
}

}  // namespace tau::wire::openai
