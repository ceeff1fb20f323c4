// The messages of an Anthropic request, both ways: roles alternate, tool results of one turn stand together
// in one user message and before anything else in it.
#include <algorithm>

#include "wire/anthropic.h"

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

// The name of the tool that a result answers, from the calls before it.
std::string_view tool_name(const std::vector<Message>& earlier, std::string_view call_id) {
  for (auto message = earlier.rbegin(); message != earlier.rend(); ++message)
    for (const Part& part : message->parts)
      if (const auto* call = part.as<ToolCall>();
          call != nullptr && call->id == call_id && is_valid_id(call->name))
        return call->name;
  return "unknown";
}

Labels labels_of(const Message& message, const std::vector<Message>& earlier) {
  if (message.role == Role::kAssistant) return Labels::from(Source::kModel);
  if (message.role == Role::kSystem) return Labels::from(Source::kSystem);
  Labels labels;
  if (message.role == Role::kUser) labels = Labels::from(Source::kUser);
  for (const Part& part : message.parts)
    if (const auto* result = part.as<ToolResult>())
      labels.join(Labels::tool(tool_name(earlier, result->call_id)));
  return labels;
}

// Whether the message came without a block that could be written, and so goes back.
bool came_empty(const Message& message) {
  if (!extras_belong(message.extras, kAnthropic)) return false;
  return !message.extras.find("content").empty() || !find_form(message.extras, "absent").empty();
}

bool is_separate(const Message& message) {
  return extras_belong(message.extras, kAnthropic) && !find_form(message.extras, "separate").empty();
}

using Group = std::vector<const Message*>;

// Neighbours with one wire role become one message, unless they came as two.
std::vector<Group> group(const std::vector<Message>& messages) {
  std::vector<Group> groups;
  for (const Message& message : messages) {
    if (is_hoisted(message)) continue;
    if (std::none_of(message.parts.begin(), message.parts.end(), can_write) && !came_empty(message)) continue;
    const bool joins =
        !groups.empty() && wire_role(*groups.back().front()) == wire_role(message) && !is_separate(message);
    if (!joins) groups.emplace_back();
    groups.back().push_back(&message);
  }
  return groups;
}

void write_group(json::Writer& w, const Group& messages) {
  const Message& first = *messages.front();
  std::vector<const Part*> parts;
  for (const Message* message : messages)
    for (const Part& part : message->parts)
      if (can_write(part)) parts.push_back(&part);
  if (messages.size() > 1)
    std::stable_partition(parts.begin(), parts.end(), [](const Part* part) { return is_result(*part); });
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
    message.labels = labels_of(message, request.messages);
    message.extras = in.finish(kAnthropicRequest);
    previous = role;
    request.messages.push_back(std::move(message));
  }
}

void write_messages(json::Writer& out, const std::vector<Message>& messages) {
  out.begin_array();
  for (const Group& members : group(messages)) write_group(out, members);
  out.end_array();
}

}  // namespace tau::wire::anthropic
