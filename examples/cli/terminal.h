// What the standard streams are, and how text is shown on them.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace cli {

enum class Style : uint8_t { kPlain, kDim, kBold, kRed, kYellow };

bool stdin_is_terminal();
bool stdout_is_terminal();
bool stderr_is_terminal();

// How wide stdout is, in columns; 80 where it does not say.
size_t terminal_columns();

// Whether lines can be edited and shown as they are: stdin and stdout are a terminal that can move its
// cursor.
bool can_edit();

// Whether stderr may show colours and a spinner: it is a terminal that knows them and NO_COLOR is unset.
bool stderr_is_rich();

// Whether stdout may show colours.
bool stdout_is_rich();

// `text` in a style when `rich`, else as it is.
std::string paint(bool rich, Style style, std::string_view text);

// Writes to stdout at once. False when that cannot be done; output_error() tells why.
bool write_out(std::string_view text);

// The first error of stdout as an errno; 0 while there was none.
int output_error();

// Writes to stderr at once.
void write_err(std::string_view text);

}  // namespace cli
