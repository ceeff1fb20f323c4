// The few files that the program touches itself: schemas, exports, history, the first tau.toml.
#pragma once

#include <optional>
#include <string>

#include "result.h"

namespace cli {

// The whole file; a failure names the path, also when it is longer than `limit`.
Result<std::string> read_file(const std::string& path, size_t limit);

// stdin to its end.
Result<std::string> read_stdin(size_t limit);

// Makes the file with mode 0600. False when there is one already.
Result<bool> create_private_file(const std::string& path, std::string_view content);

// A folder of this program alone, below that for temporary files, which goes away with all that is in it. Its
// path is empty when none can be made.
class TemporaryFolder {
 public:
  TemporaryFolder();
  ~TemporaryFolder();
  TemporaryFolder(const TemporaryFolder&) = delete;
  TemporaryFolder& operator=(const TemporaryFolder&) = delete;
  const std::string& path() const { return path_; }

 private:
  std::string path_;
};

// All of stdin into a new file, or all of a file to stdout, piece by piece.
std::optional<Failure> stdin_to_file(const std::string& path);
std::optional<Failure> file_to_stdout(const std::string& path);

// Appends to a file of mode 0600, making it. Best effort.
void append_private_file(const std::string& path, std::string_view content);

}  // namespace cli
