// Tool calls of chat completions, in all the spellings that servers use.
#include "wire/anthropic.h"
#include "wire/openai.h"

namespace tau::wire::openai {

std::string decode_arguments(ObjectReader& function, ObjectReader& call, bool as_object) {
  const json::Value* v = function.peek("arguments");
  if (v == nullptr) {
    call.form("arguments", quoted("absent"));
    return "{}";
  }
  function.take("arguments");
  if (as_object && v->is_object()) return json::write(*v);
  if (as_object && v->is_string() && !v->as_string().empty()) call.form("arguments", quoted("string"));
  if (v->is_string() && !v->as_string().empty()) return std::string(v->as_string());
  if (v->is_string() || v->is_null()) {
    call.form("arguments", quoted(v->is_null() ? "null" : "empty"));
    return "{}";
  }
  call.form("arguments", quoted("value"));
  return json::write(*v);
}

void write_arguments(json::Writer& out, const std::string& arguments, std::string_view form, bool as_object) {
  const bool none = arguments == "{}";
  if (as_object && form.empty()) {
    out.key("arguments").raw(anthropic::input_object(arguments));
    return;
  }
  if (none && form == R"("absent")") return;
  out.key("arguments");
  if (form == R"("value")" && json::parse(arguments).ok())
    out.raw(arguments);
  else if (none && form == R"("null")")
    out.null();
  else
    out.string(none && form == R"("empty")" ? std::string_view() : std::string_view(arguments));
}

std::string synthetic_call_id(std::string_view response_id, size_t position) {
  const bool usable = is_valid_id(response_id) && response_id.size() < 100;
  return usable ? format("call_{}_{}", response_id, position) : format("call_{}", position);
}

Part decode_call(const json::Value& value, size_t position, std::string_view origin,
                 std::string_view response_id, const Flavor& flavor) {
  ObjectReader in(value);
  Part part;
  const json::Value* function = in.peek("function");
  const json::Value* type = in.peek("type");
  const bool is_function = type == nullptr || type->as_string("function") == "function";
  if (!is_function || function == nullptr || !(*function)["name"].is_string()) {
    part.body = Opaque{std::string(value["type"].as_string()), json::write(value)};
    set_form(part.extras, "slot", quoted("tool_calls"));
    mark_origin(part.extras, origin);
    return part;
  }
  in.expect("type");
  in.take_exactly("type", "function");
  ToolCall call;
  if (!in.take_text("id", call.id)) {
    in.absent("id");
    call.id = synthetic_call_id(response_id, position);
  }
  ObjectReader inner(*in.take("function"));
  inner.take_string("name", call.name);
  call.arguments = decode_arguments(inner, in, flavor.object_arguments);
  in.nested("function", inner);
  part.body = std::move(call);
  part.extras = in.finish(origin);
  return part;
}

bool is_call(const Part& part, const Flavor& flavor) {
  if (part.as<ToolCall>() != nullptr) return true;
  return part.as<Opaque>() != nullptr && extras_belong(part.extras, flavor.dialect) &&
         find_form(part.extras, "slot") == R"("tool_calls")";
}

void write_call(json::Writer& out, const Part& part, bool in_request, const Flavor& flavor) {
  if (const auto* opaque = part.as<Opaque>()) {
    out.raw(opaque->json);
    return;
  }
  const auto& call = *part.as<ToolCall>();
  // The position that a response gave to a call means nothing in a later request, and some servers refuse it.
  Extras kept;
  const bool drop_index = in_request && extras_origin(part.extras) == flavor.response;
  if (drop_index)
    for (const auto& [key, json] : part.extras)
      if (key != "index" && key != "tau:absent" && key != "tau:arguments") kept.add(key, json);
  ObjectWriter object(out, drop_index ? kept : part.extras, flavor.dialect);
  if (object.wants("id")) object.field("id", call.id);
  if (object.wants("type")) object.field("type", "function");
  object.key("function").begin_object().field("name", call.name);
  write_arguments(out, call.arguments.empty() ? std::string("{}") : call.arguments, object.form("arguments"),
                  flavor.object_arguments);
  object.nested("function");
  out.end_object();
  object.done();
}

}  // namespace tau::wire::openai
