#include "wire/turns.h"

#include <algorithm>

namespace tau::wire {
namespace {

bool is_result(const Part& part) { return part.as<ToolResult>() != nullptr; }

// The name of the tool that a result answers, from the calls before it.
std::string_view tool_name(const std::vector<Message>& earlier, std::string_view call_id) {
  for (auto message = earlier.rbegin(); message != earlier.rend(); ++message)
    for (const Part& part : message->parts)
      if (const auto* call = part.as<ToolCall>();
          call != nullptr && call->id == call_id && is_valid_id(call->name))
        return call->name;
  return "unknown";
}

// Whether the message came without a block that could be written, and so goes back.
bool came_empty(const Message& message, const TurnRules& rules) {
  if (!extras_belong(message.extras, rules.dialect)) return false;
  return !message.extras.find("content").empty() || !find_form(message.extras, "absent").empty();
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

Labels labels_of_turn(const Message& message, const std::vector<Message>& earlier) {
  if (message.role == Role::kAssistant) return Labels::from(Source::kModel);
  if (message.role == Role::kSystem) return Labels::from(Source::kSystem);
  Labels labels;
  if (message.role == Role::kUser) labels = Labels::from(Source::kUser);
  for (const Part& part : message.parts)
    if (const auto* result = part.as<ToolResult>())
      labels.join(Labels::tool(tool_name(earlier, result->call_id)));
  return labels;
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
  message.labels = labels_of_turn(message, messages);
  message.extras = in.finish(origin);
  messages.push_back(std::move(message));
}

}  // namespace tau::wire
