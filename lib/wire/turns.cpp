#include "wire/turns.h"

#include <algorithm>

#include "wire/form.h"

namespace tau::wire {
namespace {

bool is_separate(const Message& message, std::string_view dialect) {
  return extras_belong(message.extras, dialect) && !find_form(message.extras, "separate").empty();
}

}  // namespace

std::vector<Turn> turns_of(const std::vector<Message>& messages, std::string_view dialect,
                           std::string_view (*wire_role)(const Message&),
                           bool (*is_left_out)(const Message&)) {
  std::vector<Turn> turns;
  for (const Message& message : messages) {
    if (is_left_out(message)) continue;
    const bool joins = !turns.empty() && wire_role(*turns.back().front()) == wire_role(message) &&
                       !is_separate(message, dialect);
    if (!joins) turns.emplace_back();
    turns.back().push_back(&message);
  }
  return turns;
}

std::vector<const Part*> parts_of(const Turn& turn, bool (*can_write)(const Part&)) {
  std::vector<const Part*> parts;
  for (const Message* message : turn)
    for (const Part& part : message->parts)
      if (can_write(part)) parts.push_back(&part);
  return parts;
}

void results_first(std::vector<const Part*>& parts) {
  std::stable_partition(parts.begin(), parts.end(),
                        [](const Part* part) { return part->as<ToolResult>() != nullptr; });
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

std::string_view called_tool(const std::vector<Message>& earlier, std::string_view call_id) {
  for (auto message = earlier.rbegin(); message != earlier.rend(); ++message)
    for (const Part& part : message->parts)
      if (const auto* call = part.as<ToolCall>(); call != nullptr && call->id == call_id) return call->name;
  return {};
}

void label_results(Message& message, const std::vector<Message>& earlier) {
  for (const Part& part : message.parts) {
    const auto* result = part.as<ToolResult>();
    if (result == nullptr) continue;
    const std::string_view name = result->name.empty() ? called_tool(earlier, result->call_id) : result->name;
    message.labels.join(Labels::tool(is_valid_id(name) ? name : "unknown"));
  }
}

}  // namespace tau::wire
