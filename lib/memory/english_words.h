// English words that are treated by themselves. Private to memory.
#pragma once

#include <optional>
#include <string_view>

namespace tau::memory {

// What to take for a word in lower case: nothing, when it says nothing by itself ("the"); the plain form of
// an irregular one ("went": "go"); nullopt for all others.
std::optional<std::string_view> english_word(std::string_view word);

}  // namespace tau::memory
