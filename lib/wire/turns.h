// Dialects in which two roles take turns: neighbours with one role are one turn, and the results of tools
// stand first in theirs. And what messages of a request are labelled with, in all dialects.
#pragma once

#include <initializer_list>
#include <span>
#include <string_view>
#include <vector>

#include "wire/form.h"
#include "wire/wire.h"

namespace tau::wire {

// What a dialect of this kind is to the functions below.
struct TurnRules {
  std::string_view dialect;  // whose extras go back
  bool (*can_write)(const Part& part);
  std::string_view content = "content";  // the member that holds the parts of a message
};

// Views into the request's messages.
using Turn = std::vector<const Message*>;

// The role of a message on such a wire: "user", "assistant" or "system".
std::string_view turn_role(const Message& message);
// The role of a message that came with that one.
Role role_of_turn(std::string_view role, const std::vector<Part>& parts);
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

// Whether the part is reasoning that an answer can show, whoever signed it.
bool is_thought(const Part& part);

// Labels of what a message of that role says; of a tool's results, label_results() has them.
Labels role_labels(Role role);
// The name of the tool of the last call with this id; empty when no message has such a call.
std::string_view called_tool(std::span<const Message> earlier, std::string_view call_id);
// Labels a message by the tools whose results it holds: by the names it gives, else by the calls before it.
void label_results(Message& message, std::span<const Message> earlier);
void label_all_results(std::vector<Message>& messages);

// Whether "messages" is an array of messages with roles of `roles`. INVALID_ARGUMENT "invalid_request".
Status check_turns(const json::Value& request, std::initializer_list<std::string_view> roles);

}  // namespace tau::wire
