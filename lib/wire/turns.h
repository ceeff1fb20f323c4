// Dialects whose roles are "user" and "assistant" and take turns: tool results of one turn stand together in
// one user message and before anything else in it.
#pragma once

#include <string_view>
#include <vector>

#include "wire/form.h"
#include "wire/wire.h"

namespace tau::wire {

// What a dialect of this kind is to the functions below.
struct TurnRules {
  std::string_view dialect;  // whose extras go back
  bool (*can_write)(const Part& part);
};

using Turn = std::vector<const Message*>;

// The role of a message on this wire.
std::string_view turn_role(const Message& message);
// The role of a message that came with that one.
Role role_of_turn(std::string_view role, const std::vector<Part>& parts);
// Of a message that comes after the earlier ones: results are those of their tools.
Labels labels_of_turn(const Message& message, const std::vector<Message>& earlier);
// Whether the message belongs into `system`, which stands beside the messages.
bool is_hoisted(const Message& message, const TurnRules& rules);
// Neighbours with one role become one turn, unless they came as two. Messages without a part that can be
// written are left out, unless they came so.
std::vector<Turn> turns_of(const std::vector<Message>& messages, const TurnRules& rules);
// What is to be written of a turn, in order.
std::vector<const Part*> parts_of(const Turn& turn, const TurnRules& rules);
// Decodes what all messages of such a dialect have; `blocks` are its parts, `in` reads the message without
// its role. Adds it to `messages`.
void add_turn(ObjectReader& in, std::string_view role, std::string_view previous, std::string_view origin,
              std::vector<Part> blocks, std::vector<Message>& messages);

}  // namespace tau::wire
