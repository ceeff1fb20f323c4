// Text: well-formed, safe to show, cut to a width, parsed from arguments.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace cli {

// The length in bytes of the UTF-8 character at the start of `text`; 0 when there is none.
size_t utf8_length(std::string_view text);

bool is_utf8(std::string_view text);

// With U+FFFD in place of bytes that are no UTF-8.
std::string repaired_utf8(std::string_view text);

// Without what could drive a terminal: control characters but newline and tab go away, C1 controls too.
std::string safe_text(std::string_view text);

// Safe, on one line, at most `width` characters; "…" stands for what was cut. What would reorder the text or
// is invisible in it is written out, as \u{202e}.
std::string one_line(std::string_view text, size_t width);

// Padded with blanks to `width` columns.
std::string padded(std::string_view text, size_t width);

// The columns of a terminal that `text` takes: none for combining marks, two for wide characters, else one.
size_t columns_of(std::string_view text);

// A decimal number of at least 0 times 10^digits: ("1.5", 6) is 1,500,000. Nothing when it is none, has more
// digits after the point, or does not fit.
std::optional<int64_t> parse_decimal(std::string_view text, int digits);

// Days: "30", "30d", "4w". Nothing when it is none, or zero.
std::optional<int64_t> parse_days(std::string_view text);

// Bytes: "1000000", "500M", "1.5G", with the powers of 1024 that K, M, G and T stand for. Nothing when it is
// none, or zero.
std::optional<int64_t> parse_bytes(std::string_view text);

// "1.5 MB", as parse_bytes counts.
std::string bytes_text(int64_t bytes);

std::vector<std::string> split(std::string_view text, char separator);

std::string joined(std::span<const std::string_view> words, std::string_view separator);

// The word of `known` that `word` was probably meant to be; empty when none is near.
std::string_view nearest(std::string_view word, std::span<const std::string_view> known);

}  // namespace cli
