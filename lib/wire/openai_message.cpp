// Messages of chat completions, both ways.
#include <algorithm>
#include <utility>

#include "crypto/crypto.h"
#include "wire/media.h"
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
void decode_content(ObjectReader& in, std::string_view origin, const Flavor& flavor,
                    std::vector<Part>& parts) {
  const json::Value* content = in.peek("content");
  if (content == nullptr) return in.absent("content");
  Text text;
  if (in.take_text("content", text.text)) {
    parts.push_back({std::move(text), {}});
    return;
  }
  if (flavor.images_apart || in.take_array("content") == nullptr) return;
  bool only_text = true;
  for (const json::Value& item : content->as_array()) {
    parts.push_back(decode_part(item, origin, flavor));
    only_text = only_text && parts.back().as<Text>() != nullptr;
  }
  if (only_text) in.form("content", std::string(kParts));
}

// {"images":["<base 64>",…]}, all of them or none.
void decode_images(ObjectReader& in, std::vector<Part>& parts) {
  const json::Value* images = in.peek("images");
  if (images == nullptr) return;
  std::vector<Part> found;
  for (const json::Value& image : images->as_array()) {
    Media media;
    if (!decode_exact_base64(image.as_string(), media.data)) return;
    media.mime = image_mime(media.data);
    found.push_back({std::move(media), {}});
  }
  if (in.take_array("images") == nullptr) return;
  in.form("images", "true");
  for (Part& part : found) parts.push_back(std::move(part));
}

void decode_calls(ObjectReader& in, std::string_view origin, std::string_view response_id,
                  const Flavor& flavor, Message& message) {
  const json::Value* calls = in.peek("tool_calls");
  if (calls == nullptr || calls->as_array().empty()) return;
  const json::Value::Array& items = calls->as_array();
  if (!std::all_of(items.begin(), items.end(), [](const json::Value& v) { return v.is_object(); })) return;
  in.take("tool_calls");
  for (size_t i = 0; i < items.size(); ++i)
    message.parts.push_back(decode_call(items[i], i, origin, response_id, flavor));
}

Message decode_tool_message(ObjectReader& in, std::string_view origin, const Flavor& flavor) {
  Message message;
  message.role = Role::kTool;
  ToolResult result;
  in.expect("tool_call_id");
  in.take_string("tool_call_id", result.call_id);
  in.take_text(flavor.result_name, result.name);
  decode_content(in, origin, flavor, result.content);
  if (flavor.images_apart) decode_images(in, result.content);
  message.parts.push_back({std::move(result), {}});
  message.extras = in.finish(origin);
  return message;
}

bool all_plain_text(const std::vector<const Part*>& parts, const Flavor& flavor) {
  return std::all_of(parts.begin(), parts.end(), [&](const Part* p) {
    return p->as<Text>() != nullptr && (p->extras.empty() || !extras_belong(p->extras, flavor.dialect));
  });
}

// The text of those that are text.
std::string joined_text(const std::vector<const Part*>& parts) {
  std::string text;
  bool first = true;
  for (const Part* part : parts) {
    const auto* piece = part->as<Text>();
    if (piece == nullptr) continue;
    if (!std::exchange(first, false)) text += '\n';
    text += piece->text;
  }
  return text;
}

// Of images only the bytes can be sent.
void write_text_and_images(ObjectWriter& out, const std::vector<const Part*>& parts) {
  const auto is_image = [](const Part* part) {
    const auto* media = part->as<Media>();
    return media != nullptr && media->kind == MediaKind::kImage && !media->data.empty();
  };
  const std::string text = joined_text(parts);
  if (!text.empty() || out.wants("content")) out.field("content", text);
  if (std::none_of(parts.begin(), parts.end(), is_image)) return;
  json::Writer& w = out.key("images").begin_array();
  for (const Part* part : parts)
    if (is_image(part)) w.string(crypto::base64_encode(part->as<Media>()->data));
  w.end_array();
}

