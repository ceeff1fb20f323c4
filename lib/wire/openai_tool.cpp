// Tools of chat completions, both ways.
#include "wire/openai.h"
#include "wire/tool_list.h"

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
    in.form("server", "true");
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

Status decode_tools(ObjectReader& in, std::vector<ToolSpec>& tools, const Flavor& flavor) {
  return wire::decode_tools(
      in, [&](const json::Value& tool) { return decode_tool(tool, flavor); }, tools);
}

std::vector<ToolSpec> offered_tools(const Request& request) {
  std::vector<ToolSpec> tools = request.tools;
  if (request.tool_choice.mode == ToolChoice::Mode::kNamed)
    std::erase_if(tools, [&](const ToolSpec& tool) { return tool.name != request.tool_choice.name; });
  return tools;
}

void write_tools(ObjectWriter& out, const std::vector<ToolSpec>& tools, const Flavor& flavor) {
  wire::write_tools(out, tools, flavor.dialect,
                    [&](json::Writer& w, const ToolSpec& tool) { write_tool(w, tool, flavor); });
}

}  // namespace tau::wire::openai
