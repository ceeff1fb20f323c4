// Answers with several choices: the one with index 0 is the message, the others stay as they came.
#pragma once

#include <functional>
#include <string_view>

#include "wire/form.h"

namespace tau::wire {

// Takes the list under `key` and gives its first choice; null when it is empty, or holds something else.
const json::Value* take_first_choice(ObjectReader& in, std::string_view key);
// Writes the list: `first` writes the message's choice, at its place among the others.
void write_choices(ObjectWriter& out, std::string_view key, const std::function<void()>& first);

}  // namespace tau::wire
