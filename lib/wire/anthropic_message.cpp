// The messages of an Anthropic request, both ways: roles alternate, tool results of one turn stand together
// in one user message and before anything else in it.
#include <algorithm>

#include "wire/anthropic.h"
#include "wire/turns.h"

namespace tau::wire::anthropic {
namespace {

// The role of a message on this wire.
std::string_view wire_role(const Message& message) {
  if (message.role == Role::kAssistant) return "assistant";
  if (message.role == Role::kSystem || message.role == Role::kDeveloper) return "system";
  return "user";
}

bool is_result(const Part& part) { return part.as<ToolResult>() != nullptr; }

Role role_of(std::string_view wire_role, const std::vector<Part>& parts) {
  if (wire_role == "assistant") return Role::kAssistant;
  if (wire_role == "system") return Role::kSystem;
  return !parts.empty() && std::all_of(parts.begin(), parts.end(), is_result) ? Role::kTool : Role::kUser;
}

// Whether the message came without a block that could be written, and so goes back.
bool came_empty(const Message& message) {
  if (!extras_belong(message.extras, kAnthropic)) return false;
  return !message.extras.find("content").empty() || !find_form(message.extras, "absent").empty();
}

bool is_left_out(const Message& message) {
  if (is_hoisted(message)) return true;
  return std::none_of(message.parts.begin(), message.parts.end(), can_write) && !came_empty(message);
}

void write_turn(json::Writer& w, const Turn& messages) {
  const Message& first = *messages.front();
  std::vector<const Part*> parts = parts_of(messages, can_write);
  if (messages.size() > 1) results_first(parts);
  ObjectWriter out(w, first.extras, kAnthropicRequest);
  out.field("role", wire_role(first));
  const bool string =
      parts.size() == 1 && parts.front()->as<Text>() != nullptr && !out.form("content").empty();
  if (string) {
    out.field("content", parts.front()->as<Text>()->text);
  } else if (!parts.empty() || out.wants("content")) {
    out.key("content").begin_array();
    for (const Part* part : parts) write_block(w, *part);
    w.end_array();
  }
  out.done();
}

}  // namespace

bool is_hoisted(const Message& message) {
  if (message.role != Role::kSystem && message.role != Role::kDeveloper) return false;
  return !extras_belong(message.extras, kAnthropic) || find_form(message.extras, "inline").empty();
}

void decode_messages(const json::Value& messages, Request& request) {
  std::string_view previous;
  for (const json::Value& value : messages.as_array()) {
    ObjectReader in(value);
    Message message;
    const std::string_view role = in.take("role")->as_string();
    decode_blocks(in, "content", kAnthropicRequest, message.parts);
    in.expect("content");
    message.role = role_of(role, message.parts);
    if (message.role == Role::kSystem) in.form("inline", "true");
    if (role == previous) in.form("separate", "true");
    message.labels = role_labels(message.role);
    label_results(message, request.messages);
    message.extras = in.finish(kAnthropicRequest);
    previous = role;
    request.messages.push_back(std::move(message));
  }
}

void write_messages(json::Writer& out, const std::vector<Message>& messages) {
  out.begin_array();
  for (const Turn& turn : turns_of(messages, kAnthropic, wire_role, is_left_out)) write_turn(out, turn);
  out.end_array();
}

}  // namespace tau::wire::anthropic
