// Messages of chat completions, both ways.
#include <algorithm>

#include "wire/model_json.h"
#include "wire/openai.h"
#include "wire/turns.h"

namespace tau::wire::openai {
namespace {

constexpr std::string_view kParts = R"("parts")";

// A message that the model cannot hold, kept whole.
Message opaque_message(const json::Value& value, std::string_view origin) {
  Message message;
  message.labels = role_labels(Role::kUser);
  Part part{Opaque{"message", json::write(value)}, {}};
  set_form(part.extras, "slot", quoted("message"));
  mark_origin(part.extras, origin);
  message.parts.push_back(std::move(part));
  return message;
}

// Takes `content` when it says something: a string that is not empty, or an array that is not.
void decode_content(ObjectReader& in, std::string_view origin, std::vector<Part>& parts) {
  const json::Value* content = in.peek("content");
  if (content == nullptr) return in.absent("content");
  Text text;
  if (in.take_text("content", text.text)) {
    parts.push_back({std::move(text), {}});
    return;
  }
  if (in.take_array("content") == nullptr) return;
  bool only_text = true;
  for (const json::Value& item : content->as_array()) {
    parts.push_back(decode_part(item, origin));
    only_text = only_text && parts.back().as<Text>() != nullptr;
  }
  if (only_text) in.form("content", std::string(kParts));
}

void decode_calls(ObjectReader& in, std::string_view origin, std::string_view response_id, Message& message) {
  const json::Value* calls = in.peek("tool_calls");
  if (calls == nullptr || calls->as_array().empty()) return;
  const json::Value::Array& items = calls->as_array();
  if (!std::all_of(items.begin(), items.end(), [](const json::Value& v) { return v.is_object(); })) return;
  in.take("tool_calls");
  for (size_t i = 0; i < items.size(); ++i)
    message.parts.push_back(decode_call(items[i], i, origin, response_id));
}

Message decode_tool_message(ObjectReader& in, std::string_view origin) {
  Message message;
  message.role = Role::kTool;
  ToolResult result;
  in.expect("tool_call_id");
  in.take_string("tool_call_id", result.call_id);
  in.take_text("name", result.name);
  decode_content(in, origin, result.content);
  message.parts.push_back({std::move(result), {}});
  message.extras = in.finish(origin);
  return message;
}

template <class Parts>
bool all_plain_text(const Parts& parts) {
  return std::all_of(parts.begin(), parts.end(), [](const Part* p) {
    return p->template as<Text>() != nullptr && (p->extras.empty() || !extras_belong(p->extras, kOpenAi));
  });
}

// Text alone is a string, which every server takes; else an array of parts.
void write_content(ObjectWriter& out, const std::vector<const Part*>& parts) {
  if (all_plain_text(parts) && out.form("content") != kParts) {
    std::string text;
    for (size_t i = 0; i < parts.size(); ++i) {
      if (i > 0) text += '\n';
      text += parts[i]->as<Text>()->text;
    }
    out.field("content", text);
    return;
  }
  json::Writer& w = out.key("content").begin_array();
  for (const Part* part : parts) write_content_part(w, *part);
  w.end_array();
}

std::vector<const Part*> content_parts(const std::vector<Part>& parts) {
  std::vector<const Part*> out;
  for (const Part& part : parts)
    if (is_content(part)) out.push_back(&part);
  return out;
}

void write_calls(ObjectWriter& out, const Message& message, bool in_request) {
  if (!std::any_of(message.parts.begin(), message.parts.end(), is_call)) return;
  json::Writer& w = out.key("tool_calls").begin_array();
  for (const Part& part : message.parts)
    if (is_call(part)) write_call(w, part, in_request);
  w.end_array();
}

std::string_view wire_role(const Message& message, const Quirks& quirks) {
  if (message.role == Role::kSystem && quirks.developer_role) return "developer";
  // Only OpenAI itself knows the role; servers of its dialect take "system".
  const bool own = extras_origin(message.extras) == kOpenAiRequest;
  if (message.role == Role::kDeveloper && !quirks.developer_role && !own) return "system";
  return role_name(message.role);
}

void write_message(json::Writer& w, const Message& message, const std::vector<const Part*>& content,
                   const Quirks& quirks) {
  ObjectWriter out(w, message.extras, kOpenAiRequest);
  out.field("role", wire_role(message, quirks));
  const bool has_calls = std::any_of(message.parts.begin(), message.parts.end(), is_call);
  if (!content.empty()) {
    write_content(out, content);
  } else if (out.wants("content")) {
    if (has_calls)
      out.key("content").null();
    else
      out.field("content", "");
  }
  if (message.role == Role::kAssistant) {
    write_reasoning(out, message, &quirks);
    write_calls(out, message, true);
  }
  out.done();
}

// One tool result; media cannot stand in it and goes into `media`.
void write_result(json::Writer& w, const Message& message, const ToolResult& result,
                  std::vector<const Part*>& media) {
  ObjectWriter out(w, message.extras, kOpenAiRequest);
  out.field("role", "tool");
  if (out.wants("tool_call_id")) out.field("tool_call_id", result.call_id);
  // The name is not part of the protocol, but who sent it gets it back.
  if (!result.name.empty() && extras_origin(message.extras) == kOpenAiRequest) out.field("name", result.name);
  std::vector<const Part*> content;
  const bool native = extras_origin(message.extras) == kOpenAiRequest;
  for (const Part* part : content_parts(result.content))
    (part->as<Media>() != nullptr && !native ? media : content).push_back(part);
  if (!content.empty() || !media.empty())
    write_content(out, content);
  else if (out.wants("content"))
    out.field("content", "");
  out.done();
}

// The message kept whole, or null.
const Opaque* opaque_of(const Message& message) {
  if (message.parts.size() != 1 || find_form(message.parts.front().extras, "slot") != R"("message")")
    return nullptr;
  return message.parts.front().as<Opaque>();
}

}  // namespace

Message decode_message(const json::Value& value, std::string_view origin, std::string_view response_id) {
  ObjectReader in(value);
  Message message;
  message.role = Role::kAssistant;
  const bool in_response = origin == kOpenAiResponse;
  if (in_response) {
    in.expect("role");
    in.take_exactly("role", "assistant");
  } else {
    const Role* known = find_role(value["role"].as_string());
    if (known == nullptr) return opaque_message(value, origin);
    message.role = *known;
    in.take("role");
  }
  if (message.role == Role::kTool) return decode_tool_message(in, origin);
  if (message.role == Role::kAssistant) decode_reasoning(in, origin, message);
  decode_content(in, origin, message.parts);
  if (message.role == Role::kAssistant) decode_calls(in, origin, response_id, message);
  message.labels = role_labels(message.role);
  if (message.role == Role::kDeveloper) in.form("developer", "true");
  message.extras = in.finish(origin);
  return message;
}

void write_messages(json::Writer& out, const std::vector<Message>& messages, const Quirks& quirks) {
  // What came with tool results but cannot stand in them; it must not part the results of one turn.
  std::vector<const Part*> later;
  const auto flush = [&] {
    if (later.empty()) return;
    write_message(out, Message(), later, quirks);
    later.clear();
  };
  for (const Message& message : messages) {
    if (const Opaque* whole = opaque_of(message)) {
      flush();
      if (extras_belong(message.parts.front().extras, kOpenAi)) out.raw(whole->json);
      continue;
    }
    const std::vector<const Part*> content = content_parts(message.parts);
    bool has_results = false;
    for (const Part& part : message.parts) {
      const auto* result = part.as<ToolResult>();
      if (result == nullptr) continue;
      has_results = true;
      write_result(out, message, *result, later);
    }
    if (has_results) {
      later.insert(later.end(), content.begin(), content.end());
    } else {
      flush();
      write_message(out, message, content, quirks);
    }
  }
  flush();
}

void write_response_message(json::Writer& out, const Message& message) {
  ObjectWriter object(out, message.extras, kOpenAiResponse);
  if (object.wants("role")) object.field("role", "assistant");
  const std::vector<const Part*> content = content_parts(message.parts);
  if (!content.empty())
    write_content(object, content);
  else if (object.wants("content"))
    object.key("content").null();
  write_reasoning(object, message, nullptr);
  write_calls(object, message, false);
  object.done();
}

}  // namespace tau::wire::openai
