// Messages of a request as the dialects see them in which roles alternate: neighbours with one wire role are
// one turn, and the results of tools stand first in theirs.
#pragma once

#include <string_view>
#include <vector>

#include "wire/wire.h"

namespace tau::wire {

// Views into the request's messages.
using Turn = std::vector<const Message*>;

// A message that carries the form "separate" of `dialect` begins a turn of its own: it came as one.
std::vector<Turn> turns_of(const std::vector<Message>& messages, std::string_view dialect,
                           std::string_view (*wire_role)(const Message&),
                           bool (*is_left_out)(const Message&));
// The parts of a turn that can be written, in order.
std::vector<const Part*> parts_of(const Turn& turn, bool (*can_write)(const Part&));
void results_first(std::vector<const Part*>& parts);

// Labels of what a message of that role says; of a tool's results, label_results() has them.
Labels role_labels(Role role);
// The name of the tool whose call has this id; empty when no message has such a call.
std::string_view called_tool(const std::vector<Message>& earlier, std::string_view call_id);
// Labels a message by the tools whose results it holds: by the names it gives, else by the calls before it.
void label_results(Message& message, const std::vector<Message>& earlier);

}  // namespace tau::wire