// Text alone is a string, which every server takes; else an array of parts.
void write_content(ObjectWriter& out, const std::vector<const Part*>& parts, const Flavor& flavor,
                   bool is_answer = false) {
  if (flavor.images_apart) return write_text_and_images(out, parts);
  const bool as_array = out.form("content") == kParts || (is_answer && flavor.array_answer);
  if (!as_array && all_plain_text(parts, flavor)) return out.field("content", joined_text(parts));
  json::Writer& w = out.key("content").begin_array();
  for (const Part* part : parts) write_content_part(w, *part, flavor);
  w.end_array();
}

// Whether the part is the member "refusal" of a message: of answers, and of requests that had it so. Other
// servers of this dialect know only content.
bool is_refusal_member(const Part& part, bool in_answer, const Flavor& flavor) {
  const bool may_be = in_answer || extras_origin(part.extras) == flavor.request;
  return may_be && flavor.dialect == kOpenAi && is_refusal(part);
}

std::vector<const Part*> content_parts(const std::vector<Part>& parts, const Flavor& flavor,
                                       bool in_answer = false) {
  std::vector<const Part*> out;
  for (const Part& part : parts)
    if (is_content(part, flavor) && !is_refusal_member(part, in_answer, flavor)) out.push_back(&part);
  return out;
}

void decode_refusal(ObjectReader& in, std::string_view origin, std::vector<Part>& parts) {
  Text text;
  if (!in.take_text("refusal", text.text)) return;
  Part part{std::move(text), {}};
  set_form(part.extras, "type", kRefusalForm);
  mark_origin(part.extras, origin);
  parts.push_back(std::move(part));
}

void write_refusal(ObjectWriter& out, const Message& message, bool in_answer, const Flavor& flavor) {
  std::string text;
  for (const Part& part : message.parts)
    if (is_refusal_member(part, in_answer, flavor)) text += part.as<Text>()->text;
  if (!text.empty()) out.field("refusal", text);
}

bool has_calls(const Message& message, const Flavor& flavor) {
  return std::any_of(message.parts.begin(), message.parts.end(),
                     [&](const Part& part) { return is_call(part, flavor); });
}

void write_calls(ObjectWriter& out, const Message& message, bool in_request, const Flavor& flavor) {
  if (!has_calls(message, flavor)) return;
  json::Writer& w = out.key("tool_calls").begin_array();
  for (const Part& part : message.parts)
    if (is_call(part, flavor)) write_call(w, part, in_request, flavor);
  w.end_array();
}

std::string_view wire_role(const Message& message, const Quirks& quirks, const Flavor& flavor) {
  if (message.role == Role::kSystem && quirks.developer_role) return "developer";
  // Only OpenAI itself knows the role; servers of its dialect take "system".
  const bool own = extras_origin(message.extras) == flavor.request;
  if (message.role == Role::kDeveloper && !quirks.developer_role && !own) return "system";
  return role_name(message.role);
}

void write_message(json::Writer& w, const Message& message, const std::vector<const Part*>& content,
                   const Quirks& quirks, const Flavor& flavor) {
  ObjectWriter out(w, message.extras, flavor.request);
  out.field("role", wire_role(message, quirks, flavor));
  const bool only_calls = has_calls(message, flavor) && !flavor.images_apart;
  if (!content.empty()) {
    write_content(out, content, flavor);
  } else if (out.wants("content")) {
    if (!only_calls)
      out.field("content", "");
    else if (!flavor.array_answer)
      out.key("content").null();
  }
  if (message.role == Role::kAssistant) {
    write_refusal(out, message, false, flavor);
    write_reasoning(out, message, &quirks, flavor);
    write_calls(out, message, true, flavor);
  }
  out.done();
}

