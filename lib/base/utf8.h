// UTF-8: validation, truncation at a character boundary, repair.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace tau {

// True when all of `text` is well-formed UTF-8 (RFC 3629: no surrogates, no overlong forms).
bool is_valid_utf8(std::string_view text);

// The length of the longest well-formed prefix.
size_t valid_utf8_prefix(std::string_view text);

// The longest prefix of at most `max_bytes` that does not cut a character.
std::string_view truncate_utf8(std::string_view text, size_t max_bytes);

// `text` with each ill-formed sequence replaced by U+FFFD (maximal subpart practice, Unicode 3.9).
std::string repair_utf8(std::string_view text);

}  // namespace tau
