// Items of Responses, both ways: messages, reasoning, calls and their results. Others stay as they are.
#include <algorithm>

#include "wire/model_json.h"
#include "wire/responses.h"

namespace tau::wire::responses {
namespace {

constexpr std::string_view kContinues = "true";
constexpr std::string_view kBreak = "\n\n";  // between the summaries of one item

void add_opaque(const json::Value& item, std::string_view origin, std::vector<Part>& parts) {
  Part part{Opaque{std::string(item["type"].as_string()), json::write(item)}, {}};
  set_form(part.extras, "slot", quoted("item"));
  mark_origin(part.extras, origin);
  parts.push_back(std::move(part));
}

// In a response items have ids, and all but reasoning a status.
void expect_identity(ObjectReader& in, std::string_view type, std::string_view origin) {
  if (origin != kResponsesResponse) return;
  in.expect("id");
  if (type != "reasoning") in.expect("status");
}

// The members beside type, role and content as JSON of Extras.
std::string item_form(ObjectReader& in, Role role, std::string_view origin) {
  expect_identity(in, "message", origin);
  for (const std::string_view key : {"type", "role"}) in.expect(key);
  in.take_exactly("type", "message");
  in.take_exactly("role", role_name(role));
  std::string text;
  json::Writer out(text);
  out.begin_object();
  for (const auto& [key, json] : in.finish(origin)) out.key(key).raw(json);
  out.end_object();
  return text;
}

void add_message(const json::Value& item, Role role, std::string_view origin, std::vector<Part>& parts) {
  ObjectReader in(item);
  std::vector<Part> contents;
  if (Text text; in.take_text("content", text.text)) {
    in.form("content", quoted("string"));
    contents.push_back({std::move(text), {}});
  } else if (const json::Value* list = in.take_array("content")) {
    for (const json::Value& content : list->as_array())
      contents.push_back(decode_content(content, role, origin));
  } else {
    return add_opaque(item, origin, parts);
  }
  const std::string form = item_form(in, role, origin);
  for (size_t i = 0; i < contents.size(); ++i) {
    set_form(contents[i].extras, "item", i == 0 ? std::string_view(form) : kContinues);
    mark_origin(contents[i].extras, origin);
    parts.push_back(std::move(contents[i]));
  }
}

// Texts of a list of {"type":…,"text":…}, joined. `plain`: nothing else is in it.
std::string joined(const json::Value& list, std::string_view type, bool& plain) {
  std::string out;
  const json::Value::Array& items = list.as_array();
  for (size_t i = 0; i < items.size(); ++i) {
    if (i > 0) out += kBreak;
    out += items[i]["text"].as_string();
    plain =
        plain && items[i].size() == 2 && items[i]["type"].as_string() == type && items[i]["text"].is_string();
  }
  plain = plain && items.size() == 1 && !out.empty();
  return out;
}

// The text is that of the summaries, or of the contents where there are none.
bool decode_reasoning(ObjectReader& in, Reasoning& reasoning) {
  in.take_no_elements("summary");
  const json::Value* summary = in.peek("summary");
  const bool open = summary == nullptr || summary->as_array().empty();
  const std::string_view key = open ? "content" : "summary";
  if (const json::Value* list = in.take_array(key)) {
    bool plain = true;
    reasoning.text = joined(*list, open ? "reasoning_text" : "summary_text", plain);
    if (open) in.form("text", quoted(key));
    if (!plain) in.form("list", json::write(*list));
  }
  if (in.take_text("encrypted_content", reasoning.opaque)) reasoning.form = Reasoning::Form::kRedacted;
  return true;
}

bool decode_call(ObjectReader& in, bool custom, std::string_view response_id, size_t position,
                 ToolCall& call) {
  const json::Value* input = in.peek("input");
  if (in.peek("name") == nullptr || !in.peek("name")->is_string()) return false;
  if (custom && (input == nullptr || !input->is_string())) return false;
  in.take_string("name", call.name);
  if (!in.take_text("call_id", call.id)) {
    in.absent("call_id");
    call.id = openai::synthetic_call_id(response_id, position);
  }
  if (custom) {
    call.arguments = custom_arguments(in.take("input")->as_string());
    in.form("custom", "true");
  } else {
    call.arguments = openai::decode_arguments(in, in);
  }
  return true;
}

bool decode_result(ObjectReader& in, std::string_view type, std::string_view origin, ToolResult& result) {
  if (!in.take_string("call_id", result.call_id)) return false;
  if (Text text; in.take_text("output", text.text)) {
    result.content.push_back({std::move(text), {}});
  } else if (const json::Value* list = in.take_array("output")) {
    for (const json::Value& content : list->as_array())
      result.content.push_back(decode_content(content, Role::kUser, origin));
    in.form("output", quoted("array"));
  } else {
    in.expect("output");
  }
  if (type != "function_call_output") in.form("type", quoted(type));
  return true;
}

const json::Value* parsed_item_form(const Part& part, json::Value& storage) {
  const std::string_view form = extras_belong(part.extras, kResponses) ? find_form(part.extras, "item") : "";
  if (form.empty() || form == kContinues) return nullptr;
  StatusOr<json::Value> value = json::parse(form);
  if (!value.ok()) return nullptr;
  storage = *std::move(value);
  return &storage;
}

// The summaries as they came, while they still say what the part says.
bool write_list(ObjectWriter& out, std::string_view key, std::string_view type, const std::string& text) {
  const StatusOr<json::Value> list = json::parse(out.form("list"));
  bool plain = true;
  if (!list.ok() || joined(*list, type, plain) != text) return false;
  out.key(key).value(*list);
  return true;
}

void write_texts(ObjectWriter& out, std::string_view key, std::string_view type, const std::string& text) {
  if (write_list(out, key, type, text)) return;
  json::Writer& w = out.key(key).begin_array();
  if (!text.empty()) w.begin_object().field("type", type).field("text", text).end_object();
  w.end_array();
}

}  // namespace

void decode_item(const json::Value& item, Role role, std::string_view origin, std::string_view response_id,
                 size_t position, std::vector<Part>& parts) {
  const std::string_view type = item["type"].as_string(item.contains("role") ? "message" : "");
  if (type == "message") return add_message(item, role, origin, parts);
  ObjectReader in(item);
  Part part;
  const bool custom = type == "custom_tool_call";
  if (Reasoning reasoning; type == "reasoning" && decode_reasoning(in, reasoning)) {
    part.body = std::move(reasoning);
  } else if (ToolCall call;
             (type == "function_call" || custom) && decode_call(in, custom, response_id, position, call)) {
    part.body = std::move(call);
  } else if (ToolResult result; (type == "function_call_output" || type == "custom_tool_call_output") &&
                                decode_result(in, type, origin, result)) {
    part.body = std::move(result);
  } else {
    return add_opaque(item, origin, parts);
  }
  in.take("type");
  expect_identity(in, type, origin);
  in.form("whole", "true");
  part.extras = in.finish(origin);
  parts.push_back(std::move(part));
}

void set_item_form(Part& first, const json::Value& item, std::string_view origin) {
  ObjectReader in(item);
  in.take("content");
  set_form(first.extras, "item", item_form(in, Role::kAssistant, origin));
  mark_origin(first.extras, origin);
}

std::string item_id(std::string_view prefix, std::string_view response_id, size_t number) {
  return format("{}_{}_{}", prefix, response_id, number);
}

std::vector<const Part*> pointers_to(const std::vector<Part>& parts) {
  std::vector<const Part*> out;
  for (const Part& part : parts) out.push_back(&part);
  return out;
}

bool begins_item(const Part& part, const Part* before, Role role) {
  if (before == nullptr || !is_content(part, role) || !is_content(*before, role)) return true;
  const std::string_view form = extras_belong(part.extras, kResponses) ? find_form(part.extras, "item") : "";
  return !form.empty() && form != kContinues;
}

// What another server signed or encrypted means nothing to this one, and an item that is neither stored nor
// encrypted cannot be sent back.
bool ItemWriter::can_write(const Part& part, Role role) const {
  if (part.as<ToolCall>() != nullptr || part.as<ToolResult>() != nullptr || is_content(part, role))
    return true;
  const bool own = extras_belong(part.extras, kResponses);
  const std::string_view came_from = extras_origin(part.extras);
  const auto* reasoning = part.as<Reasoning>();
  if (reasoning == nullptr) return part.as<Opaque>() != nullptr && own;
  if (in_response()) return is_thought(part) || (own && !came_from.empty());
  return came_from == kResponsesRequest || (came_from == kResponsesResponse && !reasoning->opaque.empty());
}

void ItemWriter::write(std::vector<const Part*> parts, Role role, size_t first) {
  number_ = first;
  std::erase_if(parts, [&](const Part* part) { return !can_write(*part, role); });
  for (size_t i = 0; i < parts.size(); ++i) {
    const Part& part = *parts[i];
    if (is_content(part, role)) {
      size_t end = i + 1;
      while (end < parts.size() && !begins_item(*parts[end], parts[end - 1], role)) ++end;
      write_message(parts.data() + i, parts.data() + end, role);
      i = end - 1;
    } else if (part.as<ToolCall>() != nullptr) {
      write_call(part);
    } else if (part.as<ToolResult>() != nullptr) {
      write_result(part);
    } else if (part.as<Reasoning>() != nullptr) {
      write_reasoning(part);
    } else if (const auto* opaque = part.as<Opaque>()) {
      out_.raw(opaque->json);
    }
    ++number_;
  }
}

// In a request, what the server gave an item of its own answer is not sent back: without a stored response it
// names nothing.
const Extras& ItemWriter::kept(const Extras& extras, Extras& scratch) const {
  if (in_response() || extras_origin(extras) != kResponsesResponse) return extras;
  for (const auto& [key, json] : extras)
    if (key != "id" && key != "status" && key != "content") scratch.add(key, json);
  return scratch;
}

void ItemWriter::begin(ObjectWriter& out, std::string_view type, std::string_view prefix) {
  if (out.wants("type")) out.field("type", type);
  if (!in_response()) return;
  if (out.wants("id")) out.field("id", item_id(prefix, response_id_, number_));
  if (prefix != "rs" && out.wants("status")) out.field("status", "completed");
}

void ItemWriter::write_message(const Part* const* begin_part, const Part* const* end, Role role) {
  json::Value form;
  const bool came = parsed_item_form(**begin_part, form) != nullptr;
  const Extras given = came ? extras_from_json(form) : Extras();
  Extras scratch;
  ObjectWriter out(out_, kept(given, scratch), kResponses);
  begin(out, "message", "msg");
  if (out.wants("role")) out.field("role", role_name(role == Role::kTool ? Role::kUser : role));
  const bool sole = end - begin_part == 1 && (*begin_part)->as<Text>() != nullptr;
  const bool string =
      came ? out.form("content") == R"("string")" : !in_response() && !is_refusal(**begin_part);
  if (sole && string) {
    out.field("content", (*begin_part)->as<Text>()->text);
  } else {
    json::Writer& w = out.key("content").begin_array();
    for (const Part* const* part = begin_part; part != end; ++part) write_content(w, **part, role, origin_);
    w.end_array();
  }
  out.done();
}

void ItemWriter::write_call(const Part& part) {
  const auto& call = *part.as<ToolCall>();
  Extras scratch;
  ObjectWriter out(out_, kept(part.extras, scratch), kResponses);
  std::string input;
  const bool custom = is_custom(part.extras) && custom_input(call.arguments, input);
  begin(out, custom ? "custom_tool_call" : "function_call", custom ? "ctc" : "fc");
  if (out.wants("call_id")) out.field("call_id", call.id);
  out.field("name", call.name);
  if (custom) {
    out.field("input", input);
  } else {
    openai::write_arguments(out.out(), call.arguments.empty() ? std::string("{}") : call.arguments,
                            out.form("arguments"));
  }
  out.done();
}

void ItemWriter::write_result(const Part& part) {
  const auto& result = *part.as<ToolResult>();
  Extras scratch;
  ObjectWriter out(out_, kept(part.extras, scratch), kResponses);
  const bool custom = out.form("type") == R"("custom_tool_call_output")";
  begin(out, custom ? "custom_tool_call_output" : "function_call_output", "fco");
  out.field("call_id", result.call_id);
  const bool array = result.content.size() != 1 || result.content.front().as<Text>() == nullptr ||
                     out.form("output") == R"("array")";
  if (result.content.empty()) {
    if (out.wants("output")) out.field("output", "");
  } else if (array) {
    json::Writer& w = out.key("output").begin_array();
    for (const Part& content : result.content)
      if (is_content(content, Role::kUser)) write_content(w, content, Role::kUser, origin_);
    w.end_array();
  } else {
    out.field("output", result.content.front().as<Text>()->text);
  }
  out.done();
}

void ItemWriter::write_reasoning(const Part& part) {
  const auto& reasoning = *part.as<Reasoning>();
  const std::string_view came_from = extras_origin(part.extras);
  Extras scratch;
  for (const auto& [key, json] : part.extras)
    if (in_response() || came_from == kResponsesRequest || (key != "status" && key != "content"))
      scratch.add(key, json);
  ObjectWriter out(out_, scratch, kResponses);
  begin(out, "reasoning", "rs");
  const bool open = out.form("text") == R"("content")";
  if (open && (in_response() || came_from == kResponsesRequest))
    write_texts(out, "content", "reasoning_text", reasoning.text);
  if (!open && (!reasoning.text.empty() || !out.form("list").empty()))
    write_texts(out, "summary", "summary_text", reasoning.text);
  else if (out.wants("summary"))
    out.key("summary").begin_array().end_array();
  if (out.own() && !reasoning.opaque.empty() && reasoning.form == Reasoning::Form::kRedacted)
    out.field("encrypted_content", reasoning.opaque);
  out.done();
}

}  // namespace tau::wire::responses
