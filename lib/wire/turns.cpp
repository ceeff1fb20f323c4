#include "wire/turns.h"

#include <algorithm>

namespace tau::wire {
namespace {

bool is_result(const Part& part) { return part.as<ToolResult>() != nullptr; }

// Whether the message came without a part that could be written, and so goes back.
bool came_empty(const Message& message, const TurnRules& rules) {
  if (!extras_belong(message.extras, rules.dialect)) return false;
  return !message.extras.find(rules.content).empty() || !find_form(message.extras, "absent").empty();
}

bool is_separate(const Message& message, const TurnRules& rules) {
  return extras_belong(message.extras, rules.dialect) && !find_form(message.extras, "separate").empty();
}

}  // namespace

std::string_view turn_role(const Message& message) {
  if (message.role == Role::kAssistant) return "assistant";
  if (message.role == Role::kSystem || message.role == Role::kDeveloper) return "system";
  return "user";
}

Role role_of_turn(std::string_view role, const std::vector<Part>& parts) {
  if (role == "assistant") return Role::kAssistant;
  if (role == "system") return Role::kSystem;
  return !parts.empty() && std::all_of(parts.begin(), parts.end(), is_result) ? Role::kTool : Role::kUser;
}

bool is_hoisted(const Message& message, const TurnRules& rules) {
  if (message.role != Role::kSystem && message.role != Role::kDeveloper) return false;
  return !extras_belong(message.extras, rules.dialect) || find_form(message.extras, "inline").empty();
}

std::vector<Turn> turns_of(const std::vector<Message>& messages, const TurnRules& rules) {
  std::vector<Turn> turns;
  for (const Message& message : messages) {
    if (is_hoisted(message, rules)) continue;
    if (std::none_of(message.parts.begin(), message.parts.end(), rules.can_write) &&
        !came_empty(message, rules))
      continue;
    const bool joins = !turns.empty() && turn_role(*turns.back().front()) == turn_role(message) &&
                       !is_separate(message, rules);
    if (!joins) turns.emplace_back();
    turns.back().push_back(&message);
  }
  return turns;
}

std::vector<const Part*> parts_of(const Turn& turn, const TurnRules& rules) {
  std::vector<const Part*> parts;
  for (const Message* message : turn)
    for (const Part& part : message->parts)
      if (rules.can_write(part)) parts.push_back(&part);
  if (turn.size() > 1)
    std::stable_partition(parts.begin(), parts.end(), [](const Part* part) { return is_result(*part); });
  return parts;
}

void add_turn(ObjectReader& in, std::string_view role, std::string_view previous, std::string_view origin,
              std::vector<Part> blocks, std::vector<Message>& messages) {
  Message message;
  message.parts = std::move(blocks);
  in.expect("content");
  message.role = role_of_turn(role, message.parts);
  if (message.role == Role::kSystem) in.form("inline", "true");
  if (role == previous) in.form("separate", "true");
  message.labels = role_labels(message.role);
  label_results(message, messages);
  message.extras = in.finish(origin);
  messages.push_back(std::move(message));
}

bool is_thought(const Part& part) {
  const auto* reasoning = part.as<Reasoning>();
  return reasoning != nullptr && !reasoning->text.empty();
}

Labels role_labels(Role role) {
  switch (role) {
    case Role::kSystem:
    case Role::kDeveloper: return Labels::from(Source::kSystem);
    case Role::kUser: return Labels::from(Source::kUser);
    case Role::kAssistant: return Labels::from(Source::kModel);
    case Role::kTool: break;
  }
  return {};
}

std::string_view called_tool(std::span<const Message> earlier, std::string_view call_id) {
  for (auto message = earlier.rbegin(); message != earlier.rend(); ++message)
    for (auto part = message->parts.rbegin(); part != message->parts.rend(); ++part)
      if (const auto* call = part->as<ToolCall>(); call != nullptr && call->id == call_id) return call->name;
  return {};
}

void label_results(Message& message, std::span<const Message> earlier) {
  for (const Part& part : message.parts) {
    const auto* result = part.as<ToolResult>();
    if (result == nullptr) continue;
    const std::string_view name = result->name.empty() ? called_tool(earlier, result->call_id) : result->name;
    message.labels.join(Labels::tool(is_valid_id(name) ? name : "unknown"));
  }
}

void label_all_results(std::vector<Message>& messages) {
  const std::span<const Message> all = messages;
  for (size_t i = 0; i < all.size(); ++i) label_results(messages[i], all.first(i));
}

Status check_turns(const json::Value& request, std::initializer_list<std::string_view> roles) {
  if (!request["messages"].is_array())
    return invalid_argument("invalid_request", "\"messages\" must be an array of messages");
  for (const json::Value& item : request["messages"].as_array())
    if (std::find(roles.begin(), roles.end(), item["role"].as_string()) == roles.end())
      return invalid_argument("invalid_request",
                              "the \"role\" of a message must be \"user\" or \"assistant\"");
  return ok_status();
}

}  // namespace tau::wire