// One tool result; media cannot stand in it and goes into `media`.
void write_result(json::Writer& w, const Message& message, const ToolResult& result, std::string_view name,
                  const Flavor& flavor, std::vector<const Part*>& media) {
  const bool native = extras_origin(message.extras) == flavor.request;
  ObjectWriter out(w, message.extras, flavor.request);
  out.field("role", "tool");
  if (out.wants("tool_call_id")) out.field("tool_call_id", result.call_id);
  // The name is not part of OpenAI's protocol, but who sent it gets it back.
  if (native) name = result.name;
  if (!name.empty() && (native || flavor.images_apart)) out.field(flavor.result_name, name);
  std::vector<const Part*> content;
  for (const Part* part : content_parts(result.content, flavor))
    (part->as<Media>() != nullptr && !native ? media : content).push_back(part);
  if (!content.empty() || !media.empty())
    write_content(out, content, flavor);
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

Message decode_message(const json::Value& value, std::string_view origin, std::string_view response_id,
                       const Flavor& flavor) {
  ObjectReader in(value);
  Message message;
  message.role = Role::kAssistant;
  if (origin == flavor.response) {
    // An answer is the assistant's, whatever it says.
    in.expect("role");
    in.take_exactly("role", "assistant");
  } else {
    const Role* known = find_role(value["role"].as_string());
    if (known == nullptr) return opaque_message(value, origin);
    message.role = *known;
    in.take("role");
  }
  if (message.role == Role::kTool) return decode_tool_message(in, origin, flavor);
  if (message.role == Role::kAssistant) decode_reasoning(in, origin, message, flavor);
  decode_content(in, origin, flavor, message.parts);
  if (flavor.images_apart) decode_images(in, message.parts);
  if (message.role == Role::kAssistant && flavor.dialect == kOpenAi)
    decode_refusal(in, origin, message.parts);
  if (message.role == Role::kAssistant) decode_calls(in, origin, response_id, flavor, message);
  message.labels = role_labels(message.role);
  if (message.role == Role::kDeveloper) in.form("developer", "true");
  message.extras = in.finish(origin);
  return message;
}

Status decode_messages(ObjectReader& in, std::vector<Message>& messages, const Flavor& flavor) {
  const json::Value* items = in.take("messages");
  if (items == nullptr || !items->is_array())
    return invalid_argument("invalid_request", "\"messages\" must be an array of messages");
  for (const json::Value& item : items->as_array()) {
    if (!item["role"].is_string())
      return invalid_argument("invalid_request", "every message must be an object with a \"role\"");
    const std::string prefix = flavor.call_ids ? std::string() : format("m{}", messages.size());
    messages.push_back(decode_message(item, flavor.request, prefix, flavor));
  }
  return ok_status();
}

void write_messages(json::Writer& out, const std::vector<Message>& messages, const Quirks& quirks,
                    const Flavor& flavor) {
  // What came with tool results but cannot stand in them; it must not part the results of one turn.
  std::vector<const Part*> later;
  const auto flush = [&] {
    if (later.empty()) return;
    write_message(out, Message(), later, quirks, flavor);
    later.clear();
  };
  for (const Message& message : messages) {
    if (const Opaque* whole = opaque_of(message)) {
      flush();
      if (extras_belong(message.parts.front().extras, flavor.dialect)) out.raw(whole->json);
      continue;
    }
    const std::vector<const Part*> content = content_parts(message.parts, flavor);
    bool has_results = false;
    for (const Part& part : message.parts) {
      const auto* result = part.as<ToolResult>();
      if (result == nullptr) continue;
      has_results = true;
      const std::string_view name =
          result->name.empty() ? called_tool({messages.data(), &message}, result->call_id) : result->name;
      write_result(out, message, *result, name, flavor, later);
    }
    if (has_results) {
      later.insert(later.end(), content.begin(), content.end());
    } else {
      flush();
      write_message(out, message, content, quirks, flavor);
    }
  }
  flush();
}

void write_response_message(json::Writer& out, const Message& message, const Flavor& flavor) {
  ObjectWriter object(out, message.extras, flavor.response);
  if (object.wants("role")) object.field("role", "assistant");
  const std::vector<const Part*> content = content_parts(message.parts, flavor, true);
  if (!content.empty() || (flavor.images_apart && object.wants("content")))
    write_content(object, content, flavor, true);
  else if (object.wants("content") && !flavor.array_answer)
    object.key("content").null();
  write_refusal(object, message, true, flavor);
  write_reasoning(object, message, nullptr, flavor);
  write_calls(object, message, false, flavor);
  object.done();
}

}  // namespace tau::wire::openai
