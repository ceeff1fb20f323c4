#include "wire/anthropic_block_start.h"

#include <algorithm>
#include <initializer_list>

#include "wire/anthropic.h"

namespace tau::wire::anthropic {
namespace {

bool none_of(std::initializer_list<const json::Field*> fields) {
  return std::none_of(fields.begin(), fields.end(), [](const json::Field* field) { return field->given(); });
}

bool decode_body(const BlockStart& start, json::Compactor& compactor, Part& part) {
  const std::string_view type = start.type.text;
  if (type == "text") {
    if (!start.text.given()) return false;
    if (!none_of({&start.thinking, &start.signature, &start.id, &start.name, &start.input})) return false;
    if (start.text.text.empty()) set_form(part.extras, "empty", "true");
    part.body = Text{std::string(start.text.text)};
    return true;
  }
  if (type == "thinking") {
    if (!start.thinking.given() || !start.signature.given()) return false;
    if (!none_of({&start.text, &start.id, &start.name, &start.input})) return false;
    part.body = Reasoning{std::string(start.thinking.text), std::string(start.signature.text),
                          Reasoning::Form::kSignature};
    return true;
  }
  if (type != "tool_use" || !start.id.given() || !start.name.given() || !start.input.given()) return false;
  if (!none_of({&start.text, &start.thinking, &start.signature})) return false;
  if (!compactor.make(start.input.text) || compactor.text() != "{}") return false;
  if (!is_wire_call_id(start.id.text)) set_form(part.extras, "id", "true");
  part.body = ToolCall{std::string(start.id.text), std::string(start.name.text), "{}"};
  return true;
}

}  // namespace

void BlockStart::clear() {
  type = text = thinking = signature = id = name = input = {};
  others.clear();
}

void BlockStart::follow(json::Shape& shape) {
  for (json::Field* field : {&type, &text, &thinking, &signature, &id, &name, &input}) shape.follow(*field);
  wire::follow(shape, others);
}

bool decode_start(const BlockStart& start, json::Compactor& compactor, Part& part) {
  if (!decode_body(start, compactor, part)) return false;
  for (const auto& [key, json] : start.others)
    if (compactor.make(json.text)) add_member(part.extras, key.text, compactor.text());
  mark_origin(part.extras, kAnthropicResponse);
  return true;
}

}  // namespace tau::wire::anthropic
