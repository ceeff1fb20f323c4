// Reasoning in chat completions: reasoning_content (DeepSeek, Kimi, llama.cpp, vLLM), reasoning (Groq,
// OpenRouter) and reasoning_details (OpenRouter), which must go back unchanged and in order.
#include "wire/openai.h"

namespace tau::wire::openai {
namespace {

// The wire fields that hold the part's text, as the decoder noted them.
std::vector<std::string> text_fields(const Part& part, const Flavor& flavor) {
  const bool own = extras_belong(part.extras, flavor.dialect);
  const std::string_view form = own ? find_form(part.extras, "fields") : "";
  if (form.empty()) return {std::string(flavor.reasoning[0])};
  std::vector<std::string> out;
  if (const StatusOr<json::Value> list = json::parse(form); list.ok())
    for (const json::Value& name : list->as_array()) out.emplace_back(name.as_string());
  return out;
}

void write_text_fields(ObjectWriter& out, const std::vector<std::string>& fields, std::string_view text,
                       const Flavor& flavor) {
  for (const std::string_view name : flavor.reasoning)
    for (const std::string& field : fields)
      if (field == name) out.field(name, text);
}

// What a later request sends back of a response's reasoning.
void write_back(ObjectWriter& out, const Part& part, const Quirks& quirks, const Flavor& flavor) {
  const auto& reasoning = *part.as<Reasoning>();
  if (reasoning.form == Reasoning::Form::kDetails && quirks.reasoning_details_back) {
    out.raw("reasoning_details", reasoning.opaque);
    return;
  }
  if (!(quirks.reasoning_back || flavor.reasoning_back) || reasoning.text.empty()) return;
  std::vector<std::string> fields = text_fields(part, flavor);
  if (fields.empty()) fields.emplace_back(flavor.reasoning[0]);
  fields.resize(1);
  write_text_fields(out, fields, reasoning.text, flavor);
}

}  // namespace

std::string details_text(const json::Value& details) {
  std::string out;
  for (const json::Value& item : details.as_array()) {
    out += item["text"].as_string();
    out += item["summary"].as_string();
  }
  return out;
}

void decode_reasoning(ObjectReader& in, std::string_view origin, Message& message, const Flavor& flavor) {
  Reasoning reasoning;
  json::Value fields = json::Value::array();
  for (const std::string_view name : flavor.reasoning) {
    const json::Value* v = name.empty() ? nullptr : in.peek(name);
    if (v == nullptr || v->as_string().empty()) continue;
    if (!reasoning.text.empty() && v->as_string() != reasoning.text) continue;
    in.take_string(name, reasoning.text);
    fields.push_back(name);
  }
  if (const json::Value* details = in.take_array("reasoning_details")) {
    reasoning.form = Reasoning::Form::kDetails;
    reasoning.opaque = json::write(*details);
    if (reasoning.text.empty()) reasoning.text = details_text(*details);
  } else if (fields.size() == 0) {
    return;
  }
  Part part{std::move(reasoning), {}};
  set_form(part.extras, "fields", json::write(fields));
  mark_origin(part.extras, origin);
  message.parts.push_back(std::move(part));
}

void write_reasoning(ObjectWriter& out, const Message& message, const Quirks* quirks, const Flavor& flavor) {
  std::string text;
  for (const Part& part : message.parts) {
    const auto* reasoning = part.as<Reasoning>();
    if (reasoning == nullptr || is_thinking_part(part, flavor)) continue;
    const bool restore = extras_origin(part.extras) == (quirks != nullptr ? flavor.request : flavor.response);
    if (restore) {
      write_text_fields(out, text_fields(part, flavor), reasoning->text, flavor);
      if (reasoning->form == Reasoning::Form::kDetails) out.raw("reasoning_details", reasoning->opaque);
      return;
    }
    if (quirks != nullptr) {
      // Signed reasoning of another provider cannot be checked here: a change of model drops it. Plain text
      // goes to whoever has a member for it.
      const bool plain = reasoning->form == Reasoning::Form::kPlain && flavor.reasoning_back;
      const bool foreign = reasoning->form == Reasoning::Form::kSignature ||
                           reasoning->form == Reasoning::Form::kRedacted ||
                           !(plain || extras_belong(part.extras, flavor.dialect));
      if (!foreign) return write_back(out, part, *quirks, flavor);
      continue;
    }
    if (!text.empty() && !reasoning->text.empty()) text += '\n';
    text += reasoning->text;
  }
  if (!text.empty()) out.field(flavor.reasoning[0], text);
}

}  // namespace tau::wire::openai
