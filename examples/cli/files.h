// The few files that the program touches itself: schemas, exports, history, the first tau.toml.
#pragma once

#include "result.h"

namespace cli {

// The whole file; a failure names the path, also when it is longer than `limit`.
Result<std::string> read_file(const std::string& path, size_t limit);

// stdin to its end.
Result<std::string> read_stdin(size_t limit);

// Makes the file with mode 0600. False when there is one already.
Result<bool> create_private_file(const std::string& path, std::string_view content);

// Appends to a file of mode 0600, making it. Best effort.
void append_private_file(const std::string& path, std::string_view content);

}  // namespace cli
