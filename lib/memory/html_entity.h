// Character references of HTML: the numeric ones, and the names that people and programs write.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace tau::memory {

// Appends `text` with its references decoded. What is none stays as it is.
void append_unescaped_html(std::string& out, std::string_view text);
void append_code_point(std::string& out, uint32_t code);

}  // namespace tau::memory
